from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kexp.data.proportions import proportional_counts


@st.composite
def class_and_split_sizes(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    counts = draw(st.lists(st.integers(1, 40), min_size=1, max_size=12))
    cuts = draw(st.lists(st.integers(0, sum(counts)), max_size=2))
    places = [0, *sorted(cuts), sum(counts)]
    return counts, np.diff(places).tolist()


@given(class_and_split_sizes())
def test_every_count_is_its_exact_share_rounded_and_both_sums_hold(case: tuple[list[int], list[int]]) -> None:
    counts, sizes = case
    table = proportional_counts(counts, sizes)
    assert table.sum(axis=1).tolist() == counts
    assert table.sum(axis=0).tolist() == sizes
    assert table.min() >= 0
    for row, count in zip(table.tolist(), counts, strict=True):
        for number, size in zip(row, sizes, strict=True):
            assert abs(number - Fraction(count * size, sum(sizes))) < 1


def test_even_shares_are_exact() -> None:
    assert proportional_counts([50, 30, 20], [80, 10, 10]).tolist() == [[40, 5, 5], [24, 3, 3], [16, 2, 2]]


def test_the_largest_remainders_are_rounded_up() -> None:
    assert proportional_counts([7, 5, 3], [12, 3]).tolist() == [[6, 1], [4, 1], [2, 1]]


def test_a_sample_moves_by_way_of_a_third_split_where_that_is_cheaper() -> None:
    table = proportional_counts([1, 2, 1, 4], [3, 4, 1])
    assert table.tolist() == [[1, 0, 0], [1, 1, 0], [0, 1, 0], [1, 2, 1]]


def test_a_thousand_classes_are_no_burden() -> None:
    counts = [3 + number % 7 for number in range(1000)]
    table = proportional_counts(counts, [sum(counts) - 1800, 900, 900])
    assert table.sum(axis=0).tolist() == [sum(counts) - 1800, 900, 900]
