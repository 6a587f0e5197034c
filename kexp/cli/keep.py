"""`kexp tag`, `note`, `rm`, `restore` and `gc`: what happens to runs afterwards."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from kexp.cli.options import RunArgument, RunsOption, found_run, runs_folder, streams_of
from kexp.diagnostics import unambiguous
from kexp.record.notes import Notes, read_notes, write_notes
from kexp.record.rundir import RunDir

TrashOption = Annotated[bool, typer.Option("--empty-trash", help="Delete for good what was removed before.")]


def tag(
    context: typer.Context,
    run: RunArgument,
    tags: Annotated[list[str], typer.Argument(metavar="TAG...", help="Words to find the run by.")],
    remove: Annotated[bool, typer.Option("--remove", help="Take the tags away instead.")] = False,
    runs: RunsOption = None,
) -> None:
    """Give a run tags: `tag:WORD` then names it, and gc keeps it."""
    found = found_run(run, runs)
    notes = read_notes(found)
    left = [name for name in notes.tags if name not in tags]
    _write(found, replace(notes, tags=tuple(left if remove else [*left, *dict.fromkeys(tags)])))
    kept = " ".join(read_notes(found).tags)
    streams_of(context).say(unambiguous(f"{found.id}: {kept or 'no tags'}"))


def note(
    context: typer.Context,
    run: RunArgument,
    text: Annotated[str, typer.Argument(help="What to remember.")],
    runs: RunsOption = None,
) -> None:
    """Write a note on a run; `kexp show` tells it."""
    found = found_run(run, runs)
    notes = read_notes(found)
    _write(found, replace(notes, notes=(*notes.notes, text)))
    streams_of(context).say(unambiguous(f"{found.id}: {text}"))


def _write(run: RunDir, notes: Notes) -> None:
    with run.lock():
        write_notes(run, notes)
        if run.sums.exists():
            run.add_sum(run.notes)


def rm(
    context: typer.Context,
    references: Annotated[list[str], typer.Argument(metavar="RUN...", help="Runs, as in `kexp evaluate`.")],
    runs: RunsOption = None,
) -> None:
    """Move runs to the trash; `kexp restore` brings them back."""
    from kexp.record.trash import remove

    root = runs_folder(runs)
    for found in [found_run(reference, runs) for reference in references]:
        remove(found, found.path.parent if found.path.parent != root else root)
        id = unambiguous(found.id)
        streams_of(context).say(f"removed {id}; `kexp restore {id}` brings it back")


def restore(
    context: typer.Context,
    reference: Annotated[str, typer.Argument(metavar="RUN", help="The id of a removed run, or its end.")],
    runs: RunsOption = None,
) -> None:
    """Bring a run back from the trash."""
    from kexp.record import trash

    streams_of(context).say(unambiguous(f"restored {trash.restore(reference, runs_folder(runs))}"))


def gc(
    context: typer.Context,
    keep: Annotated[
        list[str] | None,
        typer.Option(metavar="RULE", help="best:N, best:N:METRIC or latest:N, of every name; repeatable."),
    ] = None,
    max_size: Annotated[str | None, typer.Option(metavar="SIZE", help="What runs may take, as 20GB.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    empty_trash: TrashOption = False,
    runs: RunsOption = None,
) -> None:
    """Remove runs by rules; what has a tag or goes on is always kept."""
    from kexp.record import trash
    from kexp.record.keeping import parse_rule, parse_size, removable
    from kexp.record.query import list_runs
    from kexp.report.size import sized

    streams, root = streams_of(context), runs_folder(runs)
    if keep is None and max_size is None and not empty_trash:
        raise typer.BadParameter("say what to keep: --keep, --max-size, or --empty-trash", param_hint="gc")
    rules = [parse_rule(text) for text in keep or ()]
    most = None if max_size is None else parse_size(max_size)
    found = list_runs(root)
    sizes = {run.id: trash.size_bytes(run.path) for run in found}
    chosen = removable(found, rules, sizes, most)
    for run in chosen:
        if not dry_run:
            trash.remove(RunDir(run.path), root)
        streams.tell(f"{unambiguous(run.id)}  {sized(sizes[run.id])}")
    total = sized(sum(sizes[run.id] for run in chosen))
    verb = "would be removed" if dry_run else "removed"
    streams.say(f"{len(chosen)} of {len(found)} runs {verb}, {total}")
    _empty(root, empty_trash, dry_run, context)


def _empty(root: Path, asked: bool, dry_run: bool, context: typer.Context) -> None:
    from kexp.record import trash
    from kexp.report.size import sized

    if asked and not dry_run:
        number = len(trash.trashed(root))
        streams_of(context).say(f"{number} runs deleted for good, {sized(trash.empty(root))} freed")
