"""A training as the store sees it, without a model: begun, saved, completed, or gone on with."""

import io
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from types import SimpleNamespace
from typing import Any, Protocol

import numpy as np
from fakes import FakeDisplay

from faults.disk import below
from kexp.cli.described import describe, record_of
from kexp.cli.streams import Streams
from kexp.errors import KexpError, RunFailed
from kexp.graph.checkpoint import unpack
from kexp.record.experiment import check_own
from kexp.record.files import write_atomically
from kexp.record.history import append_row, read_rows, write_csv
from kexp.record.notes import Notes, write_notes
from kexp.record.query import list_runs
from kexp.record.rundir import RunDir
from kexp.record.status import Status, is_begun, read_status, write_status
from kexp.spec.types import Checkpoint, Duration
from kexp.train.callback_state import CallbackState
from kexp.train.checkpoints import Checkpoints
from kexp.train.ending import Ending
from kexp.train.opening import Unfinished, begin_again
from kexp.train.resume import newest_state
from kexp.train.saving import Saver
from kexp.train.session import Progress, Restart, Session
from kexp.train.state import State, with_best

NUM_EPOCHS, NUM_STEPS, EVERY = 3, 4, 2
NOW = datetime(2026, 11, 23, 9, 14, 55, tzinfo=UTC)
SPEC = b"kexp: 1\nname: life\n"

Say = Callable[[str], None]
"""Takes word of what is now kept for good."""


class Life(Protocol):
    """What is done with a run, and done again from where it was cut off."""

    def prepare(self, root: Path) -> None:
        """Make what is there before it begins."""

    def live(self, root: Path, say: Say, trust: bool = False) -> None:
        """Live, or go on where it was cut off.

        Raises: KexpError, as a command does.
        """

    def check(self, root: Path, said: list[str], is_key_lost: bool) -> None:
        """Check that what is on the disk is legal, and holds all that was said to be kept."""

    def told(self, root: Path) -> dict[str, Any]:
        """Return what must be the same in the end, however it came to be."""

    def is_unvouched(self, root: Path) -> bool:
        """Tell whether a run was begun, and nothing says whose it is."""


def run_below(root: Path) -> RunDir:
    """Return the one run below a folder, which has a key of its own."""
    os.environ["KEXP_CONFIG"] = str(root / "config")
    return RunDir(root / "runs" / "20261123-091455-life-aaaa")


def check_shown(root: Path) -> None:
    """Check that `ls` and `show` can read what there is."""
    for summary in list_runs(root / "runs"):
        assert summary.problem is None, summary.problem
        streams = Streams()
        streams.out = io.StringIO()
        describe(streams, RunDir(summary.path))
        json.dumps(record_of(RunDir(summary.path)))


class Training:
    def prepare(self, root: Path) -> None:
        pass

    def live(self, root: Path, say: Say, trust: bool = False) -> None:
        run = run_below(root)
        if not run.path.is_dir():
            assert RunDir.create(root / "runs", "life", NOW, "aaaa").path == run.path
        with run.lock():
            _train(run, say, trust)

    def is_unvouched(self, root: Path) -> bool:
        run = run_below(root)
        return is_begun(run) and not run.sums_mac.is_file()

    def check(self, root: Path, said: list[str], is_key_lost: bool) -> None:
        run = run_below(root)
        check_shown(root)
        if not is_begun(run):
            assert not said
            _check_refused(run, "run-incomplete")
            return
        if is_key_lost:
            _check_refused(run, "not-your-run")
        else:
            check_own(run, trust=False)
        _check_kept(run, said)
        assert "completed" not in said or list_runs(root / "runs")[0].state == "completed"

    def told(self, root: Path) -> dict[str, Any]:
        run = run_below(root)
        run.check_whole()
        state = newest_state(run, FakeDisplay())
        assert state is not None and run.best_checkpoint is not None
        status = read_status(run)
        return {
            "origin": run.origin(),
            "status": (status.state, status.epoch, status.step, status.checkpoint_error, status.best),
            "rows": [dict(row) for row in read_rows(run)],
            "csv": run.metrics_csv.read_text(),
            "state": json.dumps(state.record, sort_keys=True),
            "arrays": {key: array.tolist() for key, array in sorted(state.arrays.items())},
            "best": unpack(run.best_checkpoint.read_bytes(), "best")["model/dense/0"].tolist(),
            "asked": [path.read_bytes() for path in (run.spec, run.resolved, run.code / "own.py")],
            "model": run.model_file.read_bytes(),
            "files": [name for name in below(run.path) if "step-" not in name],
        }


