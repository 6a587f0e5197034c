"""Columns of a data set and their ranges, as aligned lines."""

import math
from collections.abc import Iterator, Sequence

from kexp.protocols import ColumnFacts

MOST_COLUMNS = 24
NUMBERS = range(4, 7)
"""Where a line of `column_table` has numbers."""
_NOTHING = 1e-5


def column_table(columns: Sequence[ColumnFacts]) -> list[tuple[str, ...]]:
    """Return a line per column, under a line of headings."""
    lines: list[tuple[str, ...]] = [("column", "role", "shape", "dtype", "low", "mean", "high", "")]
    lines += [column_line(column) for column in columns[:MOST_COLUMNS]]
    left = len(columns) - MOST_COLUMNS
    return lines if left <= 0 else [*lines, (f"and {left:,} more", *[""] * 7)]


def column_line(column: ColumnFacts) -> tuple[str, ...]:
    """Return what the headings of `column_table` ask for."""
    shape = str(list(column.shape)) if column.shape else ""
    numbers = tuple(number_text(value) for value in (column.low, _mean(column), column.high))
    return (column.name, column.role, shape, column.dtype, *numbers, ", ".join(_remarks(column)))


def aligned(lines: Sequence[Sequence[str]], right: Sequence[int] | range = NUMBERS) -> Iterator[str]:
    """Make the cells of each column equally wide; those of `right` end alike."""
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    for line in lines:
        cells = (
            text.rjust(width) if place in right else text.ljust(width)
            for place, (text, width) in enumerate(zip(line, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()


def _remarks(column: ColumnFacts) -> Iterator[str]:
    if column.num_distinct is not None:
        yield f"{column.num_distinct:,} different"
    elif column.mean is None:
        yield "no values"
    elif math.isnan(column.mean):
        yield "some NaN or infinite" if column.low is not None else "all NaN or infinite"
    if column.filled is not None:
        yield f"{number_text(column.filled)} where missing"


def _mean(column: ColumnFacts) -> float | None:
    """Return the mean, without what rounding leaves of 0."""
    if column.mean is None or column.low is None or column.high is None:
        return column.mean
    return 0.0 if abs(column.mean) < _NOTHING * max(-column.low, column.high) else column.mean


def number_text(value: str | float | None) -> str:
    """Return text and whole numbers as they are, others to 4 digits."""
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
