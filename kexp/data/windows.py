"""Stretches of one long array as samples, none of them copied before it is asked for."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kexp.data.lazy import LazyColumn
from kexp.data.order import Indices


class WindowColumn(LazyColumn):
    """The stretch of `length` values that begins at each of `starts`. Shapes: (len(starts), length)."""

    def __init__(self, values: NDArray[Any], starts: Indices, length: int) -> None:
        super().__init__((len(starts), length), values.dtype)
        self.values, self.starts = values, starts

    def read(self, rows: Indices) -> NDArray[Any]:
        stretches: NDArray[Any] = self.values[self.starts[rows, None] + np.arange(self.shape[1])]
        return stretches


def windows(size: int, length: int, stride: int) -> Indices:
    """Return where the stretches of `length` begin that lie wholly within `size` values."""
    return np.arange(0, max(0, size - length + 1), stride, dtype=np.int64)
