"""A time series that a small equation makes."""

import numpy as np


def mackey_glass(window, ahead, count=4000, noise=0.02, seed=0):
    """Return stretches of the Mackey-Glass series, and the value some steps after each: chaos, but no chance.

    The splits follow each other in time. Shapes: past (n, window, 1); future (n,).
    Source: Mackey and Glass 1977, with delay 17.
    """
    series = [1.2] * 18
    for _ in range(count + 200):
        series.append(0.9 * series[-1] + 0.2 * series[-18] / (1 + series[-18] ** 10))
    observed = np.array(series[-count:]) - 0.9
    observed += np.random.default_rng(seed).normal(0, noise, count)
    windows = np.lib.stride_tricks.sliding_window_view(observed, window + ahead)
    parts = np.split(windows, [int(0.7 * len(windows)), int(0.85 * len(windows))])
    return {
        name: (part[:, :window, None], part[:, -1])
        for name, part in zip(("train", "val", "test"), parts, strict=True)
    }
