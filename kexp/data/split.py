"""Which samples are for training, validation and test.

A table of one part gives all three splits; one that brings its own test keeps it, and val is cut from train.
Test is cut first, then val, each from the end of the order: the file's, one shuffled by `split.seed`, or a
column's. Cross-validation takes val from what test has left.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kexp.data.folds import check_folds, fold_rows
from kexp.data.groups import cut_groups
from kexp.data.order import Indices, generator
from kexp.data.strata import cut_from_end, strata
from kexp.data.timeline import by_time
from kexp.data.windows import WindowColumn, apart
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

    Raises: test-split-given, val-split-given, empty-split, missing-value, and what `strata`,
        `by_time`, `cut_groups` and `fold_rows` raise.
    """
    pool = "all" if "all" in table.parts else "train"
    given = {name: part for name, part in table.parts.items() if name != pool}
    for name, amount in (("test", split.test), ("val", split.val or split.fold)):
        if name in given and amount is not None:
            key = name if amount is not split.fold else "fold"
            raise SpecError.because(
                f"{name}-split-given",
                f"the data brings its own {name} split of {len(given[name]):,} samples",
                path=f"data.split.{key}",
                help=f"leave out `{key}`",
            )
    sizes = _sizes(len(table.parts[pool]), split)
    cuts = {name: Cut(pool, rows) for name, rows in _cut(table, pool, split, sizes).items()}
    cuts |= {name: Cut(name, np.arange(len(part))) for name, part in given.items()}
    return {name: cuts[name] for name in ("train", "val", "test") if name in cuts}


def _sizes(total: int, split: Split) -> dict[str, int]:
    cut = {
        name: _amount(amount, total)
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


def _amount(amount: float, total: int) -> int:
    """Return the count that a share or count means; shares are taken as written, in decimals."""
    if isinstance(amount, int):
        return amount
    return int((Decimal(repr(amount)) * total).quantize(Decimal(1), ROUND_HALF_UP))


def unlike_asked(table: Table, split: Split, cuts: Mapping[str, Cut]) -> tuple[str, ...]:
    """Say which splits have other sizes than were asked for, and why."""
    pool = table.parts[cuts["train"].part]
    if _windows_of(pool) is not None:
        num_lost = len(pool) - sum(len(cut.rows) for cut in cuts.values() if cut.part == cuts["train"].part)
        return (f"left out {num_lost:,} windows that share text with a later split",) if num_lost else ()
    together = split.group or split.order
    if together is None:
        return ()
    asked = _sizes(len(pool), split)
    why = f"rows of one `{together}` stay together"
    return tuple(
        f"{name} has {len(cuts[name].rows):,} samples instead of {size:,}: {why}"
        for name, size in asked.items()
        if name != "train" and len(cuts[name].rows) != size
    )


def _cut(table: Table, pool: str, split: Split, sizes: Mapping[str, int]) -> dict[str, Indices]:
    samples = table.parts[pool]
    cut = _drawn if split.order is None else _in_time
    rows = cut(table, samples, split, sizes)
    column = _windows_of(samples)
    if column is not None:
        rows = apart({name: rows[name] for name in ("train", "val", "test") if name in rows}, column)
    return {name: np.sort(part).astype(np.int64) for name, part in rows.items()}


def _windows_of(samples: Samples) -> WindowColumn | None:
    column = next(iter(samples.inputs.values()))
    return column if isinstance(column, WindowColumn) else None


def _drawn(table: Table, samples: Samples, split: Split, sizes: Mapping[str, int]) -> dict[str, Indices]:
    order = np.arange(len(samples), dtype=np.int64)
    if split.shuffle:
        order = generator("split", split.seed).permutation(len(samples))
    num_parts = len(sizes) if split.fold is None else split.fold.k + len(sizes) - 1
    layers = strata(table, samples, num_parts) if split.stratify and num_parts > 1 else None
    if split.group is not None:
        rows = cut_groups(order, _keys(samples, split.group, "group"), sizes)
    elif layers is not None:
        rows = layers.cut(order, sizes)
    else:
        rows = cut_from_end(order, sizes)
    if split.fold is not None:
        rows |= fold_rows(rows["train"], samples, split, layers)
    return rows


def _in_time(table: Table, samples: Samples, split: Split, sizes: Mapping[str, int]) -> dict[str, Indices]:
    assert split.order is not None
    timeline = by_time(_keys(samples, split.order, "order"), split.order)
    rows = timeline.cut(sizes)
    if split.fold is not None:
        check_folds(split.fold, len(rows["train"]), split.fold.k + 1)
        rows |= timeline.fold(split.fold, len(rows["train"]))
    return rows


def _keys(samples: Samples, name: str, key: str) -> NDArray[Any]:
    """Return the column that a key of `split` names.

    Raises: missing-value.
    """
    keys: NDArray[Any] = samples.keys[name]
    missing = np.flatnonzero(np.isnan(keys)) if keys.dtype.kind == "f" else np.empty(0, np.int64)
    if len(missing):
        raise DataError.because(
            "missing-value",
            f"`{name}` has no value in {len(missing):,} of {len(keys):,} rows,"
            f" first in row {missing[0]} (counted from 0)",
            path=f"data.split.{key}",
            help="write values there, or drop these rows",
        )
    return keys
