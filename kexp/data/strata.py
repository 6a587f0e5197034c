"""Splits in which every class keeps its share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kexp.data.lazy import in_memory
from kexp.data.order import Indices
from kexp.data.proportions import proportional_counts
from kexp.errors import DataError, SpecError
from kexp.protocols import Samples, Table


@dataclass(frozen=True, slots=True)
class Strata:
    """Each sample's class as a number from 0, and the names of the classes."""

    labels: NDArray[Any]
    names: tuple[str, ...]

    def classes(self, rows: Indices) -> list[Indices]:
        """Return the rows of each class, in the order given."""
        labels = self.labels[rows]
        return [rows[labels == number] for number in range(len(self.names))]

    def cut(self, order: Indices, sizes: Mapping[str, int]) -> dict[str, Indices]:
        """Cut every class in proportion, from the end of the order."""
        classes = self.classes(order)
        counts = proportional_counts([len(rows) for rows in classes], list(sizes.values()))
        parts = [
            cut_from_end(rows, dict(zip(sizes, numbers.tolist(), strict=True)))
            for rows, numbers in zip(classes, counts, strict=True)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in sizes}


def cut_from_end(order: Indices, sizes: Mapping[str, int]) -> dict[str, Indices]:
    """Return the rows by split: the first of `sizes` keeps what the others leave, each cut from the end."""
    first, *others = sizes
    rows, rest = {}, order
    for name in others:
        rest, rows[name] = np.split(rest, [len(rest) - sizes[name]])
    return {first: rest, **rows}


def strata(table: Table, samples: Samples, num_parts: int) -> Strata:
    """Return the classes of samples that are to be in `num_parts` splits or folds each.

    Raises: stratify-needs-classes, class-too-small.
    """
    targets = list(samples.targets.items())
    if len(targets) != 1 or len(targets[0][1].shape) != 1 or targets[0][1].dtype.kind not in "biu":
        found = ", ".join(f"`{name}` ({c.dtype}, {len(c.shape)}-d)" for name, c in targets) or "none"
        raise SpecError.because(
            "stratify-needs-classes",
            f"`stratify` needs one target of classes; the data has {found}",
            path="data.split.stratify",
        )
    name, column = targets[0]
    values, labels = np.unique(in_memory(column), return_inverse=True)
    known = table.classes.get(name)
    names = tuple(known[int(value)] if known else str(int(value)) for value in values)
    _check_sizes(names, np.bincount(labels, minlength=len(names)).tolist(), num_parts)
    return Strata(labels, names)


def _check_sizes(names: Sequence[str], sizes: Sequence[int], least: int) -> None:
    small = next(((name, size) for name, size in zip(names, sizes, strict=True) if size < least), None)
    if small is not None:
        samples = "1 sample" if small[1] == 1 else f"{small[1]} samples"
        raise DataError.because(
            "class-too-small",
            f"class `{small[0]}` has {samples}; to be in {least} splits it needs at least {least}",
            path="data.split.stratify",
            help="gather more of it, drop it, or leave out `stratify`",
        )
