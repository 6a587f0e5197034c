"""Runs that are ended, gone on with, and compared with one that nothing ended."""

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from fakes import FakeDisplay, machine

from kexp.document import parse_document
from kexp.record.changes import Consent, check_changes, spec_changes
from kexp.record.experiment import read_experiment
from kexp.record.history import read_rows
from kexp.record.rundir import RunDir
from kexp.record.status import read_status
from kexp.spec.overrides import override
from kexp.spec.parse import parse_experiment
from kexp.spec.types import Experiment


class Killed(BaseException):
    """Ends a training wherever it is; nothing that a run does afterwards is taken into account."""


@dataclass
class Ender(FakeDisplay):
    """Ends the training when so many steps were done since it began or went on, or a segment of them."""

    at: int = 0
    end: Callable[[], None] = lambda: None
    done: int = 0
    in_epoch: int = 0

    def epoch_begins(self, epoch: int) -> None:
        self.in_epoch = 0

    def step(self, step: int, metrics: Any) -> None:
        before, self.done, self.in_epoch = self.done, self.done + step - self.in_epoch, step
        if before < self.at <= self.done:
            self.end()


def die() -> None:
    raise Killed


def train(spec: str, path: Path, display: FakeDisplay | None = None) -> RunDir:
    """Train a spec into a directory, as a process of its own would."""
    folder = path.parent
    document = parse_document(spec.encode(), "spec.yaml", folder)
    if "KERAS_BACKEND" in os.environ:
        document = override(document, [f"runtime.backend={os.environ['KERAS_BACKEND']}"])
    experiment = parse_experiment(document)
    order = _order(experiment, spec.encode(), folder, RunDir.at(path))
    from kexp.train.loop import train as train_now

    with RunDir(path).lock():
        train_now(order, display or FakeDisplay())
    return RunDir(path)


def resume(
    run: RunDir, display: FakeDisplay | None = None, changed: Sequence[str] = (), accepts: bool = False
) -> RunDir:
    """Go on with a run, as a process of its own would."""
    before = read_experiment(run)
    assert before.document is not None
    after = parse_experiment(override(before.document, changed))
    changes = spec_changes(before, after)
    check_changes(changes, accepts)
    order = _order(after, run.spec.read_bytes(), run.path, run)
    from kexp.train.resume import resume as resume_now

    with run.lock():
        resume_now(order, display or FakeDisplay(), Consent(changes, accepts))
    return run


def _order(experiment: Experiment, text: bytes, folder: Path, run: RunDir) -> Any:
    ready = machine()
    from kexp.train.backend import settle
    from kexp.train.order import Order

    settle(experiment.runtime, experiment.seed or 0)
    now = datetime.now(UTC)
    return Order(
        experiment, text, folder, run.path.parent, ready, ("kexp",), {}, now, perf_counter(), run=run
    )


def killed(spec: str, path: Path, at: int) -> RunDir:
    """Train a spec until a step."""
    try:
        train(spec, path, Ender(at=at, end=die))
    except Killed:
        return RunDir(path)
    raise AssertionError(f"the training ended before step {at}")


def outcome(run: RunDir) -> dict[str, Any]:
    """Return all that must be the same, whatever ended the run meanwhile."""
    from kexp.graph.weights import weights_sha256
    from kexp.train.state import read_state

    assert run.last_checkpoint is not None
    state = read_state(run.last_checkpoint)
    record = {name: value for name, value in state.record.items() if name not in ("run", "best_row")}
    status = read_status(run)
    return {
        "arrays": {key: weights_sha256({key: array}) for key, array in sorted(state.arrays.items())},
        "record": record,
        "rows": [{n: v for n, v in row.items() if n != "seconds"} for row in read_rows(run)],
        "status": (status.state, status.metrics, status.best, status.weights_sha256),
        "csv": len(run.metrics_csv.read_text().splitlines()),
    }


def copied(run: RunDir, path: Path) -> RunDir:
    shutil.copytree(run.path, path)
    return RunDir(path)
