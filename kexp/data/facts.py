"""What a data set holds, told without training: columns, ranges, classes, examples, leaks."""

import hashlib
import math
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kexp.data.arrays import is_text
from kexp.data.lazy import chunks, in_memory
from kexp.data.load import Datasets
from kexp.protocols import Column, ColumnFacts, DataFacts, Duplicates, Samples, SplitFacts

_MOST_TEXT = 60


def data_facts(datasets: Datasets, source: str, num_rows: int = 3) -> DataFacts:
    """Describe a data set. Every column is read once, and once more to find duplicates."""
    return DataFacts(
        source,
        tuple(_split(name, samples, datasets, num_rows) for name, samples in datasets.splits.items()),
        tuple(_duplicates(datasets.splits)),
        datasets.notes,
    )


def _split(name: str, samples: Samples, datasets: Datasets, num_rows: int) -> SplitFacts:
    info = datasets.info
    columns: list[ColumnFacts] = []
    for role, named in (("input", samples.inputs), ("target", samples.targets)):
        for column_name, column in named.items():
            fills = info.fills.get(column_name, {})
            inner = info.columns.get(column_name)
            if inner is None or len(column.shape) != 2:
                columns.append(column_facts(column_name, role, column, fills.get(column_name)))
                continue
            matrix = in_memory(column)
            columns += [
                column_facts(f"{column_name}.{part}", role, matrix[:, number], fills.get(part))
                for number, part in enumerate(inner)
            ]
    counts = datasets.fingerprint.class_counts.get(name, {})
    kept = {target: count for target, count in counts.items() if target in info.num_classes}
    return SplitFacts(name, len(samples), tuple(columns), kept, _rows(samples, datasets, num_rows))


def column_facts(name: str, role: str, column: Column, filled: str | float | None = None) -> ColumnFacts:
    """Describe a column, read once. The range is of its finite values; only of such is there a mean."""
    if is_text(column):
        distinct = len(np.unique(in_memory(column).astype(np.str_)))
        return ColumnFacts(name, role, column.shape[1:], "text", num_distinct=distinct, filled=filled)
    lows: list[float] = []
    highs: list[float] = []
    total, size, num_odd = 0.0, 0, 0
    for chunk in chunks(column):
        finite = _finite(chunk)
        num_odd += chunk.size - finite.size
        if finite.size:
            lows.append(float(finite.min()))
            highs.append(float(finite.max()))
            total, size = total + float(finite.sum(dtype=np.float64)), size + finite.size
    mean = math.nan if num_odd else total / size if size else None
    return ColumnFacts(
        name,
        role,
        column.shape[1:],
        column.dtype.name,
        min(lows, default=None),
        mean,
        max(highs, default=None),
        filled=filled,
    )


def _finite(array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.kind in "biu":
        return array
    is_finite = np.isfinite(array)
    return array if is_finite.all() else array[is_finite]


def _rows(samples: Samples, datasets: Datasets, number: int) -> tuple[Mapping[str, str], ...]:
    heads = {name: column[:number] for name, column in {**samples.inputs, **samples.targets}.items()}
    classes = datasets.info.classes
    return tuple(
        {name: shown(values[row], classes.get(name, ())) for name, values in heads.items()}
        for row in range(min(number, len(samples)))
    )


def shown(value: Any, classes: tuple[str, ...] = ()) -> str:
    """Return a value as a short text; classes by their names, and characters as they are written."""
    array = np.asarray(value)
    if array.ndim > 1:
        return f"array of {' by '.join(map(str, array.shape))}"
    parts: list[Any] = array.reshape(-1).tolist()
    if classes and array.dtype.kind in "iu":
        parts = [classes[number] for number in parts]
    between = "" if classes and max(map(len, classes)) == 1 else " "
    text = between.join(f"{part:.4g}" if isinstance(part, float) else str(part) for part in parts)
    text = text.replace("\n", "⏎")
    return text if len(text) <= _MOST_TEXT else f"{text[: _MOST_TEXT - 1]}…"


def _duplicates(splits: Mapping[str, Samples]) -> Iterator[Duplicates]:
    """Find samples of one split whose inputs stand in another: what leaks from training to a test."""
    if len(splits) < 2:
        return
    places = {name: _places(samples) for name, samples in splits.items()}
    for first, second in combinations(places, 2):
        shared = places[first].keys() & places[second].keys()
        if shared:
            lowest = min(shared, key=lambda key: places[second][key][0])
            count = sum(len(places[second][key]) for key in shared)
            example = (places[first][lowest][0], places[second][lowest][0])
            yield Duplicates(first, second, count, example)


def _places(samples: Samples) -> dict[bytes, list[int]]:
    """Return the rows of a split by a hash of all their inputs."""
    digests = [hashlib.blake2b(digest_size=16) for _ in range(len(samples))]
    for column in samples.inputs.values():
        start = 0
        for chunk in chunks(column):
            for number, row in enumerate(chunk):
                digests[start + number].update(_bytes(row))
            start += len(chunk)
    places: dict[bytes, list[int]] = {}
    for number, digest in enumerate(digests):
        places.setdefault(digest.digest(), []).append(number)
    return places


def _bytes(row: NDArray[Any] | str) -> bytes:
    if isinstance(row, str) or np.asarray(row).dtype.kind in "UO":
        return "\0".join(map(str, np.asarray(row).reshape(-1))).encode()
    return np.ascontiguousarray(row).tobytes()
