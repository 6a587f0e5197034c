"""`kexp predict`."""

import csv
import sys
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kexp.cli.options import (
    BackendOption,
    CheckpointOption,
    RunArgument,
    RunsOption,
    TrustOption,
    Which,
    found_run,
    streams_of,
)
from kexp.diagnostics import unambiguous

if TYPE_CHECKING:
    from kexp.evaluate import Head


class Format(StrEnum):
    csv = "csv"
    jsonl = "jsonl"


def predict(
    context: typer.Context,
    run: RunArgument,
    rows: Annotated[str, typer.Argument(metavar="INPUT", help="A .npz, .npy or .csv file, or - for stdin.")],
    proba: Annotated[bool, typer.Option("--proba", help="Add each class's probability.")] = False,
    format: Annotated[Format, typer.Option(help="What to write.")] = Format.csv,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Rows at a time.  [default: by the model's size]")
    ] = None,
    checkpoint: CheckpointOption = Which.best,
    backend: BackendOption = None,
    trust: TrustOption = False,
    runs: RunsOption = None,
) -> None:
    """Write a class name, label or value for every row of INPUT to stdout."""
    streams = streams_of(context)
    found = found_run(run, runs)
    from kexp.cli.bounds import Bounds
    from kexp.cli.specs import prepared

    bounds = Bounds.of(found, trust)
    with streams.hushed(), prepared(found, trust, backend and backend.value):
        from kexp.data.rows import read_rows
        from kexp.evaluate import heads, predict, rebuild, rows_at_once
        from kexp.record.jsonfile import told

        with bounds.building():
            rebuilt = rebuild(found, checkpoint.value, trust)
        source = sys.stdin.buffer if rows == "-" else Path(rows)
        inputs = read_rows(source, "<stdin>" if rows == "-" else rows, rebuilt.needed)
        at_once = batch_size or rows_at_once(rebuilt)
        bounds.check(rebuilt.assembly.model, min(at_once, *map(len, inputs.values())))
        with bounds.computing():
            outputs = predict(rebuilt, inputs, at_once)
        table = list(_table(heads(rebuilt), outputs, proba))
    if format is Format.csv:
        writer = csv.writer(streams.out, lineterminator="\n")
        writer.writerows(map(_shown, table) if bounds.hold else table)
    else:
        for values in table[1:]:
            row, lost = told(dict(zip(table[0], values, strict=True)))
            streams.tell_json({**row, **({"nonfinite": lost} if lost else {})})


def _shown(row: Sequence[Any]) -> list[Any]:
    """Return a row whose names of classes, which someone else gave, cannot steer the terminal."""
    return [unambiguous(cell) if isinstance(cell, str) else cell for cell in row]


def _table(heads: Sequence["Head"], outputs: Sequence[Any], proba: bool) -> Iterator[list[Any]]:
    """Yield the names of the columns, then one list per row."""
    columns = [
        column for head, array in zip(heads, outputs, strict=True) for column in head.columns(array, proba)
    ]
    yield ["row", *(name for name, _ in columns)]
    for row in range(len(outputs[0])):
        yield [row, *(values[row] for _, values in columns)]
