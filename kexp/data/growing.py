"""Rows whose number shows only as they are read: kept in memory, or in a file where memory ends."""

import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from kexp.data.lazy import Mapped
from kexp.errors import DataError
from kexp.protocols import Column

_ROOM = 1.125
"""How much larger an array is made than it must be, so that it is seldom made larger."""


class DiskFull(Exception):
    """More rows than memory and disk hold."""


@contextmanager
def room_for(file: str) -> Iterator[None]:
    """Say which file memory and disk do not hold.

    Raises: no-room.
    """
    try:
        yield
    except DiskFull:
        raise DataError.because(
            "no-room",
            f"`{file}` takes more than memory holds, and more than the disk of temporary files",
            path="data",
            help="make room, or set `TMPDIR` to a folder on a larger disk",
        ) from None


class Growing:
    """Rows of numbers, added at the end: in memory up to a number of bytes, then in a nameless file."""

    def __init__(self, most_bytes: float = float("inf")) -> None:
        self.most_bytes = most_bytes
        self.num_rows = 0
        self.array: NDArray[Any] = np.empty(0)
        self.file: IO[bytes] | None = None

    def add(self, rows: NDArray[Any]) -> None:
        """Add rows of the shape that the first had; their type may widen as long as memory holds them.

        Raises: DiskFull; TypeError, where a file holds numbers of another type.
        """
        if not self.num_rows:
            self.array = np.empty((0, *rows.shape[1:]), rows.dtype)
        if self.file is None:
            self._widen(rows.dtype)
            whole = (self.num_rows + len(rows)) * self._row_bytes
            if whole <= self.most_bytes:
                self._append(rows)
                return
            self.file = tempfile.TemporaryFile(prefix="kexp-")  # noqa: SIM115  (closed with self)
            weakref.finalize(self, self.file.close)
            self._write(self.array[: self.num_rows])
            self.array = self.array[:0].copy()
        self._write(rows)
        self.num_rows += len(rows)

    def column(self) -> Column:
        """Return all rows; nothing can be added any more."""
        if self.file is None:
            self.array.resize((self.num_rows, *self.array.shape[1:]), refcheck=False)
            return self.array
        self.file.flush()
        shape = (self.num_rows, *self.array.shape[1:])
        with self.file:
            return Mapped(np.memmap(self.file, self.array.dtype, "r", shape=shape))

    @property
    def _row_bytes(self) -> int:
        return int(np.prod(self.array.shape[1:], dtype=np.int64)) * self.array.dtype.itemsize

    def _widen(self, dtype: np.dtype[Any]) -> None:
        wide = np.result_type(self.array.dtype, dtype)
        if wide != self.array.dtype:
            self.array = self.array.astype(wide)

    def _append(self, rows: NDArray[Any]) -> None:
        end = self.num_rows + len(rows)
        if end > len(self.array):
            # In place: the machine moves pages, not bytes.
            self.array.resize((max(end, int(end * _ROOM)), *self.array.shape[1:]), refcheck=False)
        self.array[self.num_rows : end] = rows
        self.num_rows = end

    def _write(self, rows: NDArray[Any]) -> None:
        assert self.file is not None
        if not np.can_cast(rows.dtype, self.array.dtype, "same_kind"):
            raise TypeError(f"samples of {self.array.dtype}, and then of {rows.dtype}")
        if rows.nbytes > shutil.disk_usage(tempfile.gettempdir()).free:
            raise DiskFull
        self.file.write(np.ascontiguousarray(rows, self.array.dtype).data)
