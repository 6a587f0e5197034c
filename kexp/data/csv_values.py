"""Fields of text -> numbers or text, with what is missing or wrong counted, named or filled."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from kexp.data.csv_file import Sheet
from kexp.data.declared import declared_fill, number_fill, parse_number, text_fill
from kexp.diagnostics import Diagnostic
from kexp.errors import DataError, KexpError

_NANS = ("".join(letters) for letters in product("+-", "nN", "aA", "nN"))
MISSING = frozenset({"", "NA", *(word for nan in _NANS for word in (nan, nan[1:]))})
"""What stands for no value: nothing, NA, and all that numpy reads as NaN."""


def is_missing(text: str) -> bool:
    return text in MISSING or text.strip() in MISSING


class Tally:
    """What the fields of one column are, as far as they were read."""

    def __init__(self) -> None:
        self.num_rows = self.num_missing = self.num_numbers = 0
        self.missing_line: int | None = None
        self.stray: tuple[str, int] | None = None
        """The first field that is no number, and its line."""

    @property
    def is_numeric(self) -> bool:
        """Whether at least half of the fields are numbers, so that the others are mistakes."""
        return 2 * self.num_numbers >= self.num_rows - self.num_missing

    def see(self, texts: Sequence[str], lines: Sequence[int]) -> NDArray[np.float64]:
        """Count these fields, and return their numbers: NaN for what is missing or none."""
        values = _numbers(texts)
        if values is None:
            values = np.array([self._number(text, line) for text, line in zip(texts, lines, strict=True)])
            gaps = np.fromiter(map(is_missing, texts), bool, len(texts))
        else:
            gaps = np.isnan(values)
        self.count(values, gaps, lines)
        return values

    def count(self, values: NDArray[np.float64], gaps: NDArray[np.bool_], lines: Sequence[int]) -> None:
        """Count fields whose numbers are known: finite, or NaN where there is a gap or no number."""
        self.num_rows += len(values)
        self.num_missing += int(gaps.sum())
        self.num_numbers += len(values) - int(np.isnan(values).sum())
        if self.missing_line is None and gaps.any():
            self.missing_line = lines[int(gaps.argmax())]

    def _number(self, text: str, line: int) -> float:
        number = parse_number(text)
        if number is None and self.stray is None and not is_missing(text):
            self.stray = (text, line)
        return math.nan if number is None else number


def _numbers(texts: Sequence[str]) -> NDArray[np.float64] | None:
    """Return numbers, NaN for what is missing, at the speed of C; None if anything is neither."""
    try:
        values = np.fromiter((math.nan if t in MISSING else float(t) for t in texts), np.float64, len(texts))
    except ValueError:
        return None
    odd = np.isinf(values).any() or "_" in "".join(texts)
    return None if odd or sum(map(MISSING.__contains__, texts)) != np.isnan(values).sum() else values


@dataclass(frozen=True, slots=True)
class Judge:
    """Says what is wrong with the columns of a file; `missing` says what stands in their gaps."""

    file: str
    missing: Mapping[str, str | float]

    def number_fill(self, name: str, tally: Tally) -> float:
        """Return what stands for a missing number, of a column that holds numbers alone.

        Raises: missing-value, wrong-fill, not-a-number, text-column.
        """
        if not tally.num_missing and tally.stray is None:
            return math.nan
        fill = number_fill(name, self._declared(name, tally))
        if tally.stray is not None:
            raise self._not_a_number(name, tally, *tally.stray)
        return fill

    def text_fill(self, name: str, tally: Tally) -> str:
        """Return what stands for a missing text.

        Raises: missing-value, wrong-fill.
        """
        return text_fill(name, self._declared(name, tally))

    def _declared(self, name: str, tally: Tally) -> str | float | None:
        rows = f"{tally.num_missing} of {tally.num_rows} rows of `{self.file}`"
        place = f"{rows}, first in line {tally.missing_line}" if tally.num_missing else ""
        return declared_fill(name, self.missing, place)

    def _not_a_number(self, name: str, tally: Tally, text: str, line: int) -> KexpError:
        place = f"line {line} of `{self.file}`"
        if not tally.is_numeric:
            return DataError.because(
                "text-column",
                f"`{name}` holds text, such as `{text}` in {place}; stacked features are numbers",
                path="data",
                help=f"leave it out with `ignore: [{name}]`, or name the columns to use under `model.inputs`",
            )
        help = "if this line holds the names of the columns, leave out `header: false`" if line == 1 else None
        message = f"`{name}` is `{text}` in {place}, not a finite number"
        return DataError(Diagnostic("not-a-number", message, path="data", help=help))


@dataclass(frozen=True, slots=True)
class Reading:
    """A sheet, and what stands for a missing field in which column."""

    sheet: Sheet
    missing: Mapping[str, str | float]

    def holds_numbers(self, name: str) -> bool:
        tally = Tally()
        tally.see(self.sheet.column(name), self.sheet.lines)
        return tally.is_numeric

    def numbers(self, name: str) -> NDArray[np.float64]:
        """Return a column of numbers, NaN where a statistic is to be filled in.

        Raises: missing-value, not-a-number, text-column, wrong-fill.
        """
        tally = Tally()
        values = tally.see(self.sheet.column(name), self.sheet.lines)
        fill = Judge(self.sheet.file, self.missing).number_fill(name, tally)
        return np.where(np.isnan(values), fill, values)

    def texts(self, name: str) -> NDArray[np.str_]:
        """Return a column of text.

        Raises: missing-value, wrong-fill.
        """
        tally = Tally()
        tally.see(self.sheet.column(name), self.sheet.lines)
        fill = Judge(self.sheet.file, self.missing).text_fill(name, tally)
        return np.array([fill if is_missing(text) else text for text in self.sheet.column(name)])


def label_dtype(values: NDArray[np.float64]) -> type[np.generic]:
    """Return an integer type for whole numbers, float32 for others."""
    largest = np.abs(values).max()
    if not np.array_equal(values, np.floor(values)) or largest >= 2**53:
        return np.float32
    return np.int32 if largest <= np.iinfo(np.int32).max else np.int64
