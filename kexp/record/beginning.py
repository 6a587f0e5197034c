"""Where a run may begin: in an empty directory, or in one where the same run was cut off as it began."""

import stat
from collections.abc import Mapping
from pathlib import Path

from kexp.errors import RunRefused
from kexp.record.files import is_temporary, read_regular
from kexp.record.rundir import RunDir
from kexp.record.seal import walk

_HELP = "name an empty directory, or one that is not there yet"


def check_free(run: RunDir) -> None:
    """Refuse a directory with anything in it where no run was ever begun; asked before the lock is taken.

    Raises: RunRefused (not-a-run).
    """
    entries = sorted(entry.name for entry in run.path.iterdir())
    if entries and not run.was_owned:
        message = f"`{run.path}` holds `{entries[0]}` and no run"
        raise RunRefused.because("not-a-run", message, help=_HELP)


def check_may_begin(run: RunDir, given: Mapping[Path, bytes]) -> None:
    """Refuse a directory that holds anything but what the beginning of this run left there.

    `given` are the files that the user gives; the others are made anew. The caller has locked it, so that
    nothing comes or goes meanwhile.

    Raises: RunRefused (not-a-run, file-broken, too-many-files).
    """
    for path in sorted(walk(run.path)):
        if not stat.S_ISREG(path.lstat().st_mode) or not _was_left(run, path, given.get(path)):
            name = path.relative_to(run.path).as_posix()
            message = f"`{run.path}` holds `{name}`, and is not a run of this spec"
            raise RunRefused.because("not-a-run", message, help=_HELP)


def _was_left(run: RunDir, path: Path, given: bytes | None) -> bool:
    if given is not None:
        return read_regular(path) == given
    return is_temporary(path) or any(made in (path, *path.parents) for made in run.made_at_first)
