"""`kexp tag`, `note`, `rm`, `restore` and `gc`, and what `ls --size` says of the room."""

import json
import subprocess
from datetime import UTC, datetime

import pytest
from hostile.commands import kexp as run_kexp

from kexp.record.rundir import RunDir
from kexp.record.status import Status, write_status

FIRST, SECOND, THIRD = (f"2026112{day}-091455-iris-k3f{day}" for day in (1, 2, 3))


def made(root, id, loss, **more):
    run = RunDir(root / id)
    run.path.mkdir(parents=True)
    run.write_given(b"x" * 1_000_000)
    created = datetime(2026, 11, int(id[6:8]), tzinfo=UTC)
    write_status(run, Status("completed", "iris", created, metrics={"val_loss": loss}, **more))


@pytest.fixture
def kexp(tmp_path, monkeypatch):
    monkeypatch.delenv("KEXP_RUNS", raising=False)
    for id, loss in ((FIRST, 0.1), (SECOND, 0.3), (THIRD, 0.2)):
        made(tmp_path / "runs", id, loss)

    def answer(*arguments):
        found = run_kexp(tmp_path, *arguments)
        return found.code, found.out + found.error

    return answer


def test_tags_are_given_and_taken_away(kexp):
    assert kexp("tag", "k3f1", "paper", "best") == (0, f"{FIRST}: paper best\n")
    assert kexp("tag", "tag:best", "paper") == (0, f"{FIRST}: paper best\n")
    assert kexp("tag", "k3f1", "paper", "--remove") == (0, f"{FIRST}: best\n")
    assert kexp("tag", "k3f1", "best", "--remove") == (0, f"{FIRST}: no tags\n")


def test_hashes_hold_after_many_tags(kexp, tmp_path):
    run = RunDir(tmp_path / "runs" / FIRST)
    run.write_sums()
    for word in ("a", "b"):
        kexp("tag", "k3f1", word)
    kexp("note", "k3f1", "fine")

    assert run.sums.read_text().count("  notes.json\n") == 1
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=run.path, check=True)


def test_a_removed_run_comes_back_by_what_was_said(kexp, tmp_path):
    said = f"removed {FIRST}; `kexp restore {FIRST}` brings it back\n"
    assert kexp("rm", "k3f1", FIRST, f"runs/{FIRST}") == (0, said)
    assert kexp("restore") == (0, f"{FIRST}  1 MB\n")
    assert kexp("restore", FIRST) == (0, f"restored runs/{FIRST}\n")
    assert kexp("restore") == (0, "the trash of runs is empty\n")
    assert (tmp_path / "runs" / FIRST / "spec.yaml").is_file()


def test_a_run_that_lies_elsewhere_is_restored_from_there(kexp, tmp_path):
    made(tmp_path / "my runs", FIRST, 0.5)
    said = kexp("rm", f"my runs/{FIRST}")

    assert said == (
        0,
        f"removed {FIRST}; `kexp restore --runs '{tmp_path}/my runs' {FIRST}` brings it back\n",
    )
    assert kexp("restore", "--runs", f"{tmp_path}/my runs", FIRST)[0] == 0


def test_a_clean_up_says_first_what_it_would_do(kexp):
    listed = f"{SECOND}     1 MB  completed\n"
    assert kexp("gc", "--keep", "best:2", "--dry-run") == (
        0,
        f"{listed}1 of 3 runs would go to the trash, 1 MB\n",
    )
    assert kexp("gc", "--keep", "best:2", "--empty-trash", "--dry-run") == (
        0,
        f"{listed}1 of 3 runs would go to the trash, 1 MB\n0 runs would be deleted for good, 0 B\n",
    )
    assert kexp("gc", "--keep", "best:2") == (
        0,
        f"{listed}1 of 3 runs moved to the trash, 1 MB\n`kexp gc --empty-trash` frees the room\n",
    )
    assert kexp("gc", "--empty-trash", "--dry-run") == (0, "1 run would be deleted for good, 1 MB\n")
    assert kexp("gc", "--empty-trash") == (0, "1 run deleted for good, 1 MB freed\n")
    assert kexp("restore") == (0, "the trash of runs is empty\n")


def test_a_clean_up_deletes_for_good_only_what_was_in_the_trash_before(kexp):
    kexp("rm", "k3f1")
    assert kexp("gc", "--keep", "latest:1", "--empty-trash") == (
        0,
        f"{SECOND}     1 MB  completed\n"
        "1 of 2 runs moved to the trash, 1 MB\n"
        "1 run deleted for good, 1 MB freed\n"
        "`kexp gc --empty-trash` frees the room\n",
    )
    assert kexp("restore") == (0, f"{SECOND}  1 MB\n")


def test_what_cannot_be_made_to_fit_is_said(kexp):
    kexp("tag", "k3f1", "paper")
    *_, summary, kept = kexp("gc", "--keep", "best:2", "--max-size", "1MB", "--dry-run")[1].splitlines()

    assert summary == "1 of 3 runs would go to the trash, 1 MB"
    assert kept == "what is kept takes 2 MB: rules, tags and runs that go on keep it"


def test_a_misspelt_metric_removes_nothing(kexp, tmp_path):
    assert kexp("gc", "--keep", "best:1:val_los") == (
        2,
        "error[bad-rule]: no run has a value of the metric `val_los`\nhelp: did you mean `val_loss`?",
    )
    assert len(list((tmp_path / "runs").iterdir())) == 3


def test_a_run_that_cannot_be_moved_does_not_keep_the_others(kexp, tmp_path):
    (tmp_path / "runs" / FIRST / "lock").mkdir()
    code, said = kexp("gc", "--max-size", "1kB")

    assert (code, said.splitlines()) == (
        8,
        [
            f"{SECOND}     1 MB  completed",
            f"{THIRD}     1 MB  completed",
            f"error[run-not-writable]: `runs/{FIRST}` cannot be written: Is a directory",
        ],
    )
    assert json.loads(kexp("ls", "--json")[1])["runs"][0]["run"] == FIRST


def test_the_room_that_runs_and_trash_take_is_told(kexp):
    assert kexp("ls", "--size")[1].splitlines()[-1] == "3 MB in all"
    kexp("rm", "latest")
    assert kexp("ls", "--size")[1].splitlines()[-1] == "2 MB in all, and 1 MB in the trash"
