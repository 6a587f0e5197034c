"""A file of rows to predict -> arrays by input, in the shapes and kinds that training had."""

import io
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from kexp.data.arrays import is_text, tidy_array
from kexp.data.checks import counted_values, not_finite
from kexp.data.csv_file import read_lines
from kexp.data.csv_rows import read_csv_rows
from kexp.data.files import nearby
from kexp.data.fills import fill_array
from kexp.data.npz import DAMAGE, Archive, opened_archive
from kexp.diagnostics import Diagnostic
from kexp.errors import DataError, KexpError, NotFound, did_you_mean
from kexp.protocols import DataInfo, TensorInfo

Arrays = dict[str, NDArray[Any]]
DELIMITERS = {".tsv": "\t", ".csv": ",\t;|"}
SUFFIXES = (".npz", ".npy", *DELIMITERS)
MAGIC = {b"PK\x03\x04": ".npz", b"PK\x05\x06": ".npz", b"\x93NUM": ".npy"}
_HELP = {
    "data-not-utf8": "save the file as UTF-8",
    "missing-value": "the run was trained with nothing to put there: fill it in, or leave the row out",
    "not-an-npz": "write it with `numpy.savez`",
    "pickled-array": "save it as an array of numbers or text",
}
"""By diagnostic: the way out where there is no spec to change."""


