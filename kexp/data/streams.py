"""Data set objects that `fit` takes, read once: tf.data, PyDataset, torch's loaders, generators.

They give batches in an order of their own. Read into columns, their samples get kexp's order, which can be
resumed; what memory does not hold goes to a file that is gone with the process.
"""

import inspect
import itertools
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from kexp.data.arrays import tidy_array
from kexp.data.cache import SHARE
from kexp.data.lazy import Mapped
from kexp.protocols import Column, Samples
from kexp.record.machine import free_memory_bytes

_INFINITE = -1
"""What tf.data says of a data set without an end."""


class Unreadable(Exception):
    """Says what is wrong with a data set object, after the words `returned …`."""


def is_stream(value: object) -> bool:
    """Tell whether `value` gives samples one after the other; arrays, lists and maps do not."""
    return _is_sequence(value) or hasattr(value, "element_spec") or _is_loader(value) or _is_generator(value)


def read_stream(stream: Any, are_batches: bool | None = None) -> Samples:
    """Return all samples of a data set object.

    Elements are `x`, `(x, y)` or `(x, y, weights)`, each an array, a map or a tuple of arrays: batches as
    `fit` takes them, or single samples. Where nobody says which, samples are told by single values among
    them, or by arrays of different lengths.

    Raises: Unreadable.
    """
    if hasattr(stream, "cardinality") and int(stream.cardinality()) == _INFINITE:
        raise Unreadable("a data set without an end; end it with `take(n)`, and leave out `repeat()`")
    elements = (_columns(element) for element in _elements(stream))
    first = next(elements, None)
    if first is None:
        raise Unreadable("a data set without samples")
    if are_batches is None:
        lengths = {array.shape[:1] for array in first.values()}
        are_batches = len(lengths) == 1 and () not in lengths
    most_bytes = free_memory_bytes() * SHARE / len(first)
    with ExitStack() as stack:
        spools = {key: stack.enter_context(_Spool(most_bytes)) for key in first}
        for columns in itertools.chain([first], elements):
            if columns.keys() != first.keys():
                raise Unreadable("elements that are not all of the same inputs and targets")
            for key, array in columns.items():
                spools[key].add(array if are_batches else array[None])
        return _samples({key: spool.column() for key, spool in spools.items()})


def _is_sequence(value: Any) -> bool:
    """Tell PyDatasets and torch's map-style data sets, whose elements have numbers."""
    names = {f"{cls.__module__}.{cls.__name__}" for cls in type(value).__mro__}
    return any(name.endswith((".PyDataset", "torch.utils.data.dataset.Dataset")) for name in names)


def _is_loader(value: object) -> bool:
    return any(cls.__module__.startswith("torch.utils.data") for cls in type(value).__mro__)


def _is_generator(value: object) -> bool:
    return inspect.isgenerator(value) or (isinstance(value, Iterator) and not isinstance(value, Mapping))


def _elements(stream: Any) -> Iterator[Any]:
    if _is_sequence(stream) and hasattr(stream, "__len__"):
        return (stream[number] for number in range(len(stream)))
    as_numpy = getattr(stream, "as_numpy_iterator", None)
    return iter(as_numpy() if as_numpy is not None else stream)


def _columns(element: Any) -> dict[tuple[str, str], NDArray[Any]]:
    """Return an element's arrays by role and name."""
    parts = element if isinstance(element, tuple) else (element,)
    if len(parts) > 3:
        raise Unreadable(f"elements of {len(parts)} parts, and `x, y, weights` are three")
    named = zip(("x", "y", "weights"), parts, strict=False)
    return {
        (role, name): _array(leaf, name)
        for role, part in named
        if part is not None
        for name, leaf in _named(part, role)
    }


def _named(part: Any, role: str) -> Iterable[tuple[str, Any]]:
    if isinstance(part, Mapping):
        return [(str(name), leaf) for name, leaf in part.items()]
    if isinstance(part, (tuple, list)) and part and hasattr(part[0], "shape"):
        return [(role, part[0])] if len(part) == 1 else [(f"{role}_{i}", leaf) for i, leaf in enumerate(part)]
    return [(role, part)]


def _array(leaf: Any, name: str) -> NDArray[Any]:
    if isinstance(leaf, bytes):
        leaf = leaf.decode()
    try:
        array = np.asarray(leaf)
        return tidy_array(array) if array.ndim else tidy_array(array[None])[0, ...]
    except (TypeError, ValueError) as error:
        raise Unreadable(f"an unusable `{name}`: {error}") from None


class _Spool(ExitStack):
    """One column as it grows: in memory up to a number of bytes, then in a nameless file."""

    def __init__(self, most_bytes: float) -> None:
        super().__init__()
        self.most_bytes = most_bytes
        self.arrays: list[NDArray[Any]] = []
        self.shape: tuple[int, ...] = ()
        self.dtype = np.dtype(np.float32)
        self.size_bytes = self.num_rows = 0
        self.file: IO[bytes] | None = None

    def add(self, array: NDArray[Any]) -> None:
        if self.num_rows and array.shape[1:] != self.shape:
            raise Unreadable(f"samples of shapes {self.shape} and {array.shape[1:]}")
        if not self.num_rows:
            self.shape, self.dtype = array.shape[1:], array.dtype
        self.arrays.append(array)
        self.size_bytes += array.nbytes
        self.num_rows += len(array)
        if self.size_bytes > self.most_bytes and self.dtype.kind in "biuf":
            self._write()

    def column(self) -> Column:
        if self.file is None:
            return np.concatenate(self.arrays)
        self._write()
        return Mapped(np.memmap(self.file, self.dtype, "r", shape=(self.num_rows, *self.shape)))

    def _write(self) -> None:
        """Move the rows gathered since to the file."""
        if self.file is None:
            self.file = self.enter_context(tempfile.TemporaryFile(prefix="kexp-"))  # noqa: SIM115  (closed with self)
        if sum(array.nbytes for array in self.arrays) > shutil.disk_usage(tempfile.gettempdir()).free:
            raise Unreadable("more samples than memory and disk hold; does it end?")
        for array in self.arrays:
            if not np.can_cast(array.dtype, self.dtype, "same_kind"):
                raise Unreadable(f"samples of {self.dtype}, and then of {array.dtype}")
            self.file.write(np.ascontiguousarray(array, self.dtype).data)
        self.file.flush()
        self.arrays.clear()


def _samples(columns: Mapping[tuple[str, str], Column]) -> Samples:
    by_role: dict[str, dict[str, Column]] = {"x": {}, "y": {}, "weights": {}}
    for (role, name), column in columns.items():
        by_role[role][name] = column
    weights = next((column[:] for column in by_role["weights"].values()), None)
    return Samples(by_role["x"], by_role["y"], weights)
