"""The rows of a run, one per epoch, in `metrics.jsonl`; and the same as CSV for people."""

import csv
import io
import json
import math
import sys
from collections.abc import Mapping

from kexp.record.files import append_line, read_regular, write_atomically
from kexp.record.jsonfile import broken, parsed
from kexp.record.rundir import RunDir

Cell = float | int | str | None
Row = Mapping[str, object]
"""Cells by column. A number that is not finite is None, and `nonfinite` lists its column."""

MAX_BYTES = 64 << 20
MAX_ROWS = 1_000_000
MAX_LINE_BYTES = 1 << 20
MAX_COLUMNS = 1000


def append_row(run: RunDir, row: Mapping[str, Cell]) -> None:
    """Add one row, on disk before this returns."""
    nonfinite = [name for name, cell in row.items() if isinstance(cell, float) and not math.isfinite(cell)]
    record: dict[str, object] = {name: None if name in nonfinite else cell for name, cell in row.items()}
    if nonfinite:
        record["nonfinite"] = nonfinite
    append_line(run.metrics, json.dumps(record, ensure_ascii=False, allow_nan=False))


def read_rows(run: RunDir) -> list[Row]:
    """Return the rows; a last line that a kill cut short is not one.

    Raises: file-broken
    """
    return [row for _, row in _lines(run)]


def drop_rows_after(run: RunDir, step: int) -> None:
    """Keep the rows up to `step`, so that a resumed run can append to a whole file.

    Raises: file-broken
    """
    kept = [line for line, row in _lines(run) if _step(run, row) <= step]
    write_atomically(run.metrics, b"".join(line + b"\n" for line in kept))


def write_csv(run: RunDir) -> None:
    """Write `metrics.csv` anew: one column for each name, in the order of first appearance.

    Raises: file-broken
    """
    rows = read_rows(run)
    columns = list(dict.fromkeys(name for row in rows for name in row if name != "nonfinite"))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_csv_cell(row, column) for column in columns] for row in rows)
    write_atomically(run.metrics_csv, text.getvalue().encode())


def _csv_cell(row: Row, column: str) -> object:
    nonfinite = row.get("nonfinite", ())
    return "nan" if isinstance(nonfinite, list) and column in nonfinite else row.get(column)


def _lines(run: RunDir) -> list[tuple[bytes, Row]]:
    """Return each whole line with its row: what follows the last line end is torn, and not a line."""
    try:
        data = read_regular(run.metrics, MAX_BYTES)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise broken(run.metrics, f"it cannot be read: {error.strerror}") from None
    if data.count(b"\n") > MAX_ROWS:
        raise broken(run.metrics, f"it has more than {MAX_ROWS:,} lines")
    lines = data.split(b"\n")[:-1]
    return [(line, _row(run, number, line)) for number, line in enumerate(lines, start=1)]


def _row(run: RunDir, number: int, line: bytes) -> Row:
    if len(line) > MAX_LINE_BYTES:
        raise broken(run.metrics, f"line {number} has {len(line):,} bytes")
    try:
        row = parsed(line)
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict):
        raise broken(run.metrics, f"line {number} is not a JSON object")
    if len(row) > MAX_COLUMNS or not all(_is_cell(name, value) for name, value in row.items()):
        raise broken(run.metrics, f"line {number} is not what an epoch writes")
    return {sys.intern(name): value for name, value in row.items()}


def _is_cell(name: str, value: object) -> bool:
    if name == "nonfinite":
        return isinstance(value, list) and all(isinstance(column, str) for column in value)
    return isinstance(value, Cell)


def _step(run: RunDir, row: Row) -> int:
    step = row.get("step")
    if not isinstance(step, int):
        raise broken(run.metrics, f"a row has the step {step!r}; expected a whole number")
    return step
