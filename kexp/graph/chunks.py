"""Columns read some rows at a time."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kexp.protocols import Column

CHUNK_BYTES = 64 << 20


def row_chunks(columns: Mapping[str, Column]) -> Iterator[dict[str, NDArray[Any]]]:
    """Give the rows of all columns in order, about 64 MiB at a time."""
    size = len(next(iter(columns.values())))
    row_bytes = sum(column.nbytes for column in columns.values()) // max(1, size)
    step = max(1, CHUNK_BYTES // max(1, row_bytes))
    for start in range(0, size, step):
        yield {name: np.asarray(column[start : start + step]) for name, column in columns.items()}
