"""Columns that are computed from others."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kexp.data.lazy import CHUNK_BYTES, LazyColumn, column_digest, taken
from kexp.data.order import Indices
from kexp.protocols import Column, TensorInfo

Compute = Callable[[Mapping[str, NDArray[Any]]], NDArray[Any]]


class Computed(LazyColumn):
    """Rows made of the same rows of other columns, a bounded number at a time.

    `settings` say all that `compute` depends on; None where nobody can say that.
    """

    def __init__(
        self, columns: Mapping[str, Column], compute: Compute, tensor: TensorInfo, settings: str | None
    ) -> None:
        sizes = (size or 0 for size in tensor.shape)
        super().__init__((len(next(iter(columns.values()))), *sizes), tensor.dtype)
        self.columns, self.compute, self.settings = columns, compute, settings

    def read(self, rows: Indices) -> NDArray[Any]:
        array = np.empty((len(rows), *self.shape[1:]), self.dtype)
        bytes_each = sum(column.nbytes for column in (*self.columns.values(), self)) // max(1, len(self))
        step = max(1, CHUNK_BYTES // max(1, bytes_each))
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            given = {name: np.asarray(column[part]) for name, column in self.columns.items()}
            array[start : start + step] = self.compute(given)
        return array

    def digest(self, rows: Indices) -> str:
        if self.settings is None:
            return super().digest(rows)
        sources = [f"{name} {column_digest(taken(column, rows))}" for name, column in self.columns.items()]
        return hashlib.sha256("\n".join([self.settings, *sources]).encode()).hexdigest()
