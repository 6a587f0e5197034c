"""`kexp ls`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from kexp.cli.options import JsonOption, RunsOption, runs_folder, streams_of
from kexp.diagnostics import unambiguous

if TYPE_CHECKING:
    from pathlib import Path

    from kexp.record.query import RunSummary

_SHOWN_METRICS = 3


def ls(
    context: typer.Context,
    top: Annotated[int | None, typer.Option(min=1, help="Show only so many.")] = None,
    status: Annotated[str | None, typer.Option(help="Only runs in this state.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only runs with this tag.")] = None,
    size: Annotated[bool, typer.Option("--size", help="Show what each takes on the disk.")] = False,
    as_json: JsonOption = False,
    runs: RunsOption = None,
) -> None:
    """List runs, the newest first."""
    streams = streams_of(context)
    from kexp.record.query import list_runs
    from kexp.record.status import STATES

    if status is not None and status not in STATES:
        message = f"`{status}` is no state; the states are {', '.join(STATES)}"
        raise typer.BadParameter(message, param_hint="--status")
    folder = runs_folder(runs)
    found = [
        run
        for run in list_runs(folder)
        if (status is None or run.state == status) and (tag is None or tag in run.tags)
    ][:top]
    if as_json:
        streams.tell_json({"schema": 1, "runs": [_as_json(run, size) for run in found]})
    elif not found:
        chosen = status is not None or tag is not None
        streams.say(
            f"no such runs in {folder}" if chosen else f"no runs in {folder}; `kexp train SPEC` makes one"
        )
    else:
        for line in _table(found, size):
            streams.tell(line)
        if size:
            streams.say(_total(found, folder))


def _as_json(run: "RunSummary", with_size: bool) -> dict[str, object]:
    from kexp.record.jsonfile import told
    from kexp.record.status import utc_text
    from kexp.record.trash import size_bytes

    metrics, lost = told(run.metrics)
    return {
        "run": run.id,
        "name": run.name,
        "state": run.state,
        "tags": list(run.tags),
        "metrics": metrics,
        "created": utc_text(run.created.replace(microsecond=0)),
        **({"size_bytes": size_bytes(run.path)} if with_size else {}),
        **({"nonfinite": lost} if lost else {}),
        **({"problem": run.problem} if run.problem else {}),
    }


def _table(runs: "Sequence[RunSummary]", with_size: bool) -> list[str]:
    from kexp.record.trash import size_bytes
    from kexp.report.size import sized

    rows: list[tuple[str, ...]] = [
        ("RUN", "STATE", "EPOCHS", *(["SIZE"] if with_size else []), "METRICS", "TAGS")
    ]
    for run in runs:
        size = [sized(size_bytes(run.path))] if with_size else []
        rows.append((run.id, run.state, str(run.epochs), *size, _metrics(run), " ".join(run.tags)))
    printed = [tuple(unambiguous(cell) for cell in row) for row in rows]
    widths = [max(len(row[column]) for row in printed) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in printed
    ]


def _total(runs: "Sequence[RunSummary]", folder: "Path") -> str:
    """Say what the listed runs take, and the trash, of which the list says nothing."""
    from kexp.record.trash import size_bytes, trashed
    from kexp.report.size import sized

    removed = trashed(folder)
    beside = f", and {sized(sum(map(size_bytes, removed)))} in the trash" if removed else ""
    return f"{sized(sum(size_bytes(run.path) for run in runs))} in all{beside}"


def _metrics(run: "RunSummary") -> str:
    """Show the test metrics, else the validation's, else the training's."""
    if run.problem:
        return run.problem
    for prefix in ("test_", "val_", ""):
        chosen = [(name, value) for name, value in run.metrics.items() if name.startswith(prefix)]
        if chosen:
            return "  ".join(
                f"{n} {'nan' if v is None else format(v, '.4g')}" for n, v in chosen[:_SHOWN_METRICS]
            )
    return ""
