"""Tables of typed columns -> inputs, targets, weights and keys, whatever file they came from."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from kexp.data.arrays import is_text
from kexp.data.columns import STACKED, ColumnFinder, named_columns
from kexp.data.csv_values import label_dtype
from kexp.data.declared import STATISTICS
from kexp.diagnostics import Diagnostic
from kexp.errors import DataError, SpecError
from kexp.protocols import Column, Samples, Site, Table

_MOST_TOLD = 8

FloatName = Literal["float16", "float32", "float64"]


class TableReading(Protocol):
    """A table's columns as numbers or text; `file` is what messages call it.

    Raises: DataError where a value is missing, or no number where one is expected.
    """

    @property
    def file(self) -> str: ...

    @property
    def names(self) -> tuple[str, ...]: ...

    def holds_numbers(self, name: str) -> bool: ...

    def numbers(self, name: str) -> NDArray[np.float64]:
        """Return a column of numbers, NaN where a statistic is to be filled in."""

    def texts(self, name: str) -> NDArray[Any]: ...

    def stack(self, names: Sequence[str], dtype: str) -> Column:
        """Return columns of numbers side by side. Shapes: (rows, len(names))."""

    @property
    def gaps(self) -> Mapping[str, int]:
        """How many values were missing in the columns that were read, 0 left out."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The columns that a spec chooses, as it writes them."""

    target: str | int | tuple[str | int, ...]
    features: tuple[str | int, ...] | None
    ignore: tuple[str | int, ...]
    dtype: str
    sample_weight: str | int | None
    missing: Mapping[str, str | float]

    def layout(self, site: Site, find: ColumnFinder) -> "Layout":
        """Find every column by its name, or by its number where there is no header.

        Raises: unknown-column, no-features, wrong-fill.
        """
        chosen = self.target if isinstance(self.target, tuple) else (self.target,)
        targets = find.all(chosen, "data.target")
        weight = None if self.sample_weight is None else find.one(self.sample_weight, "data.sample_weight")
        keys = {key: find.one(key, "data.split") for key in site.keys}
        left_out = {*targets, *find.all(self.ignore, "data.ignore"), weight}
        if self.features is None:
            left_out.update(keys.values())
        wanted = find.names if self.features is None else find.all(self.features, "data.features")
        layout = Layout(
            targets=targets,
            weight=weight,
            stacked=tuple(name for name in wanted if name not in left_out),
            named=named_columns(site.columns, find.names),
            keys=keys,
            dtype=self.dtype,
            filled={find.one(name, f"data.missing.{name}"): fill for name, fill in self.missing.items()},
        )
        _check_layout(layout)
        return layout


@dataclass(frozen=True, slots=True)
class Layout:
    """Which column goes where; `named` columns become inputs of their own instead of the `stacked` ones.

    `keys` are the columns a split reads, by what the spec calls them.
    """

    targets: tuple[str, ...]
    weight: str | None
    stacked: tuple[str, ...]
    named: tuple[str, ...]
    keys: Mapping[str, str]
    dtype: str
    filled: Mapping[str, str | float]

    @property
    def free(self) -> tuple[str, ...]:
        """The columns that may be numbers or text."""
        return (*self.targets, *self.named, *self.keys.values())


def _check_layout(layout: Layout) -> None:
    if not layout.stacked and not layout.named:
        message = "no column is left to learn from"
        raise SpecError.because("no-features", message, path="data", help="shorten `ignore` or `target`")
    for name in (*layout.targets, layout.weight):
        if name is not None and layout.filled.get(name) in STATISTICS:
            message = f"`{layout.filled[name]}` is for features; `{name}` is none"
            raise SpecError.because("wrong-fill", message, path=f"data.missing.{name}")
    for name in layout.keys.values():
        if layout.filled.get(name) in STATISTICS:
            message = (
                f"`{layout.filled[name]}` is learnt from the training split, and the split reads `{name}`"
            )
            help = "write a value, or drop the rows without one"
            raise SpecError.because("wrong-fill", message, path=f"data.missing.{name}", help=help)


