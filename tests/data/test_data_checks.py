from typing import Any

import numpy as np
import pytest

from kexp.data.checks import check_classes, check_table
from kexp.errors import DataError
from kexp.protocols import Samples, Table


def samples(x: Any, y: Any, weights: Any = None) -> Samples:
    return Samples({"x": np.array(x)}, {"y": np.array(y)}, None if weights is None else np.array(weights))


def refusal(**parts: Samples) -> str:
    with pytest.raises(DataError) as caught:
        check_table(Table(parts))
    return str(caught.value)


def test_sound_data_passes() -> None:
    check_table(Table({"all": samples([[1.0], [2.0]], ["a", "b"], [1.0, 0.5])}))


def test_unequal_numbers_of_samples_are_listed() -> None:
    assert refusal(all=samples([1, 2, 3], [0, 1], [1.0, 1.0, 1.0])) == (
        "error[unequal-lengths]: the data has unequal numbers of samples:"
        " 3 in input `x`, 2 in target `y`, 3 in the sample weights\n"
        "  --> data"
    )


def test_a_part_without_samples_is_refused() -> None:
    assert refusal(train=samples([1], [1]), test=samples([], [])) == (
        "error[no-samples]: `test` has no samples\n  --> data"
    )


def test_weights_are_one_number_per_sample() -> None:
    assert refusal(all=samples([1, 2], [0, 1], [[1.0], [1.0]])) == (
        "error[bad-weights]: the sample weights of the data are float64 of shape (1,) each,"
        " not one number per sample\n"
        "  --> data"
    )


def test_parts_that_differ_are_refused() -> None:
    other = Samples({"x": np.zeros((1, 3)), "z": np.zeros(1)}, {"y": np.array(["a"])})
    assert refusal(train=samples([[1.0, 2.0]], [1]), test=other) == (
        "error[different-parts]: input `x` is float64 of shape (3,) each in `test`"
        " and float64 of shape (2,) each in `train`\n"
        "  --> data\n\n"
        "error[different-parts]: target `y` is text of shape () each in `test`"
        " and int64 of shape () each in `train`\n"
        "  --> data\n\n"
        "error[different-parts]: input `z` is float64 of shape () each in `test` and absent in `train`\n"
        "  --> data"
    )


def test_values_that_are_not_finite_are_counted_and_placed() -> None:
    data = samples([[1.0, 2.0], [3.0, np.inf], [np.nan, 4.0]], [0.0, np.nan, 0.0], [1.0, 1.0, -np.inf])
    assert refusal(all=data) == (
        "error[data-not-finite]: input `x` of the data holds 2 values that are NaN or infinite,"
        " first in sample 1, column 1 (counted from 0)\n"
        "  --> data\n"
        "help: mend or drop these samples before training\n\n"
        "error[data-not-finite]: target `y` of the data holds 1 value that is NaN or infinite,"
        " first in sample 1 (counted from 0)\n"
        "  --> data\n"
        "help: mend or drop these samples before training\n\n"
        "error[data-not-finite]: the sample weights of the data holds 1 value that is NaN or infinite,"
        " first in sample 2 (counted from 0)\n"
        "  --> data\n"
        "help: mend or drop these samples before training"
    )


def test_values_whose_sum_overflows_are_finite() -> None:
    check_table(Table({"all": samples([1e308, 1e308], [0, 1])}))


def test_missing_values_that_will_be_filled_pass_and_others_do_not() -> None:
    data = samples([[np.nan, 1.0], [2.0, 1.0]], [0, 1])
    check_table(Table({"all": data}, fills={"x": {0: "mean"}}))
    with pytest.raises(DataError):
        check_table(Table({"all": data}, fills={"x": {1: "mean"}}))


def test_a_class_that_training_never_shows_is_refused() -> None:
    splits = {"train": samples([1, 2], [0, 0]), "val": samples([1], [2]), "test": samples([1, 2], [1, 2])}
    with pytest.raises(DataError) as caught:
        check_classes(splits, {"y": ("cat", "dog", "owl")})
    assert [fault.message for fault in caught.value.diagnostics] == [
        "class `dog` of `y` is in test and not in train",
        "class `owl` of `y` is in test and not in train",
        "class `owl` of `y` is in val and not in train",
    ]


def test_arrays_without_values_are_refused() -> None:
    assert refusal(all=samples(np.zeros((5, 0)), [0] * 5)) == (
        "error[empty-shape]: input `x` of the data holds no values: its shape is [5, 0]\n  --> data"
    )
