"""The file that a command writes: refused before the work, written whole after it."""

from pathlib import Path

from kexp.errors import KexpError, UsageError


def check_output(path: Path, force: bool) -> None:
    """Refuse a place that cannot be written, and a file that is there already.

    Raises: UsageError (file-exists, not-writable).
    """
    try:
        is_folder, exists, has_folder = path.is_dir(), path.exists(), path.resolve().parent.is_dir()
    except OSError as error:  # a name that is too long
        raise _not_writable(path, error) from None
    if is_folder:
        raise UsageError.because("not-writable", f"`{path}` is a folder, and the name of a file is expected")
    if exists and not force:
        raise UsageError.because("file-exists", f"`{path}` exists", help="`--force` replaces it")
    if not has_folder:
        raise UsageError.because("not-writable", f"there is no folder `{path.parent}`")


def write_output(path: Path, data: bytes) -> None:
    """Write a file, all of it or nothing.

    Raises: UsageError (not-writable).
    """
    from kexp.record.files import write_atomically

    try:
        write_atomically(path, data)
    except OSError as error:
        raise _not_writable(path, error) from None


def _not_writable(path: Path, error: OSError) -> KexpError:
    return UsageError.because("not-writable", f"`{path}` cannot be written: {error.strerror}")