def read_rows(source: Path | BinaryIO, name: str, info: DataInfo) -> Arrays:
    """Read rows from .npz, .npy, .csv or .tsv; without such a suffix, the first bytes tell.

    Raises: data-file-missing, data-file-unreadable, missing-input, not-an-npy, one-array, wrong-kind,
        wrong-shape, no-samples, unequal-lengths, data-not-finite; what `opened_archive`, `Archive.array` and
        `read_csv_rows` raise.
    """
    with _opened(source, name) if isinstance(source, Path) else nullcontext(source) as raw:
        stream = raw if raw.seekable() else io.BytesIO(raw.read())
        suffix = source.suffix.lower() if isinstance(source, Path) else ""
        try:
            arrays = _read(stream, suffix if suffix in SUFFIXES else _sniffed(stream), name, info)
        except KexpError as error:
            raise type(error)(*map(_outside_a_spec, error.diagnostics)) from None
    arrays = _fitted(arrays, name, info)
    lengths = {key: len(array) for key, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{length:,} in `{key}`" for key, length in lengths.items())
        message = f"`{name}` has unequal numbers of rows: {listed}"
        raise DataError(Diagnostic("unequal-lengths", message))
    return arrays


def _opened(file: Path, name: str) -> BinaryIO:
    if not file.exists():
        raise NotFound(Diagnostic("data-file-missing", f"there is no file `{name}`", help=nearby(file)))
    try:
        return file.open("rb")
    except OSError as error:
        message = f"`{name}` cannot be read: {error.strerror}"
        raise NotFound(Diagnostic("data-file-unreadable", message)) from None


def _sniffed(stream: BinaryIO) -> str:
    start = stream.tell()
    magic = stream.read(4)
    stream.seek(start)
    return MAGIC.get(magic, "")


def _outside_a_spec(fault: Diagnostic) -> Diagnostic:
    """Drop the key of a spec, and the help that speaks of one."""
    return replace(fault, path="", help=_HELP.get(fault.id)) if fault.path else fault


def _read(stream: BinaryIO, suffix: str, name: str, info: DataInfo) -> Arrays:
    if suffix == ".npz":
        with opened_archive(stream, name) as archive:
            keys = _keys(archive.files, name, info)
            return {key: Archive(name, archive).array(held, "x") for key, held in keys.items()}
    if suffix == ".npy":
        return _read_npy(stream, name, info)
    return read_csv_rows(read_lines(stream, name), name, info, DELIMITERS.get(suffix, "\t,;|"))


def _keys(held: list[str], name: str, info: DataInfo) -> dict[str, str]:
    """Return which array of an .npz file is which input."""
    wanted = [tensor.name for tensor in info.inputs]
    if len(wanted) == 1 and wanted[0] not in held:
        others = [key for key in held if key not in {target.name for target in info.targets}]
        found = "x" if "x" in others else others[0] if len(others) == 1 else None
        if found is not None:
            return {wanted[0]: found}
    faults = [
        Diagnostic(
            "missing-input",
            f"`{name}` has no array `{key}`",
            help=did_you_mean(key, held) or f"its arrays are {', '.join(f'`{k}`' for k in held) or 'none'}",
        )
        for key in wanted
        if key not in held
    ]
    if faults:
        raise DataError(*faults)
    return {key: key for key in wanted}


def _read_npy(stream: BinaryIO, name: str, info: DataInfo) -> Arrays:
    if len(info.inputs) > 1:
        listed = ", ".join(f"`{tensor.name}`" for tensor in info.inputs)
        raise DataError.because(
            "one-array",
            f"`{name}` is an .npy file, which holds one array; the model takes {len(info.inputs)}: {listed}",
            help="write them by name with `numpy.savez`",
        )
    try:
        array = tidy_array(np.lib.format.read_array(stream, allow_pickle=False))
    except (*DAMAGE, ValueError) as error:
        message = f"`{name}` is not an .npy file of numbers or text: {error}"
        raise DataError.because("not-an-npy", message, help="write it with `numpy.save`") from None
    return {info.inputs[0].name: array}


def _fitted(arrays: Arrays, name: str, info: DataInfo) -> Arrays:
    """Compare every array with the input that it is for, and raise all that is wrong at once."""
    fitted: Arrays = {}
    faults: list[Diagnostic] = []
    for tensor in info.inputs:
        array = arrays[tensor.name]
        if array.ndim == 1 and tensor.shape == (1,):
            array = array[:, None]
        fault = _misfit(array, tensor, f"`{tensor.name}` in `{name}`")
        if fault is None:
            columns = info.columns.get(tensor.name, (tensor.name,))
            fills = info.fills.get(tensor.name, {})
            array = fill_array(array, {columns.index(column): fill for column, fill in fills.items()})
            fault = _hole(array, columns, f"`{tensor.name}` in `{name}`")
        if fault is not None:
            faults.append(fault)
        fitted[tensor.name] = array
    if faults:
        raise DataError(*faults)
    return fitted


def _misfit(array: NDArray[Any], tensor: TensorInfo, subject: str) -> Diagnostic | None:
    expected = "text" if tensor.dtype == "str" else "numbers"
    found = "text" if is_text(array) else "numbers"
    if found != expected:
        return Diagnostic("wrong-kind", f"{subject} holds {found}; the run was trained on {expected}")
    if not _fits(array.shape[1:], tensor.shape):
        sizes = ", ".join(["rows", *("any" if size is None else str(size) for size in tensor.shape)])
        message = f"{subject} has shape {list(array.shape)}; expected [{sizes}]"
        if _fits(array.shape, tensor.shape):
            help = "this is one sample without the axis of rows: save `array[None]`"
            return Diagnostic("wrong-shape", message, help=help)
        return Diagnostic("wrong-shape", message)
    return None if len(array) else Diagnostic("no-samples", f"{subject} has no rows")


def _fits(found: tuple[int, ...], expected: tuple[int | None, ...]) -> bool:
    return len(found) == len(expected) and all(
        size in (None, other) for size, other in zip(expected, found, strict=True)
    )


def _hole(array: NDArray[Any], columns: tuple[str, ...], subject: str) -> Diagnostic | None:
    bad = not_finite(array)
    if not len(bad):
        return None
    row, *place = bad[0].tolist()
    column = f", column `{columns[place[0]]}`" if len(place) == 1 and place[0] < len(columns) else ""
    return Diagnostic(
        "data-not-finite",
        f"{subject} holds {counted_values(bad)} NaN or infinite, first in row {row}{column} (counted from 0)",
        help="mend or leave out these rows",
    )
