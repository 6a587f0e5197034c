"""What data must hold before anything is trained on it."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kexp.data.arrays import is_text
from kexp.data.lazy import chunks, in_memory
from kexp.diagnostics import Diagnostic
from kexp.errors import DataError
from kexp.protocols import Column, Samples, Table


def check_table(table: Table) -> None:
    """Refuse samples that are none, differ in number, differ between parts, or are not finite.

    Raises: no-samples, unequal-lengths, bad-weights, empty-shape, different-parts, data-not-finite.
    """
    for check in (_length_faults, _shape_faults, _part_faults, _finite_faults):
        faults = check(table)
        if faults:
            raise DataError(*faults)


def check_classes(splits: Mapping[str, Samples], classes: Mapping[str, tuple[str, ...]]) -> None:
    """Refuse a class that val or test holds and the training split does not.

    Only a target of one class a sample is looked at: in sequences, rare tokens may be anywhere.

    Raises: unseen-class.
    """
    faults: list[Diagnostic] = []
    for target, names in classes.items():
        if len(splits["train"].targets[target].shape) > 1:
            continue
        seen = _classes(splits["train"].targets[target])
        for split in splits.keys() - {"train"}:
            unseen = sorted(_classes(splits[split].targets[target]) - seen)
            faults.extend(_unseen(split, target, names[number]) for number in unseen)
    if faults:
        raise DataError(*sorted(faults, key=lambda fault: fault.message))


def _classes(column: Column) -> set[int]:
    return set(np.unique(in_memory(column)).tolist())


def _unseen(split: str, target: str, name: str) -> Diagnostic:
    return Diagnostic(
        "unseen-class",
        f"class `{name}` of `{target}` is in {split} and not in train",
        path="data.split",
        help="`stratify: true` spreads every class over the splits",
    )


def _columns(samples: Samples) -> Iterator[tuple[str, Column]]:
    yield from ((f"input `{name}`", array) for name, array in samples.inputs.items())
    yield from ((f"target `{name}`", array) for name, array in samples.targets.items())
    if samples.weights is not None:
        yield "the sample weights", samples.weights


def _of(part: str) -> str:
    return "the data" if part == "all" else f"`{part}`"


def _length_faults(table: Table) -> list[Diagnostic]:
    faults = []
    for part, samples in table.parts.items():
        lengths = {name: len(array) for name, array in _columns(samples)}
        weights = samples.weights
        if len(set(lengths.values())) > 1:
            listed = ", ".join(f"{length:,} in {name}" for name, length in lengths.items())
            message = f"{_of(part)} has unequal numbers of samples: {listed}"
            faults.append(Diagnostic("unequal-lengths", message, path="data"))
        elif not len(samples):
            faults.append(Diagnostic("no-samples", f"{_of(part)} has no samples", path="data"))
        elif weights is not None and (weights.ndim != 1 or weights.dtype.kind not in "biuf"):
            message = f"the sample weights of {_of(part)} are {_kind(weights)}, not one number per sample"
            faults.append(Diagnostic("bad-weights", message, path="data"))
    return faults


def _shape_faults(table: Table) -> list[Diagnostic]:
    return [
        Diagnostic(
            "empty-shape",
            f"{name} of {_of(part)} holds no values: its shape is {list(array.shape)}",
            path="data",
        )
        for part, samples in table.parts.items()
        for name, array in _columns(samples)
        if 0 in array.shape[1:]
    ]


def _part_faults(table: Table) -> list[Diagnostic]:
    """Compare each part's names, dtypes and shapes with those of the first."""
    (first, samples), *others = table.parts.items()
    expected = {name: _kind(array) for name, array in _columns(samples)}
    faults = []
    for part, other in others:
        found = {name: _kind(array) for name, array in _columns(other)}
        for name in {**expected, **found}:
            was, should = found.get(name, "absent"), expected.get(name, "absent")
            if was != should:
                message = f"{name} is {was} in {_of(part)} and {should} in {_of(first)}"
                faults.append(Diagnostic("different-parts", message, path="data"))
    return faults


def _kind(array: Column) -> str:
    return f"{'text' if is_text(array) else array.dtype} of shape {array.shape[1:]} each"


def _finite_faults(table: Table) -> list[Diagnostic]:
    faults = []
    for part, samples in table.parts.items():
        for name, array in _columns(samples):
            filled = next((fills for key, fills in table.fills.items() if name == f"input `{key}`"), {})
            bad = _bad_places(array, filled)
            if len(bad):
                wide = len(array.shape) == 2 and array.shape[1] > 1
                column = f", column {bad[0][1]}" if wide else ""
                message = (
                    f"{name} of {_of(part)} holds {counted_values(bad)} NaN or infinite,"
                    f" first in sample {bad[0][0]}{column} (counted from 0)"
                )
                help = "mend or drop these samples before training"
                faults.append(Diagnostic("data-not-finite", message, path="data", help=help))
    return faults


def _bad_places(column: Column, filled: Collection[int]) -> NDArray[np.intp]:
    """Return the places of NaN and infinity in a column; only columns of floats are read."""
    found = np.empty((0, len(column.shape)), np.intp)
    if column.dtype.kind != "f":
        return found
    start = 0
    for chunk in chunks(column):
        places = not_finite(chunk, filled)
        places[:, 0] += start
        found = np.concatenate([found, places])
        start += len(chunk)
    return found


def counted_values(places: NDArray[np.intp]) -> str:
    return "1 value that is" if len(places) == 1 else f"{len(places):,} values that are"


def not_finite(array: NDArray[Any], filled: Collection[int] = ()) -> NDArray[np.intp]:
    """Return the places of NaN and infinity. A sum finds that there are none without a second array."""
    if array.dtype.kind != "f":
        return np.empty((0, array.ndim), np.intp)
    with np.errstate(all="ignore"):
        if np.isfinite(array.sum(dtype=np.float64)):
            return np.empty((0, array.ndim), np.intp)
    bad = ~np.isfinite(array)
    if filled:
        bad[:, list(filled)] = False
    return np.argwhere(bad)
