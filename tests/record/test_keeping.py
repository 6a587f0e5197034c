import math
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kexp.diagnostics import unambiguous
from kexp.errors import KexpError
from kexp.record.keeping import Rule, parse_rule, parse_size, removable
from kexp.record.query import RunSummary, list_runs
from kexp.record.rundir import RunDir
from kexp.record.status import Status, write_status
from kexp.record.trash import empty, remove, restore, size_bytes, trashed
from kexp.report.size import sized


def summary(id: str, loss: float | None = None, **more: object) -> RunSummary:
    fields = {"name": "digits", "state": "completed", "tags": (), **more}
    metrics = {} if loss is None else {"val_loss": loss, "val_accuracy": 1 - loss}
    return RunSummary(
        id=id, path=Path(id), created=datetime(2026, 11, 23, tzinfo=UTC), metrics=metrics, epochs=1, **fields
    )


RUNS = [summary("e", 0.5), summary("d", 0.1), summary("c", 0.3), summary("b", 0.2), summary("a", 0.9)]


def ids(runs: list[RunSummary]) -> str:
    return "".join(run.id for run in runs)


def made(root: Path, name: str, text: str = "") -> RunDir:
    run = RunDir.create(root, name, datetime(2026, 11, 23, tzinfo=UTC))
    write_status(run, Status("completed", name))
    run.write_given(text.encode())
    return run


# ---------------------------------------------------------------- rules


def test_rules_name_a_number_and_a_metric() -> None:
    assert parse_rule("best:3") == Rule("best", 3, "val_loss")
    assert parse_rule("best:2:val_accuracy") == Rule("best", 2, "val_accuracy")
    assert parse_rule("latest:1") == Rule("latest", 1)
    assert parse_rule("best:2:top-5:max") == Rule("best", 2, "top-5", "max")


@pytest.mark.parametrize("text", ["best", "best:x", "best:1:a:most", "best:1:", "latest:1:loss", "best:1\n"])
def test_other_rules_are_refused(text: str) -> None:
    with pytest.raises(KexpError) as caught:
        parse_rule(text)
    assert str(caught.value) == (
        "error[bad-rule]: `--keep` takes `best:N`, `best:N:METRIC` or `latest:N`, "
        f"found `{unambiguous(text)}`\n"
        "help: such as `--keep best:3:val_accuracy`"
    )


