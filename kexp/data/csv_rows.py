"""Rows to predict in a CSV file: columns are found by name, or by their order where there is no header."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kexp.data.csv_file import Sheet, parse_sheet
from kexp.data.csv_text import decoded, first_fields
from kexp.data.csv_values import Reading, is_missing, label_dtype
from kexp.data.declared import parse_number
from kexp.diagnostics import Diagnostic
from kexp.errors import DataError, KexpError, did_you_mean
from kexp.protocols import DataInfo, TensorInfo


def read_csv_rows(data: bytes, file: str, info: DataInfo, delimiters: str) -> dict[str, NDArray[Any]]:
    """Return each input's columns as one array, missing values filled as in training.

    The first of the delimiters is taken that gives the columns the model takes.

    Raises: not-tabular, unknown-column, wrong-number-of-columns; what `decoded`, `parse_sheet` and `Reading`
        raise, with the keys of a spec.
    """
    columns = {tensor.name: _columns(tensor, file, info) for tensor in info.inputs}
    wanted = [column for names in columns.values() for column in names]
    text = decoded(data, file)
    layout = _layout({mark: first_fields(text, mark) for mark in delimiters}, wanted, file)
    sheet = _sheet(text, file, wanted, layout)
    arrays: dict[str, NDArray[Any]] = {}
    faults: list[Diagnostic] = []
    for tensor in info.inputs:
        reading = Reading(sheet, info.fills.get(tensor.name, {}))
        try:
            arrays[tensor.name] = _array(reading, columns[tensor.name], tensor)
        except DataError as error:
            faults.extend(error.diagnostics)
    if faults:
        raise DataError(*faults)
    return arrays


def _columns(tensor: TensorInfo, file: str, info: DataInfo) -> tuple[str, ...]:
    """Return the columns that make an input; numbered ones for an input that never had names for them."""
    if tensor.name in info.columns:
        return info.columns[tensor.name]
    if tensor.shape in ((), (1,)):
        return (tensor.name,)
    if len(info.inputs) == 1 and len(tensor.shape) == 1 and tensor.shape[0] is not None:
        return tuple(f"column_{number}" for number in range(tensor.shape[0]))
    sizes = ", ".join("any" if size is None else str(size) for size in tensor.shape)
    raise DataError.because(
        "not-tabular",
        f"`{file}` is CSV, and the input `{tensor.name}` has shape [{sizes}], which columns do not hold",
        help="write the rows with `numpy.savez`",
    )


@dataclass(frozen=True, slots=True)
class _Layout:
    """`places` are those of the wanted columns in a file without a header."""

    delimiter: str
    places: Sequence[int] | None = None


def _layout(lines: Mapping[str, Sequence[str]], wanted: Sequence[str], file: str) -> _Layout:
    """Tell from the first line, split at each delimiter, how the file is laid out.

    Numbered columns are those of a run trained without a header: its files may hold text, and more columns.
    """
    for delimiter, fields in lines.items():
        if set(wanted) <= set(fields):
            return _Layout(delimiter)
    for delimiter, fields in lines.items():
        places = _places(fields, wanted)
        if places is not None and all(map(_may_be_number, fields)):
            return _Layout(delimiter, places)
    widest = max(lines.values(), key=len)
    if not _numbers_of(wanted):
        raise _unfit(widest, wanted, file)
    for delimiter, fields in sorted(lines.items(), key=lambda line: len(line[1]) == 1):
        places = _places(fields, wanted)
        if places is not None:
            return _Layout(delimiter, places)
    raise _miscounted(widest, wanted, file)


def _places(fields: Sequence[str], wanted: Sequence[str]) -> Sequence[int] | None:
    """Return where the wanted columns are in a line without names: all there is, or by their numbers."""
    if len(fields) == len(wanted):
        return range(len(wanted))
    numbers = _numbers_of(wanted)
    return numbers if numbers and max(numbers) < len(fields) else None


def _numbers_of(wanted: Sequence[str]) -> list[int]:
    found = [re.fullmatch(r"column_(\d+)", name) for name in wanted]
    return [int(match[1]) for match in found if match] if all(found) else []


def _may_be_number(field: str) -> bool:
    return is_missing(field) or parse_number(field) is not None


def _unfit(fields: Sequence[str], wanted: Sequence[str], file: str) -> KexpError:
    if all(map(_may_be_number, fields)):
        return _miscounted(fields, wanted, file)
    missing = [name for name in wanted if name not in fields]
    help = f"its columns are {_listed(fields)}"
    if len(missing) == 1:
        message = f"`{file}` has no column `{missing[0]}`"
        return DataError.because("unknown-column", message, help=did_you_mean(missing[0], fields) or help)
    message = f"`{file}` has {len(wanted) - len(missing)} of the {len(wanted)} columns that the model takes"
    return DataError.because("unknown-column", f"{message}; it lacks {_listed(missing)}", help=help)


def _miscounted(fields: Sequence[str], wanted: Sequence[str], file: str) -> KexpError:
    if not fields:
        return DataError(Diagnostic("no-samples", f"`{file}` is empty"))
    return DataError.because(
        "wrong-number-of-columns",
        f"`{file}` has {len(fields)} columns without names, and the model takes {len(wanted)}",
        help=f"give {_listed(wanted)} in this order, or by name in a first line",
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names[:12]) + (", ..." if len(names) > 12 else "")


def _sheet(text: str, file: str, wanted: Sequence[str], layout: _Layout) -> Sheet:
    """Split the file; where its quotes are not those of CSV, they are ordinary characters."""
    header = layout.places is None
    try:
        sheet = parse_sheet(text, file, header, layout.delimiter, quoted=True)
    except DataError as error:
        if error.diagnostics[0].id != "csv-unreadable":
            raise
        try:
            sheet = parse_sheet(text, file, header, layout.delimiter, quoted=False)
        except DataError:
            raise error from None
    if layout.places is None:
        return sheet
    return replace(sheet, names=tuple(wanted), columns=tuple(sheet.columns[place] for place in layout.places))


def _array(reading: Reading, columns: Sequence[str], tensor: TensorInfo) -> NDArray[Any]:
    """Return the columns side by side, as one axis or none.

    Raises: what `Reading` raises, for all columns at once.
    """
    read = reading.texts if tensor.dtype == "str" else reading.numbers
    arrays: list[NDArray[Any]] = []
    faults: list[Diagnostic] = []
    for column in columns:
        try:
            arrays.append(read(column))
        except DataError as error:
            faults.extend(error.diagnostics)
    if faults:
        raise DataError(*faults)
    stack = np.stack(arrays, axis=1).reshape(-1, *tensor.shape)
    if tensor.dtype == "str":
        return stack
    if not tensor.dtype.startswith("float"):
        return stack.astype(label_dtype(stack))
    with np.errstate(over="ignore"):
        return stack.astype(np.float32 if tensor.dtype == "float64" else tensor.dtype)
