"""What stands for missing values in the columns of an input."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kexp.data.arrays import is_text
from kexp.data.computed import Computed
from kexp.data.lazy import LazyColumn, chunks
from kexp.errors import DataError
from kexp.protocols import Column, Samples, Table, TensorInfo

Fills = Mapping[str, Mapping[int, str | float]]
"""By input and column: what stands for a missing value."""


def fill_values(train: Samples, table: Table) -> Fills:
    """Return what stands for missing values, medians and means computed on the training split.

    Raises: nothing-to-fill.
    """
    values: dict[str, dict[int, str | float]] = {}
    for name, fills in table.fills.items():
        array = train.inputs[name]
        values[name] = {
            column: how
            if is_text(array) or not isinstance(how, str)
            else _statistic(np.concatenate([part[:, column] for part in chunks(array)]), how, name, column)
            for column, how in fills.items()
        }
    return values


def fill_missing(splits: Mapping[str, Samples], fills: Fills) -> dict[str, Samples]:
    """Put the values in where there is NaN; arrays without it are not copied, lazy columns stay lazy."""
    filled = dict(splits)
    for name, values in fills.items():
        for split, samples in filled.items():
            column = fill_column(name, samples.inputs[name], values)
            filled[split] = replace(samples, inputs={**samples.inputs, name: column})
    return filled


def fill_column(name: str, column: Column, values: Mapping[int, str | float]) -> Column:
    """Put each column's value in where it is NaN, at once or when it is read."""
    if not isinstance(column, LazyColumn):
        return fill_array(np.asarray(column), values)
    tensor = TensorInfo(name, column.shape[1:], column.dtype.name)
    return Computed({name: column}, lambda given: fill_array(given[name], values), tensor, repr(values))


def fill_array(array: NDArray[Any], values: Mapping[int, str | float]) -> NDArray[Any]:
    """Put each column's value in where it is NaN."""
    if array.dtype.kind != "f" or not np.isnan(array).any():
        return array
    array = array.copy()
    for column, value in values.items():
        array[np.isnan(array[:, column]), column] = value
    return array


def _statistic(values: NDArray[Any], how: str, name: str, column: int) -> float:
    present = values[~np.isnan(values)].astype(np.float64)
    if not present.size:
        message = f"column {column} of input `{name}` has no value in the training split to take the {how} of"
        raise DataError.because("nothing-to-fill", message, path="data.missing")
    return float(np.median(present) if how == "median" else np.mean(present))
