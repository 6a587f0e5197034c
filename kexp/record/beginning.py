"""Where a run may begin: in an empty directory, or in one where the same run was cut off as it began."""

import stat
from collections.abc import Mapping
from pathlib import Path

from kexp.errors import RunRefused
from kexp.record.files import is_temporary, read_regular
from kexp.record.rundir import RunDir
from kexp.record.seal import walk

_HELP = "name an empty directory, or one that is not there yet"


def check_may_begin(run: RunDir, asked: Mapping[str, bytes]) -> None:
    """Refuse a directory that holds anything but what the beginning of this run left there.

    `asked` are the files that the user gives, by their paths in the run; the others are made anew.

    Raises: RunRefused (not-a-run, file-broken, too-many-files).
    """
    entries = sorted(entry.name for entry in run.path.iterdir() if entry.name != "lock")
    if entries and not run.is_run:
        message = f"`{run.path}` holds `{entries[0]}` and no run"
        raise RunRefused.because("not-a-run", message, help=_HELP)
    for path in sorted(walk(run.path)):
        name = path.relative_to(run.path).as_posix()
        if not stat.S_ISREG(path.lstat().st_mode) or not _was_left(run, path, asked.get(name)):
            message = f"`{run.path}` holds `{name}`, and is not a run of this spec"
            raise RunRefused.because("not-a-run", message, help=_HELP)


def _was_left(run: RunDir, path: Path, given: bytes | None) -> bool:
    if given is not None:
        return read_regular(path) == given
    return is_temporary(path) or any(made in (path, *path.parents) for made in run.made_at_first)
