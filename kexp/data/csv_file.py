"""A CSV file -> its fields by column, still text."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from kexp.data.csv_text import check_delimiter, decoded
from kexp.errors import DataError

_LONGEST_LINE_BYTES = 64 << 20


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

    Raises: what `read_lines`, `check_delimiter` and `parse_sheet` raise; data-not-utf8.
    """
    with file.open("rb") as stream:
        text = decoded(read_lines(stream, str(file)), str(file))
    check_delimiter(str(file), text, delimiter)
    return parse_sheet(text, str(file), header, delimiter, quoted)


def read_lines(stream: BinaryIO, file: str) -> bytes:
    """Return all that a stream holds, unless its first line has no end; `file` is what messages call it.

    Raises: csv-unreadable.
    """
    return read_line(stream, file, 1) + stream.read()


def read_line(stream: BinaryIO, file: str, number: int) -> bytes:
    """Return what is left of a line, which a file of zeros never ends.

    Raises: csv-unreadable.
    """
    line = stream.readline(_LONGEST_LINE_BYTES + 1)
    if len(line) > _LONGEST_LINE_BYTES:
        raise DataError.because(
            "csv-unreadable",
            f"line {number} of `{file}` has more than {_LONGEST_LINE_BYTES:,} bytes, and no row does",
            path="data",
            help="is it a CSV file?",
        )
    return line


def parse_sheet(text: str, file: str, header: bool, delimiter: str, quoted: bool) -> Sheet:
    """Split the text of a CSV file; `file` is what messages call it.

    Raises: no-samples; what `Dialect` raises.
    """
    dialect = Dialect(file, delimiter, quoted)
    records = dialect.records(io.StringIO(text, newline=""))
    first = next(records, None)
    if first is None:
        raise DataError.because("no-samples", f"`{file}` is empty", path="data")
    names = dialect.names(first[1], header)
    sheet = dialect.sheet(names, records if header else chain([first], records))
    if not sheet.lines:
        raise DataError.because("no-samples", f"`{file}` has a header and no rows", path="data")
    return sheet


Record = tuple[int, list[str]]
"""The fields of a row, after the number of its last line."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file writes its rows."""

    file: str
    delimiter: str
    quoted: bool

    def records(self, lines: Iterable[str], first_line: int = 1) -> Iterator[Record]:
        """Give each row that is not blank.

        Raises: csv-unreadable.
        """
        reader = csv.reader(
            lines,
            delimiter=self.delimiter,
            quoting=csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE,
            strict=True,
        )
        before = first_line - 1
        try:
            for fields in reader:
                if fields:
                    yield before + reader.line_num, fields
        except csv.Error as error:
            reason = str(error).replace("\t", "\\t")
            raise DataError.because(
                "csv-unreadable",
                f"line {before + reader.line_num} of `{self.file}` is not CSV: {reason}",
                path="data",
                help="write `quoted: false` if quotes are ordinary characters in this file",
            ) from None

    def names(self, first: list[str], header: bool) -> tuple[str, ...]:
        """Return the names of the columns, from the first row.

        Raises: header-of-numbers, duplicate-column.
        """
        names = tuple(field.strip() for field in first)
        if header and all(is_number(name) for name in names):
            raise DataError.because(
                "header-of-numbers",
                f"the first line of `{self.file}` holds numbers alone, and names of columns are expected",
                path="data",
                help="write `header: false`; the columns are then numbered from 0",
            )
        if not header:
            return tuple(f"column_{number}" for number in range(len(names)))
        twice = next((name for name, count in Counter(names).items() if count > 1), None)
        if twice is not None:
            message = f"`{self.file}` has two columns `{twice}`"
            raise DataError.because("duplicate-column", message, path="data")
        return names

    def sheet(self, names: tuple[str, ...], records: Iterable[Record]) -> Sheet:
        """Return the rows by column.

        Raises: ragged-row.
        """
        rows: list[list[str]] = []
        lines: list[int] = []
        for line, fields in records:
            if len(fields) != len(names):
                raise self._ragged(line, fields, names)
            rows.append(fields)
            lines.append(line)
        columns = tuple(zip(*rows, strict=True)) if rows else tuple(() for _ in names)
        return Sheet(self.file, names, columns, tuple(lines))

    def _ragged(self, line: int, fields: list[str], names: tuple[str, ...]) -> Exception:
        return DataError.because(
            "ragged-row",
            f"line {line} of `{self.file}` has {len(fields)} fields; the first line has {len(names)}",
            path="data",
            help="quote fields that contain the delimiter"
            if self.quoted
            else "leave out `quoted: false` if fields are quoted in this file",
        )


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
