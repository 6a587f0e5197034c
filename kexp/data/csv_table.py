"""Tables in CSV files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kexp.data.arrays import is_text
from kexp.data.columns import STACKED, ColumnFinder, named_columns
from kexp.data.csv_file import Sheet, read_sheet
from kexp.data.csv_values import STATISTICS, Reading, label_dtype
from kexp.data.files import part_files
from kexp.diagnostics import Diagnostic
from kexp.errors import DataError, SpecError
from kexp.protocols import Samples, Site, Table

DTYPES = ("float16", "float32", "float64")


def load(
    site: Site,
    /,
    *,
    target: str | int | tuple[str | int, ...],
    path: str | None = None,
    train: str | None = None,
    val: str | None = None,
    test: str | None = None,
    features: tuple[str | int, ...] | None = None,
    ignore: tuple[str | int, ...] = (),
    header: bool = True,
    delimiter: str = ",",
    quoted: bool = True,
    dtype: str = "float32",
    sample_weight: str | int | None = None,
    missing: Mapping[str, str | float] | None = None,
) -> Table:
    """Read a table from a CSV file, or from one file per split.

    target: the column to predict, or a list of columns; text becomes classes
    path: one file with all samples
    train: the file of the training split
    val: the file of the validation split
    test: the file of the test split
    features: the columns to learn from; by default all others
    ignore: columns to leave out
    header: whether the first line names the columns; otherwise they are numbered from 0
    delimiter: the character between fields
    quoted: whether `"` encloses fields
    dtype: of the features: float16, float32 or float64
    sample_weight: the column that weighs the samples
    missing: by column, what stands for an empty field, `NA` or `NaN`: median, mean or a value

    Raises: what `part_files`, `read_sheet` and `Reading` raise; unknown-column, unknown-dtype, no-features,
        different-columns, wrong-fill.
    """
    if dtype not in DTYPES:
        expected = ", ".join(f"`{name}`" for name in DTYPES)
        message = f"features cannot be `{dtype}`; expected one of {expected}"
        raise SpecError.because("unknown-dtype", message, path="data.dtype")
    files = part_files(site, path, train, val, test)
    sheets = {part: read_sheet(file, header, delimiter, quoted) for part, file in files.items()}
    names = _common_names(tuple(sheets.values()))
    find = ColumnFinder(names, header)
    chosen = find.all(target if isinstance(target, tuple) else (target,), "data.target")
    weight = None if sample_weight is None else find.one(sample_weight, "data.sample_weight")
    keys = {key: find.one(key, "data.split") for key in site.keys}
    left_out = {
        *chosen,
        *find.all(ignore, "data.ignore"),
        weight,
        *(keys.values() if features is None else ()),
    }
    wanted = names if features is None else find.all(features, "data.features")
    filled = {find.one(name, f"data.missing.{name}"): fill for name, fill in (missing or {}).items()}
    layout = _Layout(
        targets=chosen,
        weight=weight,
        stacked=tuple(name for name in wanted if name not in left_out),
        named=named_columns(site.columns, names),
        keys=keys,
        dtype=dtype,
    )
    _check_layout(layout, filled)
    readings = {part: Reading(sheet, filled) for part, sheet in sheets.items()}
    parts = _samples(layout, readings)
    return Table(
        parts,
        files=tuple(files.values()),
        fills=_fills(layout, filled, next(iter(parts.values()))),
        columns={} if layout.named else {STACKED: layout.stacked},
    )


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which column goes where; `named` columns become inputs of their own instead of the `stacked` ones.

    `keys` are the columns a split reads, by what the spec calls them.
    """

    targets: tuple[str, ...]
    weight: str | None
    stacked: tuple[str, ...]
    named: tuple[str, ...]
    keys: Mapping[str, str]
    dtype: str


def _common_names(sheets: Sequence[Sheet]) -> tuple[str, ...]:
    first, *others = sheets
    for other in others:
        if other.names != first.names:
            message = f"`{other.file}` has other columns than `{first.file}`"
            raise DataError.because("different-columns", message, path="data")
    return first.names


def _check_layout(layout: _Layout, filled: Mapping[str, str | float]) -> None:
    if not layout.stacked and not layout.named:
        message = "no column is left to learn from"
        raise SpecError.because("no-features", message, path="data", help="shorten `ignore` or `target`")
    for name in (*layout.targets, layout.weight):
        if name is not None and filled.get(name) in STATISTICS:
            message = f"`{filled[name]}` is for features; `{name}` is none"
            raise SpecError.because("wrong-fill", message, path=f"data.missing.{name}")


def _samples(layout: _Layout, readings: Mapping[str, Reading]) -> dict[str, Samples]:
    """Read every column of every part, then raise all that is wrong with them at once."""
    numeric = set(_only_numbers(layout))
    free = (*layout.targets, *layout.named, *layout.keys.values())
    numeric.update(name for name in free if all(reading.holds_numbers(name) for reading in readings.values()))
    faults: list[Diagnostic] = []

    def read(reading: Reading, name: str) -> NDArray[Any]:
        try:
            return reading.numbers(name) if name in numeric else reading.texts(name)
        except DataError as error:
            faults.extend(error.diagnostics)
            return np.zeros(0)

    columns = {
        part: {name: read(reading, name) for name in (*_only_numbers(layout), *free)}
        for part, reading in readings.items()
    }
    if faults:
        raise DataError(*faults)
    labels = {
        name: label_dtype(np.concatenate([values[name] for values in columns.values()]))
        for name in numeric.intersection(layout.targets)
    }
    return {part: _arrange(layout, values, labels) for part, values in columns.items()}


def _only_numbers(layout: _Layout) -> tuple[str, ...]:
    weight = () if layout.weight is None else (layout.weight,)
    return (() if layout.named else layout.stacked) + weight


def _arrange(
    layout: _Layout, columns: Mapping[str, NDArray[Any]], labels: Mapping[str, type[np.generic]]
) -> Samples:
    if layout.named:
        inputs = {name: _feature(columns[name], layout.dtype)[:, None] for name in layout.named}
    else:
        stack = np.stack([columns[name] for name in layout.stacked], axis=1)
        inputs = {STACKED: stack.astype(layout.dtype)}
    targets = {name: columns[name].astype(labels.get(name, np.str_)) for name in layout.targets}
    weights = None if layout.weight is None else columns[layout.weight].astype(np.float32)
    return Samples(inputs, targets, weights, {key: columns[name] for key, name in layout.keys.items()})


def _feature(values: NDArray[Any], dtype: str) -> NDArray[Any]:
    return values if is_text(values) else values.astype(dtype)


def _fills(
    layout: _Layout, filled: Mapping[str, str | float], samples: Samples
) -> dict[str, dict[int, str | float]]:
    places = {name: (name, 0) for name in layout.named}
    if not places:
        places = {name: (STACKED, number) for number, name in enumerate(layout.stacked)}
    fills: dict[str, dict[int, str | float]] = {}
    for name, (input_name, column) in places.items():
        if name in filled:
            fill = filled[name]
            if is_text(samples.inputs[input_name]):
                fill = str(fill)
            elif fill not in STATISTICS:
                fill = float(fill)
            fills.setdefault(input_name, {})[column] = fill
    return fills
