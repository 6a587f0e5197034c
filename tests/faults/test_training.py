"""Faults and kills at changes to the disk while Keras trains: the run goes on to what it would have been."""

import os

import pytest
from fakes import KERAS, FakeDisplay, digits
from resuming import outcome, resume, train

from faults.disk import FAULTS, Disk, Killed, change, change_of, deadly, failing, installed
from kexp.cli.described import record_of
from kexp.errors import RunFailed, RunRefused
from kexp.record.query import list_runs
from kexp.record.rundir import RunDir
from kexp.record.status import is_begun, read_status
from kexp.record.trust import local_key

pytestmark = KERAS

SPEC = digits(epochs=2, split="{val: 0.1, test: 0.75, stratify: true}", more="checkpoint: {every: 1 step}")
"""269 samples to train with: 3 steps an epoch."""

PARTS = 6
"""Into which the tests that try every change are divided, since a training takes a second."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return what a run is that nothing hit, and the changes to the disk that it made."""
    path = tmp_path_factory.mktemp("whole") / "run"
    local_key()  # which the first run would make
    with installed(Disk()) as disk:
        run = train(SPEC, path)
    return outcome(run), disk.events


def finished(run):
    """Go on with a run until it is completed, as `kexp train --run-dir` would."""
    summaries = list_runs(run.path.parent)
    assert [summary.problem for summary in summaries] == [None] * len(summaries)
    if not is_begun(run):
        return outcome(train(SPEC, run.path))
    assert record_of(run)["state"] in ("completed", "failed", "interrupted")
    display = FakeDisplay()
    found = outcome(resume(run, display))
    assert not any("the state before it is taken" in note for note in display.notes)
    return found


def killed_at(path, moment):
    with installed(Disk(before=deadly(moment))), pytest.raises(Killed):
        train(SPEC, path)
    return RunDir(path)


def hit(path, kind, moment):
    """Train on a disk that fails; return how that ended."""
    with installed(Disk(before=failing(moment, *FAULTS[kind]))):
        try:
            train(SPEC, path)
        except (RunFailed, RunRefused) as error:
            assert os.strerror(FAULTS[kind][0]) in str(error)
            return error.diagnostics[0].id
    return "completed"


def test_a_kill_while_a_state_is_written_changes_nothing(whole, tmp_path):
    run = killed_at(tmp_path / "run", change_of("write", "step-0000000005", nth=2))

    assert finished(run) == whole[0]


def test_a_state_that_could_not_be_written_is_no_reason_to_end(whole, tmp_path):
    ending = hit(tmp_path / "run", "EIO", change_of("fsync", "step-0000000003"))

    assert (ending, outcome(RunDir(tmp_path / "run"))) == ("completed", whole[0])
    assert read_status(RunDir(tmp_path / "run")).checkpoint_error is None


def test_best_weights_that_could_not_be_written_go_with_the_next_save(whole, tmp_path):
    from kexp.graph.checkpoint import unpack

    ending = hit(tmp_path / "run", "ENOSPC", change_of("open", "best"))
    run = RunDir(tmp_path / "run")

    assert (ending, outcome(run)) == ("completed", whole[0])
    assert "model/dense/0" in unpack(run.best_checkpoint.read_bytes(), "best")


def test_a_disk_that_stays_full_costs_the_run_and_no_state(whole, tmp_path):
    run = RunDir(tmp_path / "run")
    ending = hit(run.path, "a full disk", change_of("open", "step-0000000005"))

    assert (ending, run.last_checkpoint.name) == ("run-not-written", "step-0000000004.safetensors")
    assert finished(run) == whole[0]


@pytest.mark.slow
@pytest.mark.parametrize("first", range(2, 2 + PARTS))
@pytest.mark.parametrize("kind", ["a kill", *FAULTS])
def test_every_change_may_fail_or_be_the_last(kind, first, whole, tmp_path):
    """Try one change of every few; the first one is the lock."""
    wrong = []
    for number in range(first, len(whole[1]) + 1, PARTS):
        path = tmp_path / str(number) / "run"
        path.parent.mkdir()
        if kind == "a kill":
            killed_at(path, change(number))
        else:
            hit(path, kind, change(number))
        if finished(RunDir(path)) != whole[0]:
            wrong.append((number, whole[1][number - 1][:2]))

    assert wrong == []
