"""Columns of text -> numbers or text, with what is missing named or filled."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kexp.data.csv_file import Sheet
from kexp.diagnostics import Diagnostic
from kexp.errors import DataError, KexpError, SpecError

MISSING = frozenset({"", "NA", "NaN", "nan"})
STATISTICS = ("median", "mean")


def is_missing(text: str) -> bool:
    return text.strip() in MISSING


def parse_number(text: str) -> float | None:
    """Return the finite number that `text` spells, if it does."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in text else None


@dataclass(frozen=True, slots=True)
class Reading:
    """A sheet, and what stands for a missing field in which column."""

    sheet: Sheet
    missing: Mapping[str, str | float]

    @property
    def file(self) -> str:
        return self.sheet.file

    @property
    def names(self) -> tuple[str, ...]:
        return self.sheet.names

    def holds_numbers(self, name: str) -> bool:
        """Tell whether at least half of the fields are numbers, so that the others are mistakes."""
        if _all_numbers(self.sheet.column(name)) is not None:
            return True
        present = [text for text in self.sheet.column(name) if not is_missing(text)]
        return 2 * sum(parse_number(text) is not None for text in present) >= len(present)

    def numbers(self, name: str) -> NDArray[np.float64]:
        """Return a column of numbers, NaN where a statistic is to be filled in.

        Raises: missing-value, not-a-number, wrong-fill.
        """
        whole = _all_numbers(self.sheet.column(name))
        if whole is not None:
            return whole
        default = number_fill(name, self._declared(name))
        values = np.empty(len(self.sheet.lines))
        for row, text in enumerate(self.sheet.column(name)):
            number = default if is_missing(text) else parse_number(text)
            if number is None:
                raise self._not_a_number(name, text, self.sheet.lines[row])
            values[row] = number
        return values

    def texts(self, name: str) -> NDArray[np.str_]:
        """Return a column of text.

        Raises: missing-value, wrong-fill.
        """
        fill = text_fill(name, self._declared(name))
        return np.array([fill if is_missing(text) else text for text in self.sheet.column(name)])

    def _declared(self, name: str) -> str | float | None:
        lines = self.sheet.lines
        rows = [row for row, text in enumerate(self.sheet.column(name)) if is_missing(text)]
        place = (
            f"{len(rows)} of {len(lines)} rows of `{self.file}`, first in line {lines[rows[0]]}"
            if rows
            else ""
        )
        return declared_fill(name, self.missing, place)

    def _not_a_number(self, name: str, text: str, line: int) -> KexpError:
        place = f"line {line} of `{self.sheet.file}`"
        if not self.holds_numbers(name):
            return DataError.because(
                "text-column",
                f"`{name}` holds text, such as `{text}` in {place}; stacked features are numbers",
                path="data",
                help=f"leave it out with `ignore: [{name}]`, or name the columns to use under `model.inputs`",
            )
        help = "if this line holds the names of the columns, leave out `header: false`" if line == 1 else None
        message = f"`{name}` is `{text}` in {place}, not a finite number"
        return DataError(Diagnostic("not-a-number", message, path="data", help=help))


def _all_numbers(texts: Sequence[str]) -> NDArray[np.float64] | None:
    """Return a column that holds nothing but finite numbers, at the speed of C; None for any other."""
    try:
        values = np.fromiter(map(float, texts), np.float64, len(texts))
    except ValueError:
        return None
    return values if np.isfinite(values).all() and "_" not in "".join(texts) else None


def declared_fill(name: str, missing: Mapping[str, str | float], place: str) -> str | float | None:
    """Return what `missing` says of a column; `place` is where its values are missing, empty for nowhere.

    Raises: missing-value.
    """
    if name in missing or not place:
        return missing.get(name)
    raise DataError.because(
        "missing-value",
        f"`{name}` has no value in {place}",
        path="data.missing",
        help=f"say what stands there: `missing: {{{name}: median}}`, `mean` or a value",
    )


def number_fill(name: str, fill: str | float | None) -> float:
    """Return what stands for a missing number: NaN where a statistic is to be filled in.

    Raises: wrong-fill.
    """
    if fill is None or fill in STATISTICS:
        return math.nan
    if parse_number(str(fill)) is None:
        raise _wrong_fill(
            name, f"`{fill}` cannot stand in a column of numbers", "a number, `median` or `mean`"
        )
    return float(fill)


def text_fill(name: str, fill: str | float | None) -> str:
    """Return what stands for a missing text.

    Raises: wrong-fill.
    """
    if fill in STATISTICS:
        raise _wrong_fill(name, f"a column of text has no {fill}", "the text that stands for a missing value")
    return str(fill)


def label_dtype(values: NDArray[np.float64]) -> type[np.generic]:
    """Return an integer type for whole numbers, float32 for others."""
    largest = np.abs(values).max()
    if not np.array_equal(values, np.floor(values)) or largest >= 2**53:
        return np.float32
    return np.int32 if largest <= np.iinfo(np.int32).max else np.int64


def _wrong_fill(name: str, found: str, expected: str) -> KexpError:
    return SpecError.because("wrong-fill", found, path=f"data.missing.{name}", help=f"write {expected}")
