from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kexp.data.load import load
from kexp.data.split import Cut, split_table
from kexp.errors import KexpError
from kexp.protocols import Samples, Site, Table
from kexp.spec.types import Data, Fold, Split


def keyed(labels: list[int] | None = None, **keys: list[object]) -> Table:
    size = len(labels if labels is not None else next(iter(keys.values())))
    samples = Samples(
        {"x": np.zeros((size, 2))},
        {"y": np.array(labels if labels is not None else [0] * size)},
        keys={name: np.array(values) for name, values in keys.items()},
    )
    return Table({"all": samples})


def rows(cuts: dict[str, Cut]) -> dict[str, list[int]]:
    return {name: cut.rows.tolist() for name, cut in cuts.items()}


def refusal(table: Table, split: Split) -> str:
    with pytest.raises(KexpError) as caught:
        split_table(table, split)
    return str(caught.value)


@given(
    st.lists(st.integers(0, 12), min_size=12, max_size=60).filter(lambda keys: len(set(keys)) >= 6),
    st.integers(0, 5),
)
def test_a_group_is_never_in_two_splits(patients: list[int], seed: int) -> None:
    split = Split(val=0.2, test=0.2, group="patient", seed=seed)
    try:
        cuts = split_table(keyed(patient=list(patients)), split)
    except KexpError as error:
        assert "error[too-few-groups]" in str(error)
        return
    groups = {name: {patients[row] for row in cut.rows} for name, cut in cuts.items()}
    assert sorted(row for cut in cuts.values() for row in cut.rows) == list(range(len(patients)))
    assert sum(map(len, groups.values())) == len(set(patients))


def test_groups_of_one_are_cut_to_the_wanted_sizes() -> None:
    cuts = split_table(keyed(patient=list(range(100))), Split(val=0.2, test=0.1, group="patient"))
    assert {name: len(cut.rows) for name, cut in cuts.items()} == {"train": 70, "val": 20, "test": 10}


def test_too_few_groups_are_refused() -> None:
    assert refusal(keyed(patient=["a", "a", "a", "b"]), Split(val=1, test=1, group="patient")) == (
        "error[too-few-groups]: the data has 2 groups, and no group is left for val\n"
        "  --> data.split.group\n"
        "help: take smaller splits, or a column with more groups"
    )


def test_by_order_the_last_rows_in_time_are_tested_on() -> None:
    days = ["2026-03-01", "2026-01-01", "2026-02-01", "2026-05-01", "2026-04-01"]
    assert rows(split_table(keyed(day=list(days)), Split(val=1, test=1, order="day"))) == {
        "train": [0, 1, 2],
        "val": [4],
        "test": [3],
    }


def test_dates_with_zones_are_compared_as_moments() -> None:
    moments: list[object] = ["2026-01-01T00:30:00+02:00", "2025-12-31T23:00:00+00:00"]
    assert rows(split_table(keyed(t=moments), Split(test=1, order="t"))) == {"train": [0], "test": [1]}


def test_numbers_order_too_and_rows_of_one_moment_are_never_parted() -> None:
    years: list[object] = [3, 1, 2, 2, 1, 4]
    for asked, test in ((1, [5]), (2, [0, 5]), (3, [0, 5]), (4, [0, 2, 3, 5]), (5, [0, 2, 3, 5])):
        cuts = split_table(keyed(year=list(years)), Split(test=asked, order="year"))
        assert rows(cuts) == {"train": sorted(set(range(6)) - set(test)), "test": test}


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), min_size=4, max_size=40), st.integers(0, 2))
def test_no_moment_is_in_two_splits_whatever_is_cut(years: list[int], index: int) -> None:
    split = (
        Split(val=0.2, test=0.3, order="year") if index == 0 else Split(fold=Fold(2, index - 1), order="year")
    )
    table = keyed(year=list(years))
    try:
        cuts = split_table(table, split)
    except KexpError as error:
        assert len(set(years)) < 3 or "empty-split" in str(error)
        return
    found = {name: {years[row] for row in cut.rows} for name, cut in cuts.items()}
    assert all(found.values())
    assert max(found["train"]) < min(found["val"])
    if "test" in found:
        assert max(found["val"]) < min(found["test"])


@pytest.mark.parametrize("key", ["order", "group"])
def test_rows_without_a_date_or_a_group_are_in_no_split(key: str) -> None:
    table = keyed(day=[1.0, float("nan"), 2.0, 3.0, float("nan")])
    assert refusal(table, Split(test=1, **{key: "day"})) == (  # type: ignore[arg-type]
        "error[missing-value]: `day` has no value in 2 of 5 rows, first in row 1 (counted from 0)\n"
        f"  --> data.split.{key}\n"
        "help: write values there, or drop these rows"
    )


@pytest.mark.parametrize("split", [Split(test=1, order="day"), Split(test=1, group="day")])
def test_no_statistic_stands_for_what_a_split_reads(tmp_path: Path, split: Split) -> None:
    (tmp_path / "t.csv").write_text("day,a,kind\n,1,0\n1,2,1\n2,3,0\n3,4,1\n")
    data = Data("csv", {"path": "t.csv", "target": "kind", "missing": {"day": "median"}}, split)
    with pytest.raises(KexpError) as caught:
        load(data, Site(tmp_path, seed=0, keys=split.keys))
    assert str(caught.value) == (
        "error[wrong-fill]: `median` is learnt from the training split, and the split reads `day`\n"
        "  --> data.missing.day\n"
        "help: write a value, or drop the rows without one"
    )


def test_a_moment_may_lie_beyond_the_calendar_in_another_zone() -> None:
    moments: list[object] = ["9999-12-31T23:59:59-05:00", "9999-12-31T23:59:59+00:00"]
    assert rows(split_table(keyed(t=moments), Split(test=1, order="t"))) == {"train": [1], "test": [0]}


