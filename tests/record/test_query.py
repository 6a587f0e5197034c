import json
from datetime import UTC, datetime, timedelta

import pytest

from kexp.errors import NotFound, RunRefused
from kexp.record import query
from kexp.record.notes import Notes, write_notes
from kexp.record.query import RunSummary, find_run, list_runs, runs_root
from kexp.record.rundir import RunDir
from kexp.record.status import Status, write_status

START = datetime(2026, 11, 23, 9, 0, 0, tzinfo=UTC)


def add(root, name, minute, tail, tags=(), state="completed", **metrics):
    moment = START + timedelta(minutes=minute)
    run = RunDir.create(root, name, moment, tail)
    write_status(run, Status(state, name, moment, epoch=3, metrics=metrics))
    if tags:
        write_notes(run, Notes(tags))
    return run


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "runs"
    add(root, "Fashion CNN", 0, "aaaa", val_accuracy=0.9, val_loss=0.3)
    add(root, "digits", 1, "bbbb", ("paper",), val_accuracy=0.95, val_loss=0.4)
    add(root, "Fashion CNN", 2, "cccc", ("paper", "final"), val_accuracy=None, val_loss=0.2)
    return root


def message(reference, root):
    with pytest.raises(NotFound) as error:
        find_run(reference, root)
    return str(error.value)


# ---------------------------------------------------------------- list


def test_runs_are_listed_newest_first(root):
    (root / "not-a-run").mkdir()
    (root / ".gitignore").write_text("*\n")

    summaries = list_runs(root)

    assert [run.id.rpartition("-")[2] for run in summaries] == ["cccc", "bbbb", "aaaa"]
    assert summaries[1] == RunSummary(
        id="20261123-090100-digits-bbbb",
        path=root / "20261123-090100-digits-bbbb",
        name="digits",
        state="completed",
        created=START + timedelta(minutes=1),
        tags=("paper",),
        metrics={"val_accuracy": 0.95, "val_loss": 0.4},
        epochs=3,
    )


def test_a_folder_that_is_not_there_has_no_runs(tmp_path):
    assert list_runs(tmp_path / "runs") == []


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "runs").write_bytes(b"")

    with pytest.raises(RunRefused) as error:
        list_runs(tmp_path / "runs")

    assert str(error.value) == (
        f"error[runs-not-readable]: the runs in `{tmp_path}/runs` cannot be read: Not a directory\n"
        "help: name another folder with `--runs DIR` or `KEXP_RUNS`"
    )


def test_a_run_goes_on_only_while_a_process_holds_it(tmp_path):
    run = add(tmp_path, "a", 0, "aaaa", state="running")
    with run.lock():
        held = list_runs(tmp_path)[0].state

    assert (held, list_runs(tmp_path)[0].state) == ("running", "interrupted")


def test_a_run_that_was_killed_before_it_had_a_status_is_told_by_its_id(tmp_path):
    run = RunDir.create(tmp_path, "My Run", START, "aaaa")
    run.write_given(b"name: My Run\n")

    assert list_runs(tmp_path) == [RunSummary(run.id, run.path, "my-run", "interrupted", START, (), {}, 0)]


def test_what_cannot_be_read_is_said(tmp_path):
    other = RunDir.create(tmp_path, "a", START, "aaaa")
    other.status.write_text('{"schema": 9}')
    broken = RunDir.create(tmp_path, "b", START, "bbbb")
    broken.status.write_text("{")
    whole = add(tmp_path, "c", -1, "cccc")

    assert [(run.id, run.name, run.state, run.problem) for run in list_runs(tmp_path)] == [
        (broken.id, "b", "unreadable", f"`status.json` of run `{broken.id}` is broken: it is not JSON"),
        (
            other.id,
            "a",
            "unreadable",
            "another version of kexp wrote `status.json`: its schema is 9, this one reads 1",
        ),
        (whole.id, "c", "completed", None),
    ]


def test_a_thousand_runs_are_listed_newest_first(tmp_path):
    for number in range(1000):
        path = tmp_path / f"20261123-{number // 3600:02}{number // 60 % 60:02}{number % 60:02}-a-{number:04}"
        path.mkdir()
        record = {
            "schema": 1,
            "state": "running" if number % 100 == 0 else "completed",
            "created": f"2026-11-23T00:{number // 60:02}:{number % 60:02}Z",
            "metrics": {"loss": number},
        }
        (path / "status.json").write_text(json.dumps(record))
        (path / "notes.json").write_text('{"schema": 1, "tags": ["x"], "notes": []}')

    summaries = list_runs(tmp_path)

    assert [run.metrics["loss"] for run in summaries] == list(range(999, -1, -1))
    assert sum(run.state == "interrupted" for run in summaries) == 10


# ---------------------------------------------------------------- find


@pytest.mark.parametrize(
    ("reference", "tail"),
    [
        ("20261123-090100-digits-bbbb", "bbbb"),
        ("bbbb", "bbbb"),
        ("20261123-0901", "bbbb"),
        ("latest", "cccc"),
        ("latest:digits", "bbbb"),
        ("latest:fashion-cnn", "cccc"),
        ("latest:Fashion CNN", "cccc"),
        ("best:val_accuracy", "bbbb"),
        ("best:val_accuracy:min", "aaaa"),
        ("best:val_loss", "cccc"),
        ("best:val_loss:max", "bbbb"),
        ("tag:final", "cccc"),
    ],
)
def test_a_reference_finds_its_run(root, reference, tail):
    assert find_run(reference, root).id.endswith(tail)


