"""The lock of a run: an flock, which the system lets go when its owner dies."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kexp.errors import RunRefused
from kexp.record.jsonfile import broken

PATIENCE_SECONDS = 0.2


@contextmanager
def held(path: Path) -> Iterator[bool]:
    """Hold the lock until the block ends; yield False where another process holds it.

    Raises: run-not-writable
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    except OSError as error:
        why = f"`{path.parent}` cannot be written: {error.strerror}"
        raise RunRefused.because("run-not-writable", why) from None
    try:
        yield _acquire(descriptor)
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Return whether a process holds the lock.

    Raises: file-broken
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise broken(path, f"it cannot be read: {error.strerror}") from None
    try:
        return not _try(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _acquire(descriptor: int) -> bool:
    """Wait a moment before giving up, since `is_held` in another process has the lock for an instant."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not _try(descriptor, fcntl.LOCK_EX):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _try(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
