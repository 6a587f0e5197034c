"""A CSV file of any size -> pieces of it, most of which need no care."""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np

from kexp.data.csv_file import Dialect, Record, Sheet, read_line
from kexp.data.csv_text import Place, check_delimiter, decoded
from kexp.data.files import Watched
from kexp.errors import DataError

_BLOCK_BYTES = 4 << 20
_MOST_LINES = 10_000
"""A field that goes on for longer is taken for a quote that was never closed."""
_SHEET_ROWS = 1 << 14
_NUM_FIRST = 500
_FIRST_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class Plain:
    """Text of whole rows with quotes only where CSV has them; `lines` are those on which its rows end.

    In a broken one some field holds the end of a line.
    """

    text: str
    first_line: int
    lines: Sequence[int]
    is_broken: bool


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A file whose first rows were read; what follows `skipped`, its line of names, begins at `start`."""

    path: Path
    dialect: Dialect
    first: Sheet
    skipped: str
    start: int
    watched: Watched

    @property
    def names(self) -> tuple[str, ...]:
        return self.first.names

    def pieces(self) -> Iterator[Plain | Sheet]:
        """Give all rows in order, as text that needs no care, or as fields from where some is needed.

        Raises: data-not-utf8, csv-unreadable, ragged-row.
        """
        texts = _texts(self.path, self.dialect)
        for number, (line, text) in enumerate(texts):
            if number == 0:
                line, text = self.start, text.removeprefix(self.skipped)
            plain = _plain(text, line, self.dialect)
            if plain is None:
                yield from self._sheets(chain([text], (text for _, text in texts)), line)
                return
            if plain.lines:
                yield plain

    def sheet(self, piece: Plain) -> Sheet:
        """Return the fields of plain text.

        Raises: ragged-row.
        """
        lines = io.StringIO(piece.text, newline="")
        return self.dialect.sheet(self.names, self.dialect.records(lines, piece.first_line))

    def _sheets(self, texts: Iterable[str], first_line: int) -> Iterator[Sheet]:
        lines = chain.from_iterable(io.StringIO(text, newline="") for text in texts)
        records = self.dialect.records(lines, first_line)
        while (sheet := self.dialect.sheet(self.names, islice(records, _SHEET_ROWS))).lines:
            yield sheet


def opened_csv(path: Path, header: bool, delimiter: str, quoted: bool) -> CsvFile:
    """Read the first rows; without a header the columns are `column_0`, `column_1`, ...

    Raises: what `check_delimiter` and `Dialect` raise; data-not-utf8, no-samples.
    """
    dialect = Dialect(str(path), delimiter, quoted)
    watched = Watched.now(path)
    # The names of very many columns fill the first stretch by themselves.
    text = "".join(text for _, text in islice(_texts(path, dialect, _FIRST_BYTES), 2))
    check_delimiter(str(path), text, delimiter)
    lines = io.StringIO(text, newline="")
    records = dialect.records(lines)
    first = next(records, None)
    if first is None:
        raise DataError.because("no-samples", f"`{path}` is empty", path="data")
    names = dialect.names(first[1], header)
    skipped, start = (text[: lines.tell()], first[0] + 1) if header else ("", 1)
    rows = _telling(records if header else chain([first], records), lines)
    sheet = dialect.sheet(names, rows)
    if not sheet.lines:
        raise DataError.because("no-samples", f"`{path}` has a header and no rows", path="data")
    return CsvFile(path, dialect, sheet, skipped, start, watched)


def _telling(records: Iterable[Record], lines: io.StringIO) -> Iterator[Record]:
    """Give the first rows, none of them cut off by the end of the block."""
    for record in islice(records, _NUM_FIRST):
        yield record
        if lines.tell() > _FIRST_BYTES // 2:
            return


def _texts(path: Path, dialect: Dialect, block_bytes: int = _BLOCK_BYTES) -> Iterator[tuple[int, str]]:
    """Give the file in stretches of whole rows, as far as its quotes tell rows, with their first lines.

    Raises: data-not-utf8, csv-unreadable.
    """
    place = Place()
    with path.open("rb") as stream:
        while block := stream.read(block_bytes):
            block += read_line(stream, dialect.file, place.line + block.count(b"\n"))
            if dialect.quoted and block.count(b'"') % 2:
                block += b"".join(_to_closing_quote(stream))
            yield place.line, decoded(block, dialect.file, place)
            place = Place(place.line + block.count(b"\n"), place.byte + len(block))


def _to_closing_quote(lines: Iterable[bytes]) -> Iterator[bytes]:
    for line in islice(lines, _MOST_LINES):
        yield line
        if line.count(b'"') % 2:
            return


def _plain(text: str, line: int, dialect: Dialect) -> Plain | None:
    """Tell where the rows end of a text in which quotes, if any, enclose whole fields; None for any other."""
    has_quotes = dialect.quoted and '"' in text
    has_returns = "\r" in text
    if has_returns:
        text = text.replace("\r\n", "\n")
    if "\r" in text or (has_quotes and not dialect.delimiter.isascii()):
        return None
    letters = np.frombuffer(b"\n" + text.rstrip("\n").encode() + b"\n", np.uint8)
    ends = np.flatnonzero(letters == ord("\n"))
    whole = np.ones(len(ends), bool)
    if has_quotes:
        quotes = np.flatnonzero(letters == ord('"'))
        edges = [ord(mark) for mark in ("\n", '"', dialect.delimiter)]
        beside = np.concatenate([letters[quotes[::2] - 1], letters[quotes[1::2] + 1]])
        if len(quotes) % 2 or not np.isin(beside, edges).all():
            return None
        whole = np.searchsorted(quotes, ends) % 2 == 0
        if has_returns and not whole.all():  # fields keep the ends of lines that they have
            return None
    blank = letters[ends - 1] == ord("\n")
    rows = np.flatnonzero(whole & ~blank)
    if len(rows) == len(ends) - 1:
        return Plain(text, line, range(line, line + len(rows)), False)
    return Plain(text, line, (rows + line - 1).tolist(), not whole.all())
