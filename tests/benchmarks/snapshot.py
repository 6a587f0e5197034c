"""What saving the whole state takes of the training thread: 14.7 million parameters with Adam's slots.

The model is VGG-16 without its head. Ours copies the arrays and hands them to a writer, which hashes, writes
and syncs while the training goes on; Keras's ways write at once. Expected before it was measured: at most
0.2 of saving `.keras`.
"""

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter, thread_time
from typing import Any

from tests.benchmarks.tables import Table

_WAYS = (".keras", ".weights.h5", "kexp, on the training thread", "kexp, until it is written")


def tables(rounds: int = 9) -> Iterator[Table]:
    from fakes import machine
    from saving import begin_save, checkpoints_of

    machine()
    model = _model()
    seconds: dict[str, list[tuple[float, float]]] = {way: [] for way in _WAYS}
    with tempfile.TemporaryDirectory(prefix="kexp-snapshot-") as name:
        folder = Path(name)
        checkpoints = checkpoints_of(model, folder)
        for number in range(rounds + 1):
            took = [
                _seconds(lambda: model.save(folder / "model.keras")),
                _seconds(lambda: model.save_weights(folder / "model.weights.h5")),
                _seconds(partial(begin_save, checkpoints)),
            ]
            waited = _seconds(checkpoints.settle)
            took.append((took[-1][0] + waited[0], took[-1][1] + waited[1]))
            if number:
                for way, each in zip(_WAYS, took, strict=True):
                    seconds[way].append(each)
        checkpoints.session.saver.close()
    rows = [_row(way, each, seconds[".keras"]) for way, each in seconds.items()]
    note = f"Medians of {rounds} rounds, the ways in turn; {model.count_params():,} parameters."
    yield Table("Saving the whole state", ("way", "ms", "of .keras", "CPU ms", "of .keras"), rows, note)


def _row(way: str, took: list[tuple[float, float]], usual: list[tuple[float, float]]) -> tuple[Any, ...]:
    wall, cpu = (median(each) for each in zip(*took, strict=True))
    usual_wall, usual_cpu = (median(each) for each in zip(*usual, strict=True))
    return way, 1000 * wall, wall / usual_wall, 1000 * cpu, cpu / usual_cpu


def _seconds(save: Callable[[], object]) -> tuple[float, float]:
    """Return what the clock says, and what this thread computed."""
    began = perf_counter(), thread_time()
    save()
    return perf_counter() - began[0], thread_time() - began[1]


def _model() -> Any:
    import keras

    model = keras.applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 3))
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    return model
