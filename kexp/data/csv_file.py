"""A CSV file -> its fields by column, still text."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kexp.errors import DataError, SpecError

DELIMITERS = {";": ";", "\t": "\\t", "|": "|", ",": ","}


@dataclass(frozen=True, slots=True)
class Sheet:
    """The columns of a file; `lines` says on which line of the file each row ends."""

    file: str
    names: tuple[str, ...]
    columns: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]

    def column(self, name: str) -> tuple[str, ...]:
        return self.columns[self.names.index(name)]


def read_sheet(file: Path, header: bool, delimiter: str, quoted: bool) -> Sheet:
    """Read a CSV file. Without a header its columns are called `column_0`, `column_1`, ...

    Raises: bad-delimiter, data-not-utf8, csv-unreadable, no-samples, wrong-delimiter, duplicate-column,
        ragged-row.
    """
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise SpecError.because(
            "bad-delimiter", f"a delimiter is one character, not `{delimiter!r}`", path="data.delimiter"
        )
    text = decoded(file.read_bytes(), str(file))
    _check_delimiter(file, first_fields(text, delimiter), delimiter)
    return parse_sheet(text, str(file), header, delimiter, quoted)


def first_fields(text: str, delimiter: str) -> tuple[str, ...]:
    """Return the fields of the first line that is not blank, nothing if there is none."""
    try:
        fields = next(filter(None, csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)), [])
    except csv.Error:
        fields = text.split("\n", 1)[0].split(delimiter)
    return tuple(field.strip() for field in fields)


def parse_sheet(text: str, file: str, header: bool, delimiter: str, quoted: bool) -> Sheet:
    """Split the text of a CSV file; `file` is what messages call it.

    Raises: csv-unreadable, no-samples, header-of-numbers, duplicate-column, ragged-row.
    """
    records = _records(text, file, delimiter, quoted)
    first = next(records, None)
    if first is None:
        raise DataError.because("no-samples", f"`{file}` is empty", path="data")
    names = tuple(field.strip() for field in first[1])
    if header and all(is_number(name) for name in names):
        raise DataError.because(
            "header-of-numbers",
            f"the first line of `{file}` holds numbers alone, and names of columns are expected",
            path="data",
            help="write `header: false`; the columns are then numbered from 0",
        )
    if not header:
        names = tuple(f"column_{number}" for number in range(len(names)))
    _check_unique(file, names)
    rows = [] if header else [first[1]]
    lines = [] if header else [first[0]]
    for line, fields in records:
        if len(fields) != len(names):
            raise _ragged(file, line, fields, names, quoted)
        rows.append(fields)
        lines.append(line)
    if not rows:
        raise DataError.because("no-samples", f"`{file}` has a header and no rows", path="data")
    return Sheet(file, names, tuple(zip(*rows, strict=True)), tuple(lines))


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _records(text: str, file: str, delimiter: str, quoted: bool) -> Iterator[tuple[int, list[str]]]:
    """Give each row that is not blank, with the number of its last line."""
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
        strict=True,
    )
    try:
        for fields in reader:
            if fields:
                yield reader.line_num, fields
    except csv.Error as error:
        reason = str(error).replace("\t", "\\t")
        raise DataError.because(
            "csv-unreadable",
            f"line {reader.line_num} of `{file}` is not CSV: {reason}",
            path="data",
            help="write `quoted: false` if quotes are ordinary characters in this file",
        ) from None


def decoded(data: bytes, file: str) -> str:
    """Return the text of a file.

    Raises: data-not-utf8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError.because(
            "data-not-utf8",
            f"line {line} of `{file}` is not UTF-8 text: {error.reason} at byte {error.start}",
            path="data",
            help="save the file as UTF-8",
        ) from None


def _check_delimiter(file: Path, first: tuple[str, ...], delimiter: str) -> None:
    whole = first[0] if len(first) == 1 else ""
    other = next((mark for mark in DELIMITERS if mark != delimiter and mark in whole), None)
    if other is not None:
        raise DataError.because(
            "wrong-delimiter",
            f"`{file}` has one column when split at `{DELIMITERS.get(delimiter, delimiter)}`",
            path="data.delimiter",
            help=f'write `delimiter: "{DELIMITERS[other]}"`',
        )


def _check_unique(file: str, names: tuple[str, ...]) -> None:
    twice = next((name for number, name in enumerate(names) if name in names[:number]), None)
    if twice is not None:
        raise DataError.because("duplicate-column", f"`{file}` has two columns `{twice}`", path="data")


def _ragged(file: str, line: int, fields: list[str], names: tuple[str, ...], quoted: bool) -> Exception:
    return DataError.because(
        "ragged-row",
        f"line {line} of `{file}` has {len(fields)} fields; the first line has {len(names)}",
        path="data",
        help="quote fields that contain the delimiter"
        if quoted
        else "leave out `quoted: false` if fields are quoted in this file",
    )
