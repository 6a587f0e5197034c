"""Columns whose rows are read when they are asked for: files decoded, arrays mapped, values computed."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kexp.data.files import Watched
from kexp.data.order import Indices
from kexp.protocols import Column, Samples

CHUNK_BYTES = 64 << 20


class LazyColumn(ABC):
    """Rows of one shape and dtype, read by their numbers.

    Shapes: `shape` is (n, ...), as an array's; `read` gives (len(rows), ...).
    """

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.shape = shape
        self.dtype: np.dtype[Any] = np.dtype(dtype)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """What all rows would take in memory."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | Indices) -> NDArray[Any]:
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(len(self)), dtype=np.int64)
        return self.read(np.asarray(rows, dtype=np.int64))

    @abstractmethod
    def read(self, rows: Indices) -> NDArray[Any]:
        """Return these rows, in this order."""

    def digest(self, rows: Indices) -> str:
        """Return a hash of what these rows hold; a column that knows its files' hashes need not decode."""
        return content_digest(View(self, rows))


class View(LazyColumn):
    """Some rows of another column, in an order of their own."""

    def __init__(self, column: LazyColumn, rows: Indices) -> None:
        super().__init__((len(rows), *column.shape[1:]), column.dtype)
        self.column, self.rows = column, rows

    def read(self, rows: Indices) -> NDArray[Any]:
        return self.column.read(self.rows[rows])

    def digest(self, rows: Indices) -> str:
        return self.column.digest(self.rows[rows])


class Mapped(LazyColumn):
    """An array in a file that the machine maps into memory."""

    def __init__(self, array: NDArray[Any], dtype: Any = None, file: Watched | None = None) -> None:
        super().__init__(array.shape, array.dtype if dtype is None else dtype)
        self.array, self.file = array, file

    def __getitem__(self, rows: slice | Indices) -> NDArray[Any]:
        """Return rows; a slice is one stretch of the file."""
        if self.file is not None:
            self.file.check()
        found = np.asarray(self.array)[rows]
        with np.errstate(over="ignore"):
            # Rows by their numbers are a copy already.
            return found.astype(self.dtype, copy=isinstance(rows, slice))

    def read(self, rows: Indices) -> NDArray[Any]:
        return self[rows]


def chunks(column: Column) -> Iterator[NDArray[Any]]:
    """Give all rows in order, some at a time: an array whole, a lazy column about 64 MiB each."""
    if not isinstance(column, LazyColumn):
        yield np.asarray(column)
        return
    step = max(1, CHUNK_BYTES // max(1, column.nbytes // max(1, len(column))))
    for start in range(0, len(column), step):
        yield column[start : start + step]


def in_memory(column: Column) -> NDArray[Any]:
    """Return all rows as an array."""
    if not isinstance(column, LazyColumn):
        return np.asarray(column)
    if isinstance(column, Mapped):
        return column[:]
    array = np.empty(column.shape, column.dtype)
    start = 0
    for chunk in chunks(column):
        array[start : start + len(chunk)] = chunk
        start += len(chunk)
    return array


def size_bytes(samples: Samples) -> int:
    """Return what the lazy columns of samples would take in memory."""
    columns = (*samples.inputs.values(), *samples.targets.values())
    return sum(column.nbytes for column in columns if isinstance(column, LazyColumn))


def loaded(samples: Samples) -> Samples:
    """Return the samples with every lazy column read into memory."""
    return replace(
        samples,
        inputs={name: in_memory(column) for name, column in samples.inputs.items()},
        targets={name: in_memory(column) for name, column in samples.targets.items()},
    )


def taken(column: Column, rows: Indices) -> Column:
    """Return some rows: a copy of an array's, a view of a lazy column's."""
    return View(column, rows) if isinstance(column, LazyColumn) else np.asarray(column)[rows]


def column_digest(column: Column) -> str:
    """Return a hash of a column's dtype, shape and values, or of the files that hold them."""
    if isinstance(column, LazyColumn):
        return column.digest(np.arange(len(column), dtype=np.int64))
    return content_digest(column)


def content_digest(column: Column) -> str:
    digest = hashlib.sha256(f"{column.dtype.str} {column.shape}\n".encode())
    for chunk in chunks(column):
        if chunk.dtype.kind == "O":
            digest.update("\0".join(map(str, chunk.flat)).encode())
        else:
            digest.update(np.ascontiguousarray(chunk).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
