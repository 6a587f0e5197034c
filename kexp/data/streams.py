"""Data set objects that `fit` takes, read once: tf.data, PyDataset, torch's loaders, generators.

They give batches in an order of their own. Read into columns, their samples get kexp's order, which can be
resumed; what memory does not hold goes to a file that is gone with the process.
"""

import inspect
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kexp.data.arrays import is_text, tidy_array
from kexp.data.cache import SHARE
from kexp.data.growing import DiskFull, Growing
from kexp.protocols import Column, Samples
from kexp.record.machine import free_memory_bytes

_INFINITE = -1
"""What tf.data says of a data set without an end."""


class Unreadable(Exception):
    """Says what is wrong with a data set object, after the words `returned …`."""


def is_stream(value: object) -> bool:
    """Tell whether `value` gives samples one after the other; arrays, lists and maps do not."""
    return _is_sequence(value) or hasattr(value, "element_spec") or _is_loader(value) or _is_generator(value)


def read_stream(stream: Any, are_batches: bool | None = None) -> tuple[Samples, str | None]:
    """Return all samples of a data set object, and what is in doubt about them.

    Elements are `x`, `(x, y)` or `(x, y, weights)`, each an array, a map or a tuple of arrays: batches as
    `fit` takes them, or single samples. Where neither caller nor object says which, samples are told by
    single values among them, or by arrays of different lengths.

    Raises: Unreadable.
    """
    if hasattr(stream, "cardinality") and int(stream.cardinality()) == _INFINITE:
        raise Unreadable("a data set without an end; end it with `take(n)`, and leave out `repeat()`")
    elements = (_columns(element) for element in _elements(stream))
    first = next(elements, None)
    if first is None:
        raise Unreadable("a data set without samples")
    known = _gives_batches(stream) if are_batches is None else are_batches
    lengths = {array.shape[:1] for array in first.values()}
    are_batches = len(lengths) == 1 and () not in lengths if known is None else known
    most_bytes = free_memory_bytes() * SHARE / len(first)
    num_rows: list[int] = []
    spools = {key: _Spool(most_bytes) for key in first}
    for columns in itertools.chain([first], elements):
        if columns.keys() != first.keys():
            raise Unreadable("elements that are not all of the same inputs and targets")
        for key, array in columns.items():
            spools[key].add(array if are_batches else array[None])
        num_rows.append(len(next(iter(columns.values()))) if are_batches else 1)
    samples = _samples({key: spool.column() for key, spool in spools.items()})
    doubt = _doubt(num_rows, _is_of_batches(stream)) if are_batches and known is None else None
    return samples, doubt


def _gives_batches(stream: Any) -> bool | None:
    """Return whether elements are batches by the contract of their kind; None where it has none."""
    names = {f"{cls.__module__}.{cls.__name__}" for cls in type(stream).__mro__}
    if any(name.endswith(".PyDataset") for name in names):
        return True
    if "torch.utils.data.dataloader.DataLoader" in names:
        return None if stream.batch_size is None and stream.batch_sampler is None else True
    return False if _is_sequence(stream) else None


def _is_of_batches(stream: Any) -> bool:
    """Tell a tf.data.Dataset whose elements may be of any length, as the last of a number of batches is."""
    import keras

    spec = getattr(stream, "element_spec", None)
    shapes = [getattr(leaf, "shape", None) for leaf in keras.tree.flatten(spec)]
    return spec is not None and all(shape is not None and shape.rank and shape[0] is None for shape in shapes)


def _doubt(num_rows: Sequence[int], is_of_batches: bool) -> str | None:
    """Say that elements which were read as batches may be single samples."""
    first, *others = num_rows
    are_alike = all(number == first for number in others[:-1])
    if are_alike and (not others or others[-1] < first or is_of_batches or first == 1):
        return None
    rows = f"{first:,} rows" if are_alike else "different numbers of rows"
    return (
        f"read {len(num_rows):,} elements of {rows} as batches; if each is one sample, give it an axis more"
        " (`x[None]`, `batch(1)`)"
    )


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


class _Spool:
    """One column as it grows; texts are kept in memory."""

    def __init__(self, most_bytes: float) -> None:
        self.numbers = Growing(most_bytes)
        self.texts: list[NDArray[Any]] = []
        self.first: NDArray[Any] | None = None

    def add(self, array: NDArray[Any]) -> None:
        first = self.first = array if self.first is None else self.first
        if array.shape[1:] != first.shape[1:]:
            raise Unreadable(f"samples of shapes {first.shape[1:]} and {array.shape[1:]}")
        if is_text(array) != is_text(first):
            raise Unreadable("samples of text, and others of numbers")
        if is_text(array):
            self.texts.append(array)
            return
        try:
            self.numbers.add(array)
        except TypeError as error:
            raise Unreadable(str(error)) from None
        except DiskFull:
            raise Unreadable("more samples than memory and disk hold; does it end?") from None

    def column(self) -> Column:
        return np.concatenate(self.texts) if self.texts else self.numbers.column()


def _samples(columns: Mapping[tuple[str, str], Column]) -> Samples:
    by_role: dict[str, dict[str, Column]] = {"x": {}, "y": {}, "weights": {}}
    for (role, name), column in columns.items():
        by_role[role][name] = column
    if len(by_role["weights"]) > 1:
        raise Unreadable(f"{len(by_role['weights'])} arrays of weights, and a sample has one weight")
    weights = next((column[:] for column in by_role["weights"].values()), None)
    return Samples(by_role["x"], by_role["y"], weights)