def test_a_path_finds_its_run_before_anything_else(root, monkeypatch):
    monkeypatch.chdir(root / "20261123-090000-fashion-cnn-aaaa")

    assert find_run(".", root) == RunDir(root / "20261123-090000-fashion-cnn-aaaa")
    assert find_run("../20261123-090100-digits-bbbb", root) == RunDir(root / "20261123-090100-digits-bbbb")


def test_a_tail_comes_before_a_prefix(root):
    add(root, "b", 3, "2026")

    assert find_run("2026", root).id == "20261123-090300-b-2026"


def test_a_directory_that_the_user_named_is_found_by_its_name(root):
    run = RunDir.at(root / "trial-3")
    write_status(run, Status("completed", "x", START))

    assert find_run("trial-3", root) == run
    assert find_run("tri", root) == run


def test_an_ambiguous_prefix_names_the_candidates(root):
    assert message("20261123", root) == (
        "error[run-ambiguous]: `20261123` is any of 3 runs; expected one\n"
        "help: the newest first: `20261123-090200-fashion-cnn-cccc`, `20261123-090100-digits-bbbb`, "
        "`20261123-090000-fashion-cnn-aaaa`"
    )


def test_many_candidates_are_cut_short(root):
    for number in range(10):
        add(root, "b", 3, f"000{number}")

    assert message("20261123", root).endswith("`20261123-090300-b-0003`, `20261123-090300-b-0002` and 5 more")


def test_a_tag_of_several_runs_is_ambiguous(root):
    assert message("tag:paper", root) == (
        "error[run-ambiguous]: `tag:paper` is any of 2 runs; expected one\n"
        "help: the newest first: `20261123-090200-fashion-cnn-cccc`, `20261123-090100-digits-bbbb`"
    )


def test_a_missing_run_names_the_nearest(root):
    add(root, "other", 3, "dddd")

    assert message("digit", root) == (
        "error[run-not-found]: no run is `digit`\n"
        "help: the nearest are `20261123-090100-digits-bbbb`, `20261123-090300-other-dddd`, "
        "`20261123-090200-fashion-cnn-cccc`; `kexp ls` shows all"
    )


def test_a_reference_that_no_file_system_takes_is_only_missing(root):
    assert message("x" * 5000, root).startswith("error[run-not-found]: no run is `xxx")
    assert message("x\0", root).startswith("error[run-not-found]: no run is `x")


def test_the_empty_reference_finds_nothing(root, monkeypatch):
    monkeypatch.chdir(root / "20261123-090000-fashion-cnn-aaaa")

    assert message("", root).startswith("error[run-not-found]: no run is ``\n")


def test_a_missing_name_names_the_nearest(root):
    assert message("latest:digit", root).startswith(
        "error[run-not-found]: no run is named `digit`\nhelp: the nearest are `20261123-090100-digits-bbbb`"
    )


def test_a_missing_metric_names_those_there_are(root):
    assert message("best:val_acuracy", root) == (
        "error[run-not-found]: no run has a value of the metric `val_acuracy`\n"
        "help: the metrics are `val_accuracy`, `val_loss`"
    )


def test_a_missing_tag_names_those_there_are(root):
    assert message("tag:papr", root) == (
        "error[run-not-found]: no run has the tag `papr`\nhelp: the tags are `final`, `paper`"
    )


def test_without_tags_and_metrics_the_way_to_them_is_shown(tmp_path):
    add(tmp_path, "a", 0, "aaaa")

    assert message("tag:x", tmp_path).endswith("help: `kexp train SPEC --tag TAG` gives a run one")
    assert message("best:x", tmp_path).endswith("help: no run has metrics yet")


def test_equal_values_give_the_newest(tmp_path):
    add(tmp_path, "a", 0, "aaaa", loss=1.0)
    add(tmp_path, "a", 1, "bbbb", loss=1.0)

    assert find_run("best:loss", tmp_path).id.endswith("bbbb")


def test_an_empty_folder_says_what_to_type(tmp_path):
    assert message("latest", tmp_path / "runs") == (
        f"error[run-not-found]: there are no runs in `{tmp_path}/runs`\n"
        "help: start one with `kexp train SPEC`"
    )


# ---------------------------------------------------------------- where


def test_the_option_comes_before_the_variable_and_both_before_the_default():
    environ = {"KEXP_RUNS": "/data/runs"}

    assert [
        str(runs_root(option, given)) for option, given in (("x", environ), (None, environ), (None, {}))
    ] == [
        "x",
        "/data/runs",
        "runs",
    ]


def test_a_run_that_is_taken_away_meanwhile_is_no_reason_to_fail(tmp_path, monkeypatch):
    monkeypatch.setattr(query, "_runs", lambda root: [RunDir(root / "gone")])

    assert [(summary.id, summary.problem) for summary in list_runs(tmp_path)] == [("gone", None)]
