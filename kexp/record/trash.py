"""Runs that were removed: kept in a hidden folder beside the others until that is emptied."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from kexp.errors import NotFound, RunRefused, did_you_mean
from kexp.record.files import make_folder, sync
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

    Raises: run-locked, run-not-writable, already-in-trash.
    """
    place = root / FOLDER / run.id
    with run.lock():
        return _moved(run.path, place)


def restore(reference: str, root: Path) -> Path:
    """Move a run back from the trash; `reference` is its id, or the start or end of that.

    Raises: run-not-found, run-ambiguous, already-there.
    """
    held = [path.name for path in trashed(root)]
    matches = [id for id in held if id == reference] or [
        id for id in held if id.startswith(reference) or id.endswith(f"-{reference}")
    ]
    if not matches:
        help = did_you_mean(reference, held) or ("the trash is empty" if not held else f"it holds {held[-1]}")
        raise NotFound.because("run-not-found", f"the trash of `{root}` has no run `{reference}`", help=help)
    if len(matches) > 1:
        message = f"`{reference}` is any of {len(matches)} runs in the trash; expected one"
        raise NotFound.because("run-ambiguous", message, help=", ".join(matches))
    return _moved(root / FOLDER / matches[0], root / matches[0])


def trashed(root: Path) -> list[Path]:
    """Return the runs in the trash, the oldest first."""
    folder = root / FOLDER
    return sorted(path for path in folder.iterdir() if RunDir(path).is_run) if folder.is_dir() else []


def empty(root: Path) -> int:
    """Delete what is in the trash for good; return how many bytes that frees."""
    freed = 0
    for path in trashed(root):
        freed += size_bytes(path)
        if path.is_symlink():
            path.unlink()
        else:
            shutil.rmtree(path)
    return freed


def _moved(path: Path, place: Path) -> Path:
    if place.exists():
        message = f"`{place}` is there already"
        raise RunRefused.because("already-there", message, help="move one of the two away by hand")
    try:
        make_folder(place.parent)
        path.rename(place)
    except OSError as error:
        message = f"`{path}` cannot be moved to `{place.parent}`: {error.strerror}"
        raise RunRefused.because("run-not-writable", message) from None
    sync(place.parent)
    sync(path.parent)
    return place