def _check_kept(run: RunDir, said: list[str]) -> None:
    display = FakeDisplay()
    state = newest_state(run, display)
    assert display.notes == []
    steps = [int(word.split()[1]) for word in said if word.startswith("state")]
    assert not steps or (state is not None and state.step >= max(steps)), (state and state.step, steps)
    if run.best_checkpoint is not None:
        weights = unpack(run.best_checkpoint.read_bytes(), "best")["model/dense/0"]
        assert any((weights == arrays_at(step)["model/dense/0"]).all() for step in (4, 12))
    rows = [int(word.split()[1]) for word in said if word.startswith("row")]
    assert len(read_rows(run)) >= max(rows, default=0)


def _check_refused(run: RunDir, id: str) -> None:
    try:
        check_own(run, trust=False)
    except KexpError as error:
        assert error.diagnostics[0].id == id, str(error)
        return
    raise AssertionError(f"expected {id}")


# ---------------------------------------------------------------- the story, as `train.loop` tells it


def _train(run: RunDir, say: Say, trust: bool) -> None:
    display, progress = FakeDisplay(), Progress()
    order: Any = SimpleNamespace(
        experiment=SimpleNamespace(name="life"), started=NOW, clock=perf_counter(), scope="full"
    )
    ending, saver = Ending(run, order, progress, display), Saver()
    try:
        if not is_begun(run):
            ending.status = _begin(run)
        else:
            check_own(run, trust)
            state = newest_state(run, display)
            restart = None if state is None else Restart(state)
            ending.status = begin_again(run, order, Unfinished(read_status(run), restart), progress)
        signals: Any = None
        session = Session(run, "identity", progress, display, signals, [], ending.going_on, saver)
        for _ in range(progress.epoch, NUM_EPOCHS):
            _epoch(Saves(session, say), ending)
        if progress.checkpoint_error is not None:
            raise RunFailed.because("checkpoint-lost", progress.checkpoint_error)
        _complete(run, ending)
        say("completed")
    except KexpError as error:
        ending.failed(error.diagnostics[0].message)
        raise
    except OSError as error:
        reason = f"the run in {run.path} could not be written: {error.strerror}"
        ending.failed(reason)
        raise RunFailed.because("run-not-written", reason) from error
    finally:
        saver.close()


def _begin(run: RunDir) -> Status:
    """Write down what is asked for, in the order of `train.opening`."""
    run.write_given(SPEC, code={"own.py": b"code = 1\n"})
    run.write_resolved(SPEC.decode())
    run.write_manifest({"schema": 1})
    run.write_preprocess("means", {"schema": 1})
    run.write_requirements("keras==3\n")
    run.write_source_diff(b"-\n+\n")
    run.vouch()
    write_notes(run, Notes(("tagged",)))
    status = Status("running", "life", created=NOW, started=NOW, pid=os.getpid())
    write_status(run, status)
    return status


class Saves:
    """An epoch's saves, each waited for, and said."""

    def __init__(self, session: Session, say: Say) -> None:
        self.progress, self.run, self.say = session.progress, session.run, say
        asked = Checkpoint(every=Duration(EVERY, "steps"))
        self.checkpoints = Checkpoints(session, asked, CallbackState([]))

    def save(self, best: Any = None) -> None:
        self.checkpoints.save(state_at(self.progress), best)
        self.checkpoints.settle()
        if self.progress.checkpoint_error is None:
            self.say(f"state {self.progress.step}")


def _epoch(saves: Saves, ending: Ending) -> None:
    progress, run = saves.progress, saves.run
    before = progress.step - progress.offset
    for offset in range(progress.offset + 1, NUM_STEPS + 1):
        progress.offset, progress.step = offset, before + offset
        if offset % EVERY == 0 and offset < NUM_STEPS:
            saves.save()
    row = {"epoch": progress.epoch + 1, "step": progress.step, "loss": 1 / progress.step}
    append_row(run, row)
    saves.say(f"row {row['epoch']}")
    write_csv(run)
    progress.epoch, progress.offset = progress.epoch + 1, 0
    is_best = progress.epoch != 2
    if is_best:
        progress.best = {"epoch": progress.epoch, "monitor": "loss", "value": row["loss"]}
        progress.best_row, progress.best_arrays = row, arrays_at(progress.step)
    saves.save(progress.best_arrays if is_best else None)
    ending.going_on()


def _complete(run: RunDir, ending: Ending) -> None:
    run.replace_model(lambda path: write_atomically(path, b"model"))
    ending._write("completed")
    run.write_sums()


def arrays_at(step: int) -> dict[str, Any]:
    """Return weights, of which every byte depends on the step."""
    return {
        "model/dense/0": np.full((8, 8), step, np.float32),
        "model/dense/1": np.arange(8, dtype=np.float32) * step,
    }


def state_at(progress: Progress) -> State:
    record = {"run": "life", **progress.record(), "is_best": False, "callbacks": []}
    record["best_row"] = dict(progress.best_row)
    return State(record, with_best(arrays_at(progress.step), progress.best_arrays))
