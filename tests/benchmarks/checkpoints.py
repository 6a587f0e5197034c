"""What a checkpoint costs, ours against Keras's `ModelCheckpoint` and `BackupAndRestore`.

One `fit` of one compiled model, whose short epochs take turns: after one nothing is saved, after the next
one of the ways saves. Measured is from there to the end of the next epoch, when whatever is still being
written is waited for; what a save adds is the difference to the epochs of the same round after which nothing
was saved.
Ours is the whole state, hashed and synced, written while the training goes on. Expected before it was
measured: less than half of what `ModelCheckpoint` adds where a core is free, and as much as it where none is.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import Any

from tests.benchmarks.tables import Table

_SIZES: dict[str, tuple[tuple[int, ...], int, int]] = {
    "1 M parameters": ((784, 900, 320), 50, 8),
    "25 M parameters": ((784, 4096, 5240), 10, 1),
}
"""By name, the layers' widths, how many steps an epoch has, and how many turns there are in a round."""
_BATCH_SIZE = 64
_NOTHING = "nothing"

Way = Callable[[int], None]
"""Saves after an epoch of that number."""


def tables(rounds: int = 8) -> Iterator[Table]:
    from fakes import machine

    machine()
    rows = [
        row
        for name, (widths, steps, turns) in _SIZES.items()
        for row in _rows(name, widths, steps, rounds * turns)
    ]
    header = ("model", "way", "step, ms", "a save adds, ms", "middle half", "steps", "% of 1,000 steps")
    note = f"Medians of {rounds} rounds, in which the ways take turns: eight times with the small model."
    yield Table("A checkpoint", header, rows, note)


def _rows(name: str, widths: tuple[int, ...], steps: int, rounds: int) -> Iterator[tuple[Any, ...]]:
    seconds = _measured(widths, steps, rounds)
    idle = [median(times) for times in seconds.pop(_NOTHING)]
    step = median(idle) / steps
    for way, times in seconds.items():
        added = [took - bare for (took,), bare in zip(times, idle, strict=True)]
        low, _, high = quantiles(added, n=4) if len(added) > 1 else added * 3
        each = median(added)
        spread = f"{1000 * low:.0f} to {1000 * high:.0f}"
        yield name, way, 1000 * step, 1000 * each, spread, each / step, 100 * each / (1000 * step)


def _measured(widths: tuple[int, ...], steps: int, rounds: int) -> dict[str, list[list[float]]]:
    """Return by way the seconds of each round's epochs; the first round does not count."""
    import keras
    import numpy as np
    from saving import begin_save, checkpoints_of

    model = _model(widths)
    random = np.random.default_rng(0)
    x = random.random((steps * _BATCH_SIZE, widths[0]), np.float32)
    y = random.integers(0, 10, len(x))
    with tempfile.TemporaryDirectory(prefix="kexp-checkpoints-") as folder:
        place = Path(folder)
        backup, each = keras.callbacks.BackupAndRestore(place / "backup"), place / "model.keras"
        checkpoints = checkpoints_of(model, place)
        ways = {
            "kexp": lambda number: begin_save(checkpoints),
            "ModelCheckpoint": _keras_way(keras.callbacks.ModelCheckpoint(each), model),
            "BackupAndRestore": _keras_way(backup, model),
        }
        turns = [turn for way in ways for turn in (_NOTHING, way)]
        ended = _timed(ways, turns, checkpoints.settle)
        # The epoch that a save is measured by is the one after it.
        epochs = (rounds + 1) * len(turns) + 1
        options = {"batch_size": _BATCH_SIZE, "shuffle": False, "verbose": 0}
        model.fit(x, y, epochs=epochs, callbacks=[ended], **options)
        seconds: dict[str, list[list[float]]] = {way: [] for way in (_NOTHING, *ways)}
        for number in range(1, rounds + 1):
            for way in seconds:
                both = zip(turns, ended.seconds[number * len(turns) :], strict=False)
                seconds[way].append([took for turn, took in both if turn == way])
        return seconds


def _timed(ways: Mapping[str, Way], turns: list[str], settle: Callable[[], None]) -> Any:
    """Return a callback that lets the ways take turns, and times each with the epoch after it."""
    import keras

    class Turns(keras.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.seconds: list[float] = []
            self.began = 0.0

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            settle()
            now = perf_counter()
            if epoch:
                self.seconds.append(now - self.began)
            self.began = perf_counter()
            ways.get(turns[epoch % len(turns)], lambda number: None)(epoch)

    return Turns()


def _keras_way(callback: Any, model: Any) -> Way:
    callback.set_model(model)
    return lambda number: callback.on_epoch_end(number, {})


def _model(widths: tuple[int, ...]) -> Any:
    import keras

    body = [keras.layers.Dense(width, "relu") for width in widths[1:]]
    model = keras.Sequential([keras.Input(widths[:1]), *body, keras.layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model
