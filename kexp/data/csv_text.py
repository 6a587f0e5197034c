"""The bytes of a CSV file -> text, and the delimiter that splits its first line."""

import csv
import io
from dataclasses import dataclass

from kexp.errors import DataError, SpecError

DELIMITERS = {";": ";", "\t": "\\t", "|": "|", ",": ","}


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a file a stretch of it begins."""

    line: int = 1
    byte: int = 0


def decoded(data: bytes, file: str, start: Place = Place()) -> str:
    """Return the text of a file, or of a stretch of it.

    Raises: data-not-utf8.
    """
    try:
        return data.decode("utf-8" if start.byte else "utf-8-sig")
    except UnicodeDecodeError as error:
        line, byte = start.line + data.count(b"\n", 0, error.start), start.byte + error.start
        raise DataError.because(
            "data-not-utf8",
            f"line {line} of `{file}` is not UTF-8 text: {error.reason} at byte {byte}",
            path="data",
            help="save the file as UTF-8",
        ) from None


def check_delimiter(file: str, text: str, delimiter: str) -> None:
    """Refuse a delimiter that is none, or that leaves the first line whole where another splits it.

    Raises: bad-delimiter, wrong-delimiter.
    """
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise SpecError.because(
            "bad-delimiter", f"a delimiter is one character, not `{delimiter!r}`", path="data.delimiter"
        )
    first = first_fields(text, delimiter)
    whole = first[0] if len(first) == 1 else ""
    other = next((mark for mark in DELIMITERS if mark != delimiter and mark in whole), None)
    if other is not None:
        raise DataError.because(
            "wrong-delimiter",
            f"`{file}` has one column when split at `{DELIMITERS.get(delimiter, delimiter)}`",
            path="data.delimiter",
            help=f'write `delimiter: "{DELIMITERS[other]}"`',
        )


def first_fields(text: str, delimiter: str) -> tuple[str, ...]:
    """Return the fields of the first line that is not blank, nothing if there is none."""
    try:
        fields = next(filter(None, csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)), [])
    except csv.Error:
        fields = text.split("\n", 1)[0].split(delimiter)
    return tuple(field.strip() for field in fields)
