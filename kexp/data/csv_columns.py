"""The columns of a CSV file of any size, read piece by piece: numbers in C, oddities with care."""

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kexp.data.arrays import text_dtype
from kexp.data.csv_file import Dialect, Sheet
from kexp.data.csv_pieces import CsvFile, Plain
from kexp.data.csv_values import Tally, is_missing
from kexp.data.declared import parse_number
from kexp.data.growing import Growing


class Numbers:
    """Some columns side by side. `fills` are what is put in their gaps; NaN leaves them."""

    def __init__(self, fills: Mapping[str, float], dtype: str, most_bytes: float = math.inf) -> None:
        self.fills, self.dtype = fills, np.dtype(dtype)
        self.tallies = {name: Tally() for name in fills}
        self.rows = Growing(most_bytes)

    def add_sheet(self, sheet: Sheet) -> None:
        self._add([tally.see(sheet.column(name), sheet.lines) for name, tally in self.tallies.items()])

    def add_parsed(self, columns: Mapping[str, NDArray[Any]], lines: Sequence[int]) -> None:
        for name, tally in self.tallies.items():
            tally.count(columns[name], np.isnan(columns[name]), lines)
        self._add([columns[name] for name in self.tallies])

    def _add(self, columns: Sequence[NDArray[np.float64]]) -> None:
        rows = np.empty((len(columns[0]), len(columns)), self.dtype)
        with np.errstate(over="ignore"):
            for number, (values, fill) in enumerate(zip(columns, self.fills.values(), strict=True)):
                rows[:, number] = values if math.isnan(fill) else np.where(np.isnan(values), fill, values)
        self.rows.add(rows)


class Texts:
    """A column of texts, each different one kept once; None where there is a gap."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.known = _Known()
        self.pieces: list[NDArray[Any]] = []

    def add(self, texts: Sequence[str], lines: Sequence[int]) -> None:
        kept = [self.known[text] for text in texts]
        array = np.array(kept, dtype=object)
        self.pieces.append(array)
        tally, num_missing = self.tally, kept.count(None)
        tally.num_rows += len(kept)
        tally.num_missing += num_missing
        tally.num_numbers += sum(map(self.known.numbers.__contains__, texts)) if self.known.numbers else 0
        if num_missing and tally.missing_line is None:
            tally.missing_line = lines[kept.index(None)]

    def array(self, fill: str) -> NDArray[Any]:
        """Return the texts, with `fill` in their gaps."""
        whole = np.concatenate(self.pieces)
        whole[np.array([text is None for text in whole], bool)] = fill
        longest = max(map(len, (*filter(None, self.known.values()), fill)))
        return whole.astype(text_dtype(len(whole), longest))


class _Known(dict[str, str | None]):
    """By text: the one that is kept, or None if it stands for no value; `numbers` are those that are."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers: set[str] = set()

    def __missing__(self, text: str) -> str | None:
        kept = self[text] = None if is_missing(text) else text
        if kept is not None and parse_number(kept) is not None:
            self.numbers.add(kept)
        return kept


def scan(file: CsvFile, numbers: Sequence[Numbers], texts: Mapping[str, Texts]) -> None:
    """Read a file once, and give every column its fields.

    Raises: what `CsvFile.pieces` raises; DiskFull.
    """
    parsing = _Parsing(file, {name for stack in numbers for name in stack.tallies}, texts)
    for piece in file.pieces():
        columns = parsing.columns(piece) if isinstance(piece, Plain) else None
        if columns is None:
            sheet = file.sheet(piece) if isinstance(piece, Plain) else piece
            for stack in numbers:
                stack.add_sheet(sheet)
            for name, column in texts.items():
                column.add(sheet.column(name), sheet.lines)
        else:
            for stack in numbers:
                stack.add_parsed(columns, piece.lines)
            for name, column in texts.items():
                column.add(columns[name].tolist(), piece.lines)


class _Parsing:
    """Numpy's parser in C, for columns of numbers and of texts; of others nothing is kept."""

    def __init__(self, file: CsvFile, numbers: set[str], texts: Mapping[str, Texts]) -> None:
        self.names, self.dialect, self.numbers = file.names, file.dialect, numbers
        kinds = ["f8" if name in numbers else "O" if name in texts else "U1" for name in file.names]
        self.dtype = np.dtype([(f"f{place}", kind) for place, kind in enumerate(kinds)])

    def columns(self, piece: Plain) -> dict[str, NDArray[Any]] | None:
        """Return the columns by name, NaN and `nan` in their gaps; None where care is due."""
        rows = self._rows(piece, piece.text)
        if rows is None and self.dialect.delimiter.isascii():
            rows = self._rows(piece, _with_gaps_named(piece.text, self.dialect))
        if rows is None:
            return None
        columns = {name: rows[f"f{place}"] for place, name in enumerate(self.names)}
        return None if any(np.isinf(columns[name]).any() for name in self.numbers) else columns

    def _rows(self, piece: Plain, text: str) -> NDArray[Any] | None:
        try:
            return np.loadtxt(
                io.StringIO(text).readlines() if piece.is_broken else text.split("\n"),
                self.dtype,
                comments=None,
                delimiter=self.dialect.delimiter,
                quotechar='"' if self.dialect.quoted else None,
                ndmin=1,
            )
        except ValueError:
            return None


def _with_gaps_named(text: str, dialect: Dialect) -> str:
    """Write `nan` in fields that are empty or NA, so that a column with gaps is one of numbers."""
    letters = np.frombuffer(b"\n" + text.rstrip("\n").encode() + b"\n", np.uint8).copy()
    ends = letters == ord("\n")
    edges = ends | (letters == ord(dialect.delimiter))
    empty = np.flatnonzero(edges[:-1] & edges[1:] & ~(ends[:-1] & ends[1:])) + 1
    absent = np.empty(0, np.int64)
    if "NA" in text:
        is_word = (letters[1:-2] == ord("N")) & (letters[2:-1] == ord("A"))
        absent = np.flatnonzero(is_word & edges[:-3] & edges[3:]) + 1
    if dialect.quoted and '"' in text:
        quotes = np.flatnonzero(letters == ord('"'))
        empty, absent = (found[np.searchsorted(quotes, found) % 2 == 0] for found in (empty, absent))
    letters[absent], letters[absent + 1] = ord("n"), ord("a")
    places = np.concatenate([np.repeat(empty, 3), absent + 2])
    added = np.frombuffer(b"nan" * len(empty) + b"n" * len(absent), np.uint8)
    return np.insert(letters, places, added)[1:].tobytes().decode()