@pytest.mark.parametrize(
    ("text", "size"), [("20GB", 20 * 10**9), ("1.5 MB", 1_500_000), ("10k", 10_000), ("7", 7), ("7 B", 7)]
)
def test_sizes_are_decimal(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(("text", "size"), [("20GiB", 20 << 30), ("1.5 kib", 1536), ("1Ti", 1 << 40)])
def test_sizes_with_an_i_are_binary(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["much", "20i", "20iB", "20 XB", "GB"])
def test_a_size_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(KexpError) as caught:
        parse_size(text)
    assert str(caught.value) == f"error[bad-size]: `{text}` is no size\nhelp: such as `20GB` or `500MB`"


def test_the_best_and_the_latest_are_kept() -> None:
    assert ids(removable(RUNS, [Rule("best", 2)], {}, None)) == "ace"
    assert ids(removable(RUNS, [Rule("best", 1, "val_accuracy")], {}, None)) == "abce"
    assert ids(removable(RUNS, [Rule("best", 1), Rule("latest", 2)], {}, None)) == "abc"


def test_a_rule_says_itself_which_values_are_good() -> None:
    assert ids(removable(RUNS, [Rule("best", 1, "val_loss", "max")], {}, None)) == "bcde"


def test_runs_without_a_metric_are_worse_than_those_with_it() -> None:
    assert ids(removable([summary("x"), *RUNS], [Rule("best", 4)], {}, None)) == "ax"


def test_a_metric_that_no_run_of_a_name_has_lets_all_of_it_stay() -> None:
    others = [summary("x", name="iris"), summary("y", name="iris")]
    assert ids(removable([*RUNS, *others], [Rule("best", 2)], {}, None)) == "ace"


def test_a_metric_that_was_never_finite_lets_all_runs_of_a_name_stay(tmp_path: Path) -> None:
    for name in ("first", "second"):
        run = made(tmp_path, name)
        write_status(run, Status("completed", "digits", metrics={"val_auc": math.nan}))
    runs = list_runs(tmp_path)

    assert [run.metrics for run in runs] == [{"val_auc": None}] * 2
    assert removable(runs, [Rule("best", 1, "val_auc")], {}, None) == []


def test_the_best_by_a_metric_that_no_run_has_is_refused() -> None:
    Rule("best", 1, "val_accuracy").check(RUNS)
    Rule("latest", 1).check(RUNS)
    Rule("best", 1, "val_acuracy").check([])
    with pytest.raises(KexpError) as near:
        Rule("best", 1, "val_acuracy").check(RUNS)
    with pytest.raises(KexpError) as far:
        Rule("best", 1, "f1").check(RUNS)
    assert str(near.value) == (
        "error[bad-rule]: no run has a value of the metric `val_acuracy`\nhelp: did you mean `val_accuracy`?"
    )
    assert str(far.value) == (
        "error[bad-rule]: no run has a value of the metric `f1`\n"
        "help: the metrics are `val_accuracy`, `val_loss`"
    )


def test_every_name_has_its_own_best() -> None:
    others = [summary("x", 0.7, name="iris"), summary("y", 0.8, name="iris")]
    assert ids(removable([*RUNS, *others], [Rule("best", 1)], {}, None)) == "yabce"


def test_tagged_running_and_unreadable_runs_are_always_kept() -> None:
    runs = [summary("c", tags=("paper",)), summary("b", state="running"), summary("a", state="unreadable")]
    assert removable(runs, [Rule("best", 0)], {}, None) == []


def test_by_size_the_oldest_go_until_the_others_fit() -> None:
    sizes = {run.id: 10 for run in RUNS}
    assert ids(removable(RUNS, [], sizes, 35)) == "ab"
    assert ids(removable(RUNS, [Rule("best", 2)], sizes, 25)) == "ace"
    assert removable(RUNS, [], sizes, None) == []


# ---------------------------------------------------------------- the trash


def test_a_removed_run_is_out_of_sight_and_comes_back(tmp_path: Path) -> None:
    run, other = made(tmp_path, "mine", "text"), made(tmp_path, "other")
    remove(run, tmp_path)
    assert [found.id for found in list_runs(tmp_path)] == [other.id]
    assert [path.name for path in trashed(tmp_path)] == [run.id]
    assert restore(run.id[-4:], tmp_path) == run.path
    assert run.spec.read_text() == "text"
    assert {found.id for found in list_runs(tmp_path)} == {run.id, other.id}


def test_a_run_in_use_stays(tmp_path: Path) -> None:
    run = made(tmp_path, "mine")
    with run.lock(), pytest.raises(KexpError, match="run-locked"):
        remove(run, tmp_path)
    assert run.path.is_dir()


def test_what_is_not_in_the_trash_is_said(tmp_path: Path) -> None:
    made(tmp_path, "mine")
    with pytest.raises(KexpError) as caught:
        restore("nowhere", tmp_path)
    assert str(caught.value) == (
        f"error[run-not-found]: the trash of `{tmp_path}` has no run `nowhere`\nhelp: it is empty"
    )


def test_what_is_meant_is_said_by_path_too_and_never_by_nothing(tmp_path: Path) -> None:
    run = made(tmp_path, "mine")
    remove(run, tmp_path)
    with pytest.raises(KexpError) as caught:
        restore("", tmp_path)
    assert str(caught.value) == (
        f"error[run-not-found]: the trash of `{tmp_path}` has no run ``\nhelp: it holds `{run.id}`"
    )
    assert restore(f"{tmp_path}/{run.id}", tmp_path) == run.path


def test_a_trash_that_is_a_link_is_neither_filled_nor_emptied(tmp_path: Path) -> None:
    root, other = tmp_path / "runs", tmp_path / "other"
    run, precious = made(root, "mine"), made(other, "precious")
    (root / ".trash").symlink_to(other)
    refusal = (
        f"error[trash-elsewhere]: `{root}/.trash` is a link to another folder, and the trash is one in the "
        "runs' own\nhelp: remove the link"
    )
    for act in (lambda: remove(run, root), lambda: empty(root), lambda: restore(precious.id, root)):
        with pytest.raises(KexpError) as caught:
            act()
        assert str(caught.value) == refusal
    assert (run.is_run, precious.is_run) == (True, True)


def test_the_emptied_trash_frees_its_bytes(tmp_path: Path) -> None:
    run = made(tmp_path, "mine", "x" * 5000)
    size = size_bytes(run.path)
    assert size > 5000
    remove(run, tmp_path)
    assert empty(tmp_path) == size
    assert trashed(tmp_path) == []


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (123_456, "123 kB"), (2.5e9, "2.5 GB")]
)
def test_bytes_as_people_read_them(size: float, text: str) -> None:
    assert sized(size) == text
