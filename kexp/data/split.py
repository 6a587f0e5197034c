"""Which samples are for training, validation and test.

A table of one part gives all three splits; one that brings its own test keeps it, and val is cut from train.
Test is cut first, then val, each from the end of the order: the file's, or one shuffled by `split.seed`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kexp.data.lazy import in_memory
from kexp.data.order import Indices, generator
from kexp.data.proportions import proportional_counts
from kexp.errors import DataError, SpecError
from kexp.protocols import Samples, Table
from kexp.spec.types import Split


@dataclass(frozen=True, slots=True)
class Cut:
    """Rows of one part of a table, in ascending order."""

    part: str
    rows: Indices


def split_table(table: Table, split: Split) -> dict[str, Cut]:
    """Return the rows of every split, `train` first.

    Raises: test-split-given, val-split-given, bad-share, empty-split, stratify-needs-classes,
        class-too-small.
    """
    pool = "all" if "all" in table.parts else "train"
    given = {name: part for name, part in table.parts.items() if name != pool}
    for name, amount in (("test", split.test), ("val", split.val)):
        if name in given and amount is not None:
            raise SpecError.because(
                f"{name}-split-given",
                f"the data brings its own {name} split of {len(given[name]):,} samples",
                path=f"data.split.{name}",
                help=f"leave out `{name}`",
            )
    sizes = _sizes(len(table.parts[pool]), split)
    cuts = {name: Cut(pool, rows) for name, rows in _cut(table, pool, split, sizes).items()}
    cuts |= {name: Cut(name, np.arange(len(part))) for name, part in given.items()}
    return {name: cuts[name] for name in ("train", "val", "test") if name in cuts}


def _sizes(total: int, split: Split) -> dict[str, int]:
    cut = {
        name: _amount(amount, total, f"data.split.{name}")
        for name, amount in (("test", split.test), ("val", split.val))
        if amount is not None
    }
    sizes = {"train": total - sum(cut.values()), **cut}
    for name, size in sizes.items():
        if size <= 0:
            wanted = " and ".join(f"{size:,} for {name}" for name, size in cut.items()) or "none cut off"
            raise DataError.because(
                "empty-split",
                f"no sample is left for {name}: there are {total:,}, {wanted}",
                path="data.split",
                help="a number below 1 is a share of all samples, any other a count",
            )
    return sizes


def _amount(amount: float, total: int, path: str) -> int:
    """Return the count that a share or count means; shares are taken as written, in decimals."""
    if isinstance(amount, int):
        return amount
    if not 0 < amount < 1:
        raise SpecError.because(
            "bad-share", f"`{amount!r}` is neither a share below 1 nor a whole number of samples", path=path
        )
    return int((Decimal(repr(amount)) * total).quantize(Decimal(1), ROUND_HALF_UP))


def _cut(table: Table, pool: str, split: Split, sizes: Mapping[str, int]) -> dict[str, Indices]:
    samples = table.parts[pool]
    order = (
        generator("split", split.seed).permutation(len(samples)) if split.shuffle else np.arange(len(samples))
    )
    groups, counts = [order], np.array([list(sizes.values())])
    if split.stratify and len(sizes) > 1:
        labels, names = _labels(table, samples)
        class_sizes = np.bincount(labels, minlength=len(names))
        _check_class_sizes(dict(zip(names, class_sizes.tolist(), strict=True)), list(sizes))
        ordered = labels[order]
        groups = [order[ordered == number] for number in range(len(names))]
        counts = proportional_counts(class_sizes.tolist(), list(sizes.values()))
    rows: dict[str, list[Indices]] = {name: [] for name in sizes}
    for group, numbers in zip(groups, counts, strict=True):
        rest = group
        for name, number in list(zip(sizes, numbers, strict=True))[1:]:
            rest, tail = np.split(rest, [len(rest) - number])
            rows[name].append(tail)
        rows["train"].append(rest)
    return {name: np.sort(np.concatenate(parts)).astype(np.int64) for name, parts in rows.items()}


def _labels(table: Table, samples: Samples) -> tuple[NDArray[Any], list[str]]:
    """Return each sample's class as a number from 0, and the names of the classes that occur."""
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
    names = table.classes.get(name)
    return labels, [names[int(value)] if names else str(int(value)) for value in values]


def _check_class_sizes(class_sizes: Mapping[str, int], splits: list[str]) -> None:
    small = next(((name, size) for name, size in class_sizes.items() if size < len(splits)), None)
    if small is not None:
        least = len(splits)
        samples = "1 sample" if small[1] == 1 else f"{small[1]} samples"
        raise DataError.because(
            "class-too-small",
            f"class `{small[0]}` has {samples}; to be in {least} splits it needs at least {least}",
            path="data.split.stratify",
            help="gather more of it, drop it, or leave out `stratify`",
        )
