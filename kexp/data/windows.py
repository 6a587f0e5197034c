"""Stretches of one long array as samples, none of them copied before it is asked for."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kexp.data.lazy import LazyColumn
from kexp.data.order import Indices
from kexp.errors import DataError


class WindowColumn(LazyColumn):
    """The stretch of `length` values that begins at each of `starts`. Shapes: (len(starts), length)."""

    def __init__(self, values: NDArray[Any], starts: Indices, length: int) -> None:
        super().__init__((len(starts), length), values.dtype)
        self.values, self.starts = values, starts

    def read(self, rows: Indices) -> NDArray[Any]:
        stretches: NDArray[Any] = self.values[self.starts[rows, None] + np.arange(self.shape[1])]
        return stretches


def apart(cuts: Mapping[str, Indices], column: WindowColumn) -> dict[str, Indices]:
    """Return the rows by split without those that share values with a window of a later split.

    `cuts` go from the split that gives way to the one that keeps all.

    Raises: windows-overlap.
    """
    kept: dict[str, Indices] = {}
    for name in reversed(list(cuts)):
        rows = cuts[name]
        later = np.sort(np.concatenate([np.empty(0, np.int64), *(column.starts[r] for r in kept.values())]))
        starts = column.starts[rows]
        place = np.searchsorted(later, starts)
        edges = np.concatenate([[-column.shape[1]], later, [np.iinfo(np.int64).max]])
        near = (edges[place + 1] - starts < column.shape[1]) | (starts - edges[place] < column.shape[1])
        kept[name] = rows[~near]
        if len(rows) and not len(kept[name]):
            raise DataError.because(
                "windows-overlap",
                f"every window of {name} shares text with one of a later split",
                path="data.split",
                help="write `shuffle: false`, give a file per split, or leave out `stride`",
            )
    return {name: kept[name] for name in cuts}


def windows(size: int, length: int, stride: int) -> Indices:
    """Return where the stretches of `length` begin that lie wholly within `size` values."""
    return np.arange(0, max(0, size - length + 1), stride, dtype=np.int64)
