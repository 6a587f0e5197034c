"""What a run adds to its steps: metrics, progress, status, best weights and checkpoints after every epoch.

The same model and data, in the same segments, with the run around them and without. Expected before it was
measured: at most 3% of an epoch that lasts a second.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import TYPE_CHECKING, Any

from tests.benchmarks.tables import Table

if TYPE_CHECKING:
    from kexp.train.execution import Execution
    from kexp.train.ready import Ready

_EPOCHS = 4
_SPEC = """\
kexp: 1
name: overhead
seed: 0
data: {source: npz, path: images.npz, x: x, y: y, split: {val: 0.1}}
model:
  layers:
    - Rescaling: 0.00392156862745098
    - Reshape: {target_shape: [28, 28, 1]}
    - Conv2D: {filters: 16, kernel_size: 3, activation: relu}
    - MaxPooling2D
    - Conv2D: {filters: 32, kernel_size: 3, activation: relu}
    - MaxPooling2D
    - Flatten
    - Dense: {units: 10, activation: softmax}
train:
  optimizer: adam
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
  epochs: EPOCHS
  batch_size: 128
"""


def tables(rounds: int = 8) -> Iterator[Table]:
    from fakes import machine

    machine()
    from kexp.document import parse_document
    from kexp.spec.parse import parse_experiment
    from kexp.train.execution import Execution
    from kexp.train.ready import make_ready

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_images(folder / "images.npz", 24_000)
        text = _SPEC.replace("EPOCHS", str(_EPOCHS)).encode()
        ready = make_ready(parse_experiment(parse_document(text, "spec.yaml", folder)), folder)
        execution = Execution(ready.phases, ready.assembly, ready.datasets, ready.callbacks)
        ways: tuple[Callable[..., list[float]], ...] = (_bare, _whole)
        seconds = [[median(way(ready, execution, folder / "runs")) for way in ways] for _ in range(rounds)]
    added = [100 * (whole / bare - 1) for bare, whole in seconds]
    low, _, high = quantiles(added, n=4)
    rows = [
        (
            "CNN, 21,600 images",
            *map(median, zip(*seconds, strict=True)),
            median(added),
            f"{low:.1f} to {high:.1f}",
        )
    ]
    header = ("workload", "steps alone, s/epoch", "run, s/epoch", "added, %", "middle half")
    yield Table("A run around its steps", header, rows, f"Medians of {rounds} rounds, the two in turn.")


def _write_images(path: Path, size: int) -> None:
    import numpy as np

    random = np.random.default_rng(0)
    x = random.integers(0, 256, (size, 28, 28), np.uint8)
    np.savez(path, x=x, y=random.integers(0, 10, size))


def _bare(ready: "Ready", execution: "Execution", runs: Path) -> list[float]:
    """Return the seconds of each epoch but the first, from end to end, of the steps alone."""
    from tests.benchmarks.workloads import Clock, Teller

    clock = Clock()
    with closing(execution.engine(0, ready.phases[0], ready.assembly, None)) as engine:
        ready.assembly.model.fit(
            engine.batches,
            epochs=_EPOCHS,
            shuffle=False,
            verbose=0,
            validation_data=engine.validation,
            callbacks=engine.callbacks([Teller(engine.batches), clock], _EPOCHS),
        )
    return clock.between


def _whole(ready: "Ready", execution: "Execution", runs: Path) -> list[float]:
    """Return the same of a phase of a run, with all that it keeps."""
    from datetime import UTC, datetime

    from fakes import FakeDisplay

    from kexp.record.rundir import RunDir
    from kexp.train.fitting import fit_phase
    from kexp.train.session import Progress, Session
    from kexp.train.signals import StopSignals

    ends: list[float] = []

    class Timed(FakeDisplay):
        def epoch_ends(self, row: Any, is_best: bool) -> None:
            ends.append(perf_counter())

    run = RunDir.create(runs, "overhead", datetime.now(UTC))
    with run.lock(), StopSignals().caught() as signals:
        session = Session(run, "identity", Progress(), Timed(), signals, [], lambda: None)
        fit_phase(ready.phases[0], ready.assembly, ready.datasets, session, execution)
        session.saver.close()
    return [after - before for before, after in pairwise(ends)]
