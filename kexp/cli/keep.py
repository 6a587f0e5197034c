"""`kexp tag`, `note`, `rm`, `restore` and `gc`: what happens to runs afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from kexp.cli.options import RunArgument, RunsOption, found_run, runs_folder, streams_of
from kexp.cli.streams import Streams
from kexp.diagnostics import Diagnostic, unambiguous
from kexp.errors import RunRefused
from kexp.record.notes import change_notes
from kexp.record.rundir import RunDir

if TYPE_CHECKING:
    from kexp.record.keeping import Rule
    from kexp.record.query import RunSummary

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
    changed = change_notes(found, lambda notes: notes.untagged(tags) if remove else notes.tagged(tags))
    streams_of(context).say(unambiguous(f"{found.id}: {' '.join(changed.tags) or 'no tags'}"))


def note(
    context: typer.Context,
    run: RunArgument,
    text: Annotated[str, typer.Argument(help="What to remember.")],
    runs: RunsOption = None,
) -> None:
    """Write a note on a run; `kexp show` tells it."""
    found = found_run(run, runs)
    change_notes(found, lambda notes: notes.noted(text))
    streams_of(context).say(unambiguous(f"{found.id}: {text}"))


def rm(
    context: typer.Context,
    references: Annotated[list[str], typer.Argument(metavar="RUN...", help="Runs, as in `kexp evaluate`.")],
    runs: RunsOption = None,
) -> None:
    """Move runs to the trash; `kexp restore` brings them back."""
    from kexp.record.trash import remove

    root = runs_folder(runs)
    found = {run.path.resolve(): run for run in (found_run(reference, runs) for reference in references)}
    for run in found.values():
        is_elsewhere = run.path.parent.resolve() != root.resolve()
        folder = run.path.parent if is_elsewhere else root
        remove(run, folder)
        id = unambiguous(run.id)
        streams_of(context).say(f"removed {id}; `{_command('restore', folder)} {id}` brings it back")


def _command(name: str, root: Path) -> str:
    """Return a command that looks where the runs are."""
    is_usual = root.resolve() == runs_folder(None).resolve()
    return f"kexp {name}" if is_usual else f"kexp {name} --runs {quote(unambiguous(str(root)))}"


def restore(
    context: typer.Context,
    reference: Annotated[
        str | None, typer.Argument(metavar="RUN", help="The id of a removed run, or its end.")
    ] = None,
    runs: RunsOption = None,
) -> None:
    """Bring a run back from the trash, or list what is there."""
    from kexp.record import trash
    from kexp.report.size import sized

    streams, root = streams_of(context), runs_folder(runs)
    if reference is not None:
        streams.say(unambiguous(f"restored {trash.restore(reference, root)}"))
        return
    held = trash.trashed(root)
    for path in held:
        streams.tell(f"{unambiguous(path.name)}  {sized(trash.size_bytes(path))}")
    if not held:
        streams.say(unambiguous(f"the trash of {root} is empty"))


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
    """Trash runs by rules; what has a tag or goes on is always kept."""
    from kexp.record.keeping import parse_rule, parse_size
    from kexp.record.trash import trashed

    root = runs_folder(runs)
    rules = [parse_rule(text) for text in keep or ()]
    most = None if max_size is None else parse_size(max_size)
    if not rules and most is None and not empty_trash:
        raise typer.BadParameter("say what to keep: --keep, --max-size, or --empty-trash", param_hint="gc")
    cleaning = _Cleaning(streams_of(context), root, dry_run)
    held = trashed(root) if empty_trash else []
    chosen = cleaning.collect(rules, most) if rules or most is not None else []
    if empty_trash:
        cleaning.empty(held)
    if chosen and not dry_run:
        cleaning.streams.say(f"`{_command('gc', root)} --empty-trash` frees the room")


@dataclass(frozen=True, slots=True)
class _Cleaning:
    """Moves to the trash, or says what would be moved."""

    streams: Streams
    root: Path
    dry_run: bool

    def collect(self, rules: "Sequence[Rule]", most_bytes: int | None) -> "list[RunSummary]":
        """Remove what the rules do not keep; return what is removed.

        Raises: RunRefused, of what cannot be moved, after all the others are.
        """
        from kexp.record.keeping import removable
        from kexp.record.query import list_runs
        from kexp.record.trash import remove, size_bytes
        from kexp.report.size import sized

        found = list_runs(self.root)
        for rule in rules:
            rule.check(found)
        sizes = {run.id: size_bytes(run.path) for run in found}
        chosen = removable(found, rules, sizes, most_bytes)
        width = max((len(unambiguous(run.id)) for run in chosen), default=0)
        faults: list[Diagnostic] = []
        for run in chosen:
            try:
                if not self.dry_run:
                    remove(RunDir(run.path), self.root)
            except RunRefused as error:
                faults += error.diagnostics
            else:
                self.streams.tell(f"{unambiguous(run.id):<{width}}  {sized(sizes[run.id]):>7}  {run.state}")
        if faults:
            raise RunRefused(*faults)
        freed = sum(sizes[run.id] for run in chosen)
        verb = "would go to the trash" if self.dry_run else "moved to the trash"
        self.streams.say(f"{len(chosen)} of {_counted(len(found))} {verb}, {sized(freed)}")
        left = sum(sizes.values()) - freed
        if most_bytes is not None and left > most_bytes:
            self.streams.say(f"what is kept takes {sized(left)}: rules, tags and runs that go on keep it")
        return chosen

    def empty(self, held: Sequence[Path]) -> None:
        """Delete for good what was in the trash before."""
        from kexp.record import trash
        from kexp.report.size import sized

        if self.dry_run:
            size_bytes = sum(map(trash.size_bytes, held))
            self.streams.say(f"{_counted(len(held))} would be deleted for good, {sized(size_bytes)}")
        else:
            freed = sized(trash.empty(self.root, held))
            self.streams.say(f"{_counted(len(held))} deleted for good, {freed} freed")


def _counted(number: int) -> str:
    return f"{number:,} run{'' if number == 1 else 's'}"
