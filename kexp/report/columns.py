"""Columns of a data set and their ranges, as aligned lines."""

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
    remark = "" if column.filled is None else f"{_number(column.filled)} where missing"
    if column.num_distinct is not None:
        remark = ", ".join(filter(None, (f"{column.num_distinct:,} different", remark)))
    numbers = tuple(_number(value) for value in (column.low, _mean(column), column.high))
    return (column.name, column.role, shape, column.dtype, *numbers, remark)


def aligned(lines: Sequence[Sequence[str]], right: Sequence[int] | range = NUMBERS) -> Iterator[str]:
    """Make the cells of each column equally wide; those of `right` end alike."""
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    for line in lines:
        cells = (
            text.rjust(width) if place in right else text.ljust(width)
            for place, (text, width) in enumerate(zip(line, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()


def _mean(column: ColumnFacts) -> float | None:
    """Return the mean, without what rounding leaves of 0."""
    if column.mean is None or column.low is None or column.high is None:
        return column.mean
    return 0.0 if abs(column.mean) < _NOTHING * max(-column.low, column.high) else column.mean


def _number(value: str | float | None) -> str:
    return value if isinstance(value, str) else "" if value is None else f"{value:.4g}"
