from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kexp.data.split import Cut, split_table
from kexp.errors import KexpError
from kexp.protocols import Samples, Table
from kexp.spec.types import Split


def table(**sizes: int) -> Table:
    return Table(
        {name: Samples({"x": np.zeros((n, 2))}, {"y": np.zeros(n, np.int32)}) for name, n in sizes.items()}
    )


def labelled(labels: list[int], *names: str) -> Table:
    samples = Samples({"x": np.zeros((len(labels), 2))}, {"y": np.array(labels)})
    return Table({"all": samples}, classes={"y": names} if names else {})


def rows(cuts: dict[str, Cut]) -> dict[str, list[int]]:
    return {name: cut.rows.tolist() for name, cut in cuts.items()}


def sizes(cuts: dict[str, Cut]) -> dict[str, tuple[str, int]]:
    return {name: (cut.part, len(cut.rows)) for name, cut in cuts.items()}


def refusal(table: Table, split: Split) -> str:
    with pytest.raises(KexpError) as caught:
        split_table(table, split)
    return str(caught.value)


def test_without_a_split_all_is_for_training() -> None:
    assert rows(split_table(table(all=3), Split())) == {"train": [0, 1, 2]}


def test_without_shuffling_test_is_the_end_and_val_stands_before_it() -> None:
    cuts = split_table(table(all=10), Split(val=2, test=3, shuffle=False))
    assert rows(cuts) == {"train": [0, 1, 2, 3, 4], "val": [5, 6], "test": [7, 8, 9]}


def test_shares_are_of_all_samples_and_halves_round_up() -> None:
    assert sizes(split_table(table(all=150), Split(val=0.15, test=0.15))) == {
        "train": ("all", 104),
        "val": ("all", 23),
        "test": ("all", 23),
    }


def test_a_share_means_its_decimals_not_its_binary_neighbour() -> None:
    assert 0.145 * 100 < 14.5
    assert len(split_table(table(all=100), Split(test=0.145))["test"].rows) == 15


def test_a_source_with_its_own_test_has_val_cut_from_train() -> None:
    assert sizes(split_table(table(train=60, test=10), Split(val=0.1))) == {
        "train": ("train", 54),
        "val": ("train", 6),
        "test": ("test", 10),
    }


def test_a_second_test_split_is_refused() -> None:
    assert refusal(table(train=60, test=1000), Split(test=0.1)) == (
        "error[test-split-given]: the data brings its own test split of 1,000 samples\n"
        "  --> data.split.test\n"
        "help: leave out `test`"
    )


def test_a_second_val_split_is_refused() -> None:
    assert refusal(table(train=60, val=5), Split(val=0.1)) == (
        "error[val-split-given]: the data brings its own val split of 5 samples\n"
        "  --> data.split.val\n"
        "help: leave out `val`"
    )


def test_an_empty_split_is_refused() -> None:
    assert refusal(table(all=10), Split(val=0.01)) == (
        "error[empty-split]: no sample is left for val: there are 10, 0 for val\n"
        "  --> data.split\n"
        "help: a number below 1 is a share of all samples, any other a count"
    )


def test_splits_that_leave_nothing_to_train_on_are_refused() -> None:
    assert refusal(table(all=10), Split(val=4, test=6)) == (
        "error[empty-split]: no sample is left for train: there are 10, 6 for test and 4 for val\n"
        "  --> data.split\n"
        "help: a number below 1 is a share of all samples, any other a count"
    )


def test_the_split_never_changes_between_releases() -> None:
    cuts = split_table(table(all=8), Split(val=2, test=2))
    assert rows(cuts) == {"train": [1, 4, 6, 7], "val": [0, 3], "test": [2, 5]}


def test_the_splits_seed_alone_decides() -> None:
    first, again, other = (split_table(table(all=100), Split(test=0.2, seed=seed)) for seed in (0, 0, 1))
    assert rows(first) == rows(again)
    assert rows(first) != rows(other)


@st.composite
def splits(draw: st.DrawFn) -> tuple[int, Split]:
    size = draw(st.integers(20, 300))
    amount = st.none() | st.floats(0.05, 0.45) | st.integers(1, 9)
    return size, Split(
        val=draw(amount), test=draw(amount), shuffle=draw(st.booleans()), seed=draw(st.integers(0, 9))
    )


def count(amount: float | None, total: int) -> int:
    if amount is None or isinstance(amount, int):
        return amount or 0
    return floor(Fraction(repr(amount)) * total + Fraction(1, 2))


@given(splits())
def test_splits_share_no_row_lose_none_and_have_the_counts_asked_for(case: tuple[int, Split]) -> None:
    size, split = case
    cuts = split_table(table(all=size), split)
    everything = np.concatenate([cut.rows for cut in cuts.values()])
    assert sorted(everything.tolist()) == list(range(size))
    assert all(np.all(np.diff(cut.rows) > 0) for cut in cuts.values())
    assert {name: len(cut.rows) for name, cut in cuts.items() if name != "train"} == {
        name: count(amount, size) for name, amount in (("val", split.val), ("test", split.test)) if amount
    }


@settings(deadline=None)
@given(st.lists(st.integers(0, 4), min_size=30, max_size=200), splits())
def test_stratified_splits_keep_every_classs_share_to_less_than_one_sample(
    labels: list[int], case: tuple[int, Split]
) -> None:
    labels = [*labels, *range(5), *range(5), *range(5)]
    split = Split(val=case[1].val, test=case[1].test, stratify=True, shuffle=case[1].shuffle)
    cuts = split_table(labelled(labels), split)
    everything = np.concatenate([cut.rows for cut in cuts.values()])
    assert sorted(everything.tolist()) == list(range(len(labels)))
    array = np.array(labels)
    for cut in cuts.values():
        for label in range(5):
            exact = Fraction(labels.count(label) * len(cut.rows), len(labels))
            assert abs(int(np.count_nonzero(array[cut.rows] == label)) - exact) < 1


def test_stratifying_in_file_order_takes_the_end_of_each_class() -> None:
    cuts = split_table(labelled([0, 1, 0, 1, 0, 1]), Split(test=2, stratify=True, shuffle=False))
    assert rows(cuts) == {"train": [0, 1, 2, 3], "test": [4, 5]}


def test_a_class_too_small_for_the_splits_is_named() -> None:
    data = labelled([0] * 20 + [1] * 2, "cat", "dog")
    assert refusal(data, Split(val=0.2, test=0.2, stratify=True)) == (
        "error[class-too-small]: class `dog` has 2 samples; to be in 3 splits it needs at least 3\n"
        "  --> data.split.stratify\n"
        "help: gather more of it, drop it, or leave out `stratify`"
    )


def test_values_cannot_be_stratified() -> None:
    data = Table({"all": Samples({"x": np.zeros((9, 1))}, {"y": np.zeros(9, np.float32)})})
    assert refusal(data, Split(test=3, stratify=True)) == (
        "error[stratify-needs-classes]: `stratify` needs one target of classes;"
        " the data has `y` (float32, 1-d)\n"
        "  --> data.split.stratify"
    )
