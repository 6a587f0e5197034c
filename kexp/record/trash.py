"""Runs that were removed: kept in a hidden folder beside the others until that is emptied."""

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from kexp.errors import NotFound, RunRefused, did_you_mean, listed
from kexp.record.files import is_temporary, make_folder, move, remove_folder
from kexp.record.rundir import RunDir

FOLDER = ".trash"


def size_bytes(folder: Path) -> int:
    """Return what a folder's files take on the disk; a link counts for itself."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # what goes away meanwhile, or lies deeper than a path is long
                total += Path(parent, name).lstat().st_size
    return total


def remove(run: RunDir, root: Path) -> Path:
    """Move a run into the trash of its folder; a process that is using it keeps it where it is.

    Raises: run-locked, run-not-writable, already-there, trash-elsewhere.
    """
    place = _folder(root) / run.id
    with run.lock():
        return _moved(run.path, place)


def restore(reference: str, root: Path) -> Path:
    """Move a run back from the trash; `reference` is its id or path, or the start or end of the id.

    Raises: run-not-found, run-ambiguous, already-there, trash-elsewhere, run-not-writable.
    """
    held, reference = [path.name for path in trashed(root)], Path(reference).name or reference
    matches = [id for id in held if id == reference] or [
        id for id in held if reference and (id.startswith(reference) or id.endswith(f"-{reference}"))
    ]
    if not matches:
        help = did_you_mean(reference, held) or (f"it holds {listed(held[::-1])}" if held else "it is empty")
        raise NotFound.because("run-not-found", f"the trash of `{root}` has no run `{reference}`", help=help)
    if len(matches) > 1:
        message = f"`{reference}` is any of {len(matches)} runs in the trash; expected one"
        raise NotFound.because("run-ambiguous", message, help=f"they are {listed(matches[::-1])}")
    return _moved(root / FOLDER / matches[0], root / matches[0])


def trashed(root: Path) -> list[Path]:
    """Return the runs in the trash, the oldest first.

    Raises: trash-elsewhere.
    """
    return [path for path in _entries(root) if not is_temporary(path)]


def once_at(path: Path) -> RunDir | None:
    """Return the run in the trash that a path led to, or into, before it was removed."""
    path = path.resolve()
    runs = (RunDir(place.parent / FOLDER / place.name) for place in (path, *path.parents))
    return next((run for run in runs if run.is_run), None)


def _entries(root: Path) -> list[Path]:
    """Return the runs in the trash, with what is left of one that was being deleted."""
    folder = _folder(root)
    entries = sorted(folder.iterdir()) if folder.is_dir() else []
    return [path for path in entries if is_temporary(path) or RunDir(path).is_run]


def empty(root: Path, held: Collection[Path] | None = None) -> int:
    """Delete what is in the trash for good, or what of it is `held`; return how many bytes that frees.

    Raises: run-not-writable, trash-elsewhere.
    """
    freed = 0
    for path in _entries(root):
        if held is not None and path not in held and not is_temporary(path):
            continue
        taken = size_bytes(path)
        try:
            remove_folder(path)
        except OSError as error:
            message = f"`{path}` cannot be removed: {error.strerror}"
            raise RunRefused.because("run-not-writable", message) from None
        freed += taken
    return freed


def _folder(root: Path) -> Path:
    """Return the trash, which is no link: what it leads to would be deleted one day.

    Raises: trash-elsewhere.
    """
    folder = root / FOLDER
    if folder.is_symlink():
        raise RunRefused.because(
            "trash-elsewhere",
            f"`{folder}` is a link to another folder, and the trash is one in the runs' own",
            help="remove the link",
        )
    return folder


def _moved(path: Path, place: Path) -> Path:
    if place.exists():
        message = f"`{place}` is there already"
        raise RunRefused.because("already-there", message, help="move one of the two away by hand")
    try:
        make_folder(place.parent)
        move(path, place)
    except OSError as error:
        message = f"`{path}` cannot be moved to `{place.parent}`: {error.strerror}"
        raise RunRefused.because("run-not-writable", message) from None
    return place
