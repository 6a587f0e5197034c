"""Faults and kills at changes to the disk while Keras trains: the run goes on to what it would have been."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fakes import KERAS
from resuming import outcome

from faults.disk import change_of
from faults.trainings import WAYS, finished, hit, killed_at, whole_run
from kexp.record.rundir import RunDir
from kexp.record.status import read_status

pytestmark = KERAS


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return what a run is that nothing hit."""
    return whole_run(tmp_path_factory.mktemp("whole") / "run")[0]


def test_a_kill_while_a_state_is_written_changes_nothing(whole, tmp_path):
    run = killed_at(tmp_path / "run", change_of("write", "step-0000000005", nth=2))

    assert finished(run) == whole


def test_a_state_that_could_not_be_written_is_no_reason_to_end(whole, tmp_path):
    ending = hit(tmp_path / "run", "EIO", change_of("fsync", "step-0000000003"))

    assert (ending, outcome(RunDir(tmp_path / "run"))) == ("completed", whole)
    assert read_status(RunDir(tmp_path / "run")).checkpoint_error is None


def test_best_weights_that_could_not_be_written_go_with_the_next_save(whole, tmp_path):
    from kexp.graph.checkpoint import unpack

    ending = hit(tmp_path / "run", "ENOSPC", change_of("open", "best"))
    run = RunDir(tmp_path / "run")

    assert (ending, outcome(run)) == ("completed", whole)
    assert "model/dense/0" in unpack(run.best_checkpoint.read_bytes(), "best")


def test_a_disk_that_stays_full_costs_the_run_and_no_state(whole, tmp_path):
    run = RunDir(tmp_path / "run")
    ending = hit(run.path, "a full disk", change_of("open", "step-0000000005"))

    assert (ending, run.last_checkpoint.name) == ("run-not-written", "step-0000000004.safetensors")
    assert finished(run) == whole


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "few", "least"), [("torch", 0, 130), ("tensorflow", 1, 45)])
def test_every_change_may_fail_or_be_the_last(backend, few, least, tmp_path):
    """Try every change on torch, which traces nothing, and one of each kind on TensorFlow."""
    done = subprocess.run(
        [sys.executable, "-m", "faults.trainings", str(tmp_path), str(few)],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    reports = json.loads(done.stdout)

    assert {way: report["wrong"] for way, report in reports.items()} == {way: [] for way in WAYS}
    assert {way: report["struck"] for way, report in reports.items()} == {
        way: report["tried"] for way, report in reports.items()
    }
    assert min(report["tried"] for report in reports.values()) >= least