def arranged(layout: Layout, readings: Mapping[str, TableReading], files: Sequence[Path]) -> Table:
    """Return the table of columns read from one file or one per split.

    Raises: different-columns, and what the readings raise, all of it at once.
    """
    first, *others = readings.values()
    for other in others:
        if other.names != first.names:
            message = f"`{other.file}` has other columns than `{first.file}`"
            raise DataError.because("different-columns", message, path="data")
    parts = _samples(layout, readings)
    return Table(
        parts,
        files=tuple(files),
        fills=_fills(layout, next(iter(parts.values()))),
        columns={} if layout.named else {STACKED: layout.stacked},
        notes=tuple(_gap_notes(parts, readings)),
    )


def _gap_notes(parts: Mapping[str, Samples], readings: Mapping[str, TableReading]) -> Iterator[str]:
    """Say how many values were missing, column by column."""
    for part, reading in readings.items():
        told = [f"`{name}` in {number:,}" for name, number in reading.gaps.items()]
        more = f" and {len(told) - _MOST_TOLD} more columns" if len(told) > _MOST_TOLD else ""
        if told:
            rows = f"of {len(parts[part]):,} rows of `{reading.file}`"
            yield f"missing: {', '.join(told[:_MOST_TOLD])}{more} {rows}"


def _samples(layout: Layout, readings: Mapping[str, TableReading]) -> dict[str, Samples]:
    """Read every column of every part, then raise all that is wrong with them at once."""
    numeric = {n for n in layout.free if all(reading.holds_numbers(n) for reading in readings.values())}
    if layout.weight is not None:
        numeric.add(layout.weight)
    singles = dict.fromkeys((*layout.free, *numeric))
    faults: list[Diagnostic] = []

    def found(read: Callable[[], Column]) -> Column:
        try:
            return read()
        except DataError as error:
            faults.extend(error.diagnostics)
            return np.zeros(0)

    stacks: dict[str, Column] = {}
    columns: dict[str, dict[str, Any]] = {}
    for part, reading in readings.items():
        if not layout.named:
            stacks[part] = found(partial(reading.stack, layout.stacked, layout.dtype))
        columns[part] = {
            name: found(partial(reading.numbers if name in numeric else reading.texts, name))
            for name in singles
        }
    if faults:
        raise DataError(*faults)
    labels = {
        name: label_dtype(np.concatenate([values[name] for values in columns.values()]))
        for name in numeric.intersection(layout.targets)
    }
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is named as such
        return {part: _arrange(layout, values, stacks.get(part), labels) for part, values in columns.items()}


def _arrange(
    layout: Layout,
    columns: Mapping[str, NDArray[Any]],
    stack: Column | None,
    labels: Mapping[str, type[np.generic]],
) -> Samples:
    inputs = {STACKED: stack} if stack is not None else {}
    inputs |= {name: _feature(columns[name], layout.dtype)[:, None] for name in layout.named}
    targets = {n: columns[n].astype(labels[n]) if n in labels else columns[n] for n in layout.targets}
    weights = None if layout.weight is None else columns[layout.weight].astype(np.float32)
    return Samples(inputs, targets, weights, {key: columns[name] for key, name in layout.keys.items()})


def _feature(values: NDArray[Any], dtype: str) -> NDArray[Any]:
    return values if is_text(values) else values.astype(dtype)


def _fills(layout: Layout, samples: Samples) -> dict[str, dict[int, str | float]]:
    places = {name: (name, 0) for name in layout.named}
    if not places:
        places = {name: (STACKED, number) for number, name in enumerate(layout.stacked)}
    fills: dict[str, dict[int, str | float]] = {}
    for name, (input_name, column) in places.items():
        if name in layout.filled:
            fill = layout.filled[name]
            if is_text(samples.inputs[input_name]):
                fill = str(fill)
            elif fill not in STATISTICS:
                fill = float(fill)
            fills.setdefault(input_name, {})[column] = fill
    return fills