def test_dates_with_a_zone_are_not_mixed_with_dates_without_one() -> None:
    moments: list[object] = ["2026-01-01", "2026-01-02", "2026-01-01T00:30:00+02:00"]
    assert refusal(keyed(t=moments), Split(test=1, order="t")) == (
        "error[not-a-date]: `t` has dates with a zone and without one, such as `2026-01-01T00:30:00+02:00`"
        " in row 2 and `2026-01-01` in row 0 (counted from 0)\n"
        "  --> data.split.order\n"
        "help: write the zone of every date, such as `2026-11-23T09:14:55+00:00`, or of none"
    )


def test_too_few_moments_are_refused() -> None:
    assert refusal(keyed(year=[1, 1, 2, 2]), Split(val=1, test=1, order="year")) == (
        "error[too-few-dates]: `year` has 2 different values to cut between, and 3 parts are wanted\n"
        "  --> data.split.order\n"
        "help: take fewer parts, or order by a column that tells more moments apart"
    )


def test_splits_of_other_sizes_than_asked_are_said(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(
        "day,p,a,kind\n" + "".join(f"{n // 4},{n // 5},{n},{n % 2}\n" for n in range(20))
    )
    for split, told in (
        (Split(test=4, order="day"), ()),
        (Split(test=6, order="day"), ("test has 4 samples instead of 6: rows of one `day` stay together",)),
        (Split(test=6, group="p"), ("test has 5 samples instead of 6: rows of one `p` stay together",)),
    ):
        data = Data("csv", {"path": "t.csv", "target": "kind"}, split)
        assert load(data, Site(tmp_path, seed=0, keys=split.keys)).notes == told


def test_a_word_is_no_date() -> None:
    assert refusal(keyed(day=["2026-01-01", "monday"]), Split(test=1, order="day")) == (
        "error[not-a-date]: row 1 of `day` (counted from 0) is `monday`, neither a number nor a date\n"
        "  --> data.split.order\n"
        "help: write dates as `2026-11-23` or `2026-11-23T09:14:55`, or order by another column"
    )


def folds(table: Table, split: Split, k: int) -> list[dict[str, list[int]]]:
    return [rows(split_table(table, replace(split, fold=Fold(k, index)))) for index in range(k)]


def test_every_row_is_validated_on_in_exactly_one_fold_and_test_is_the_same_in_all() -> None:
    found = folds(keyed(labels=[0] * 23), Split(test=3), k=4)
    assert [len(fold["val"]) for fold in found] == [5, 5, 5, 5]
    everything = sorted(row for fold in found for row in fold["val"])
    assert everything == sorted(set(range(23)) - set(found[0]["test"]))
    assert {tuple(fold["test"]) for fold in found} == {tuple(found[0]["test"])}
    assert all(not set(fold["train"]) & set(fold["val"]) for fold in found)


def test_stratified_folds_keep_every_classs_share() -> None:
    labels = [0] * 50 + [1] * 25
    for fold in folds(keyed(labels=labels), Split(stratify=True), k=5):
        assert [sum(labels[row] == c for row in fold["val"]) for c in (0, 1)] == [10, 5]


def test_grouped_folds_keep_groups_together_and_even() -> None:
    patients: list[object] = [number // 4 for number in range(40)]
    for fold in folds(keyed(patient=patients), Split(group="patient"), k=5):
        assert len(fold["val"]) == 8
        assert not {patients[r] for r in fold["val"]} & {patients[r] for r in fold["train"]}


def test_folds_in_time_grow_and_never_look_ahead() -> None:
    assert folds(keyed(year=list(range(9))), Split(order="year"), k=2) == [
        {"train": [0, 1, 2], "val": [3, 4, 5]},
        {"train": [0, 1, 2, 3, 4, 5], "val": [6, 7, 8]},
    ]


def test_more_folds_than_samples_are_refused() -> None:
    assert refusal(keyed(labels=[0, 1]), Split(fold=Fold(3, 0))) == (
        "error[too-few-samples]: 3 folds need 3 samples or more, and there are 2\n  --> data.split.fold"
    )
    assert refusal(keyed(day=[0, 1]), Split(order="day", fold=Fold(2, 0))) == (
        "error[too-few-samples]: 2 folds need 3 samples or more, and there are 2\n  --> data.split.fold"
    )


def test_as_many_folds_as_samples_leave_one_out() -> None:
    found = folds(keyed(labels=[0, 1, 0]), Split(), k=3)
    assert sorted(fold["val"] for fold in found) == [[0], [1], [2]]


CSV = "day,patient,a,kind\n" + "".join(f"2026-01-{n:02},p{n % 5},{n},{n % 2}\n" for n in range(1, 21))


def test_the_column_a_split_reads_is_no_feature(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(CSV)
    for key in ("patient", "day"):
        split = Split(test=4, group="patient") if key == "patient" else Split(test=4, order="day")
        others = tuple({"patient", "day"} - {key})
        data = Data("csv", {"path": "t.csv", "target": "kind", "ignore": others}, split)
        datasets = load(data, Site(tmp_path, seed=0, keys=split.keys))
        assert datasets.info.columns == {"features": ("a",)}
        assert datasets.info.sizes == {"train": 16, "test": 4}


def test_an_unknown_column_to_group_by_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(CSV)
    split = Split(test=4, group="pateint")
    with pytest.raises(KexpError) as caught:
        load(Data("csv", {"path": "t.csv", "target": "kind"}, split), Site(tmp_path, seed=0, keys=split.keys))
    assert str(caught.value) == (
        "error[unknown-column]: the data has no column `pateint`\n"
        "  --> data.split.group\n"
        "help: did you mean `patient`?"
    )
