"""Where a run may begin: nothing of anybody else's is ever begun upon."""

import os

import pytest

from kexp.errors import RunRefused
from kexp.record.beginning import check_free, check_may_begin
from kexp.record.experiment import check_own
from kexp.record.files import write_atomically
from kexp.record.rundir import RunDir

GIVEN = {"spec": b"kexp: 1\n", "bases": {"base.yaml": b""}, "code": {"own.py": b"x = 1\n"}}


@pytest.fixture
def run(tmp_path):
    """A run that was cut off before its status was written."""
    made = RunDir.at(tmp_path / "run")
    with made.lock():
        made.write_given(**GIVEN)
        made.write_resolved("kexp: 1\n")
        made.write_manifest({"schema": 1})
        made.write_preprocess("means", {"schema": 1})
        made.write_requirements("")
        made.write_source_diff(b"")
        made.vouch()
    (made.path / ".status.json.0123abcd.tmp.json").write_bytes(b"{")
    return made


def refused(run, **changed):
    with pytest.raises(RunRefused) as caught:
        check_may_begin(run, run.given(**{**GIVEN, **changed}))
    return caught.value


def test_what_was_cut_off_as_it_began_may_begin_again(run):
    check_may_begin(run, run.given(**GIVEN))


def test_an_empty_directory_is_free_and_one_with_something_else_is_not(tmp_path):
    run = RunDir.at(tmp_path / "run")
    check_free(run)
    (run.path / "requirements.txt").write_text("numpy")

    with pytest.raises(RunRefused) as caught:
        check_free(run)
    assert str(caught.value) == (
        f"error[not-a-run]: `{run.path}` holds `requirements.txt` and no run\n"
        "help: name an empty directory, or one that is not there yet"
    )


def test_somebody_s_project_with_a_lock_of_its_own_is_not_free(run):
    check_free(run)
    (run.path / "lock").write_text("packages")
    with pytest.raises(RunRefused, match=r"holds `\.status\.json\.0123abcd\.tmp\.json` and no run"):
        check_free(run)


@pytest.mark.parametrize(
    "name",
    [
        *("status.json", "metrics.jsonl", "SHA256SUMS", "model.keras", "checkpoints/best.safetensors"),
        *("code/other.py", "code/own.pyc", "spec/other.yaml", "evaluations/test.json", "notes.txt"),
    ],
)
def test_what_no_beginning_leaves_is_somebody_s(run, name):
    (run.path / name).parent.mkdir(exist_ok=True)
    write_atomically(run.path / name, b"")

    assert str(refused(run)) == (
        f"error[not-a-run]: `{run.path}` holds `{name}`, and is not a run of this spec\n"
        "help: name an empty directory, or one that is not there yet"
    )


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("spec.yaml", {"spec": b"other"}),
        ("spec/base.yaml", {"bases": {"base.yaml": b"other"}}),
        ("code/own.py", {"code": {"own.py": b"other"}}),
    ],
)
def test_a_beginning_of_another_spec_is_left_alone(run, name, changed):
    error = refused(run, **changed)

    assert error.diagnostics[0].message == f"`{run.path}` holds `{name}`, and is not a run of this spec"


@pytest.mark.parametrize("name", ["lock", "spec.yaml", "notes.json"])
def test_a_link_or_a_pipe_is_left_alone(run, name, tmp_path):
    (run.path / name).unlink(missing_ok=True)
    (run.path / name).symlink_to(tmp_path / "elsewhere")
    told = [refused(run).diagnostics[0].message]
    (run.path / name).unlink()
    os.mkfifo(run.path / name)
    told.append(refused(run).diagnostics[0].message)

    assert told == [f"`{run.path}` holds `{name}`, and is not a run of this spec"] * 2


def test_a_run_that_lost_its_status_keeps_what_it_trained(run):
    run.metrics.write_text("{}\n")

    with pytest.raises(RunRefused) as caught:
        check_own(run, False)
    assert str(caught.value) == (
        "error[run-incomplete]: `run` has lost its `status.json`, and does not go on without it\n"
        "help: what it trained is still there: `kexp evaluate` measures it"
    )
