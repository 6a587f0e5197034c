"""Write files so that a reader, or a power cut, meets the old one or the new one, never a half.

All that the run store changes on the disk is changed here, through `os`: tests put one that fails in its
place.
"""
# ruff: noqa: PTH102, PTH104, PTH105, PTH108 (a `Path` has an `os` of its own)

import errno
import hashlib
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

Piece = bytes | memoryview
Pieces = Sequence[Piece]
"""A file's bytes, one piece after another."""

MAX_READ_BYTES = 256 << 20

_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{8}\.tmp(\.[^.]+)?\Z")


# ---------------------------------------------------------------- files


def write_atomically(path: Path, *pieces: Piece) -> None:
    """Replace `path` by the pieces, one after another, on disk before this returns."""
    with _taking_the_place_of(path) as temporary:
        if sum(map(len, pieces)) > shutil.disk_usage(path.parent).free:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        _write_new(temporary, pieces, 0o666)


def write_once(path: Path, data: bytes, mode: int) -> None:
    """Write `path` unless it is there: of many that do so at once the first one wins."""
    temporary = temporary_beside(path)
    try:
        _write_new(temporary, (data,), mode)
        with suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        _discard(temporary)
    sync(path.parent)


@contextmanager
def replacement(path: Path) -> Iterator[Path]:
    """Yield a free name beside `path`, with its suffix; the file written there takes its place."""
    with _taking_the_place_of(path) as temporary:
        yield temporary
        sync(temporary)


@contextmanager
def _taking_the_place_of(path: Path) -> Iterator[Path]:
    temporary = temporary_beside(path)
    try:
        yield temporary
        os.replace(temporary, path)
    except BaseException as error:
        _discard(temporary)
        if isinstance(error, OSError) and error.errno is not None:
            error.filename = str(path)
        raise
    sync(path.parent)


def temporary_beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp{path.suffix}")


def is_temporary(path: Path) -> bool:
    return _TEMPORARY.match(path.name) is not None


def _discard(temporary: Path) -> None:
    with suppress(OSError):
        os.unlink(temporary)


def _write_new(path: Path, pieces: Pieces, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with _closing(descriptor, path):
        for piece in pieces:
            _write_all(descriptor, piece)
        os.fsync(descriptor)


def append_line(path: Path, text: str) -> None:
    """Add `text` and a line end to `path`, on disk before this returns, or leave the file as it was."""
    is_new = not path.exists()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
    with _closing(descriptor, path):
        size_bytes = os.fstat(descriptor).st_size
        try:
            _write_all(descriptor, f"{text}\n".encode("utf-8", "backslashreplace"))
            os.fsync(descriptor)
        except OSError:
            with suppress(OSError):
                os.ftruncate(descriptor, size_bytes)
            raise
    if is_new:
        sync(path.parent)


def _write_all(descriptor: int, data: Piece) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def remove(path: Path) -> None:
    """Remove a file where it is there; it is gone from the disk before this returns."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    sync(path.parent)


# ---------------------------------------------------------------- folders


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """Make `folder`, and its parents where they are missing; `mode` is for `folder` alone."""
    if folder.is_dir():
        return
    if folder.exists():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    make_folder(folder.parent)
    with suppress(FileExistsError):
        make_new_folder(folder, mode)


def make_new_folder(folder: Path, mode: int = 0o777) -> None:
    """Make a folder that is not there; of many that do so at once one succeeds.

    Raises: FileExistsError
    """
    os.mkdir(folder, mode)
    sync(folder.parent)


def move(path: Path, place: Path) -> None:
    """Give a file or folder another name."""
    os.rename(path, place)
    sync(place.parent)
    if path.parent != place.parent:
        sync(path.parent)


def remove_folder(folder: Path) -> None:
    """Remove a folder with all that is in it, or a link; a half of it never stands under its name."""
    gone = folder if is_temporary(folder) else temporary_beside(folder)
    if gone != folder:
        move(folder, gone)
    if gone.is_symlink() or not gone.is_dir():
        os.unlink(gone)
    else:
        shutil.rmtree(gone)


def sync(path: Path) -> None:
    """Put a file, or the names in a folder, on disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    with _closing(descriptor, path):
        os.fsync(descriptor)


@contextmanager
def _closing(descriptor: int, path: Path) -> Iterator[None]:
    """Close a file at the end; an error says which it was."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise
    finally:
        os.close(descriptor)


# ---------------------------------------------------------------- reading


def open_regular(path: Path) -> BinaryIO:
    """Open a file that may be a stranger's: links, pipes and devices are refused.

    Raises: OSError
    """
    # O_NONBLOCK: opening a pipe would otherwise wait for a writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return os.fdopen(descriptor, "rb")


def read_regular(path: Path, most_bytes: int = MAX_READ_BYTES) -> bytes:
    """Read a file that may be a stranger's: giants are refused too.

    Raises: OSError
    """
    with open_regular(path) as file:
        if os.fstat(file.fileno()).st_size > most_bytes:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
        return file.read(most_bytes)


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
