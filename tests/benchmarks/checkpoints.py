"""What a checkpoint after every epoch costs, ours against Keras's `ModelCheckpoint` and `BackupAndRestore`.

The same compiled model and batches under `fit`, the ways in turn; ours is waited for at the end, and writes
the whole state, hashed and synced, while the training goes on. Expected before it was measured: less than
half of what `ModelCheckpoint` adds where a core is free, and as much as it where none is.
"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import Any

from tests.benchmarks.tables import Table

_EPOCHS = 3
_SIZES: dict[str, tuple[tuple[int, ...], int]] = {
    "1 M parameters": ((784, 900, 320), 300),
    "25 M parameters": ((784, 4096, 5240), 30),
}
"""By name, the layers' widths, and how many steps an epoch has."""
_BATCH_SIZE = 64


def tables(rounds: int = 5) -> Iterator[Table]:
    from fakes import machine

    machine()
    rows = [row for name, (widths, steps) in _SIZES.items() for row in _rows(name, widths, steps, rounds)]
    header = ("model", "way", "step, ms", "a save adds, ms", "middle half", "steps", "% of 1,000")
    note = f"Medians of {rounds} rounds of {_EPOCHS} epochs, each with a save, waited for in the end."
    yield Table("A checkpoint after every epoch", header, rows, note)


def _rows(name: str, widths: tuple[int, ...], steps: int, rounds: int) -> list[tuple[Any, ...]]:
    import numpy as np

    model = _model(widths)
    random = np.random.default_rng(0)
    x = random.random((steps * _BATCH_SIZE, widths[0]), np.float32)
    y = random.integers(0, 10, len(x))
    ways: dict[str, Callable[[Path], Any]] = {
        "none": lambda folder: None,
        "kexp": lambda folder: _ours(folder, model),
        "ModelCheckpoint": _model_checkpoint,
        "BackupAndRestore": _backup,
    }
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(rounds + 1):
        for way, make in ways.items():
            took = _seconds(model, x, y, make)
            if number:
                seconds[way].append(took)
    step = median(seconds["none"]) / (_EPOCHS * steps)
    return [_row(name, way, step, times, seconds["none"]) for way, times in seconds.items() if way != "none"]


def _row(name: str, way: str, step: float, times: list[float], without: list[float]) -> tuple[Any, ...]:
    added = [(with_saves - bare) / _EPOCHS for with_saves, bare in zip(times, without, strict=True)]
    low, _, high = quantiles(added, n=4)
    each = median(added)
    spread = f"{1000 * low:.0f} to {1000 * high:.0f}"
    return name, way, 1000 * step, 1000 * each, spread, each / step, 100 * each / (1000 * step)


def _model(widths: tuple[int, ...]) -> Any:
    import keras

    body = [keras.layers.Dense(width, "relu") for width in widths[1:]]
    model = keras.Sequential([keras.Input(widths[:1]), *body, keras.layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def _seconds(model: Any, x: Any, y: Any, make: Callable[[Path], Any]) -> float:
    with tempfile.TemporaryDirectory(prefix="kexp-checkpoints-") as folder:
        callback = make(Path(folder))
        began = perf_counter()
        model.fit(
            x,
            y,
            batch_size=_BATCH_SIZE,
            epochs=_EPOCHS,
            shuffle=False,
            verbose=0,
            callbacks=[callback] if callback else [],
        )
        return perf_counter() - began


def _model_checkpoint(folder: Path) -> Any:
    import keras

    return keras.callbacks.ModelCheckpoint(folder / "model.keras")


def _backup(folder: Path) -> Any:
    import keras

    return keras.callbacks.BackupAndRestore(folder / "backup")


def _ours(folder: Path, model: Any) -> Any:
    """Return a callback that saves as a run does."""
    from datetime import UTC, datetime

    import keras
    from fakes import FakeDisplay

    from kexp.record.rundir import RunDir
    from kexp.spec.types import Checkpoint
    from kexp.train.callback_state import CallbackState
    from kexp.train.checkpoints import Checkpoints
    from kexp.train.session import Progress, Session

    run, nobody = RunDir.create(folder, "checkpoints", datetime.now(UTC)), Any
    session = Session(run, "identity", Progress(), FakeDisplay(), nobody, [], lambda: None)

    class Saving(keras.callbacks.Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            self.checkpoints = Checkpoints(session, Checkpoint(), CallbackState([]))
            self.checkpoints.model = self.model

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            session.progress.epoch += 1
            session.progress.step = session.progress.epoch
            self.checkpoints.save(self.checkpoints.state())

        def on_train_end(self, logs: Any = None) -> None:
            self.checkpoints.settle()
            session.saver.close()

    return Saving()
