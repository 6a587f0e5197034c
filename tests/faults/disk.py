"""A disk that fails: it stands in for `os` where the run store changes what is on the disk."""
# ruff: noqa: PTH102, PTH104, PTH105, PTH108

import errno
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kexp.record import files, lock

Event = tuple[Any, ...]
"""A change that was made: its name, the path, and what else is needed to make it again."""

Step = Callable[[int, str, str], None]
"""Takes the number of a change, its name and the path; it may raise, or end the process."""


def nothing(number: int, name: str, path: str) -> None:
    pass


class Disk:
    """Counts the changes below a folder from 1 on, and lets something happen before or after each.

    What is written to a file comes in two parts, so that something happens in the middle too. Nothing waits
    for the real disk: what a process wrote outlasts it either way.
    """

    def __init__(self, before: Step = nothing, after: Step = nothing) -> None:
        self.before, self.after = before, after
        self.number = 0
        self.events: list[Event] = []
        self._paths: dict[int, str] = {}
        self._halved: set[int] = set()
        self._one_at_a_time = threading.RLock()

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def open(self, path: Any, flags: int, mode: int = 0o777) -> int:
        name = os.fspath(path)
        if not flags & os.O_CREAT:
            descriptor = os.open(path, flags, mode)
        else:
            descriptor = self._make("open", name, lambda: os.open(path, flags, mode), mode)
        self._paths[descriptor] = name
        self._halved.discard(descriptor)
        return descriptor

    def write(self, descriptor: int, data: Any) -> int:
        is_first = descriptor not in self._halved
        self._halved.add(descriptor)
        part = bytes(data[: (len(data) + 1) // 2] if is_first else data)
        path = self._paths[descriptor]
        return self._make("write", path, lambda: os.write(descriptor, part), part)

    def fsync(self, descriptor: int) -> None:
        self._make("fsync", self._paths[descriptor], lambda: None)

    def ftruncate(self, descriptor: int, size: int) -> None:
        self._make("truncate", self._paths[descriptor], lambda: os.ftruncate(descriptor, size), size)

    def replace(self, path: Any, place: Any) -> None:
        self._make("replace", os.fspath(path), lambda: os.replace(path, place), os.fspath(place))

    def rename(self, path: Any, place: Any) -> None:
        self._make("replace", os.fspath(path), lambda: os.rename(path, place), os.fspath(place))

    def link(self, path: Any, place: Any) -> None:
        self._make("link", os.fspath(path), lambda: os.link(path, place), os.fspath(place))

    def unlink(self, path: Any) -> None:
        self._make("unlink", os.fspath(path), lambda: os.unlink(path))

    def mkdir(self, path: Any, mode: int = 0o777) -> None:
        self._make("mkdir", os.fspath(path), lambda: os.mkdir(path, mode))

    def _make(self, name: str, path: str, make: Callable[[], Any], *more: Any) -> Any:
        with self._one_at_a_time:
            self.number += 1
            number = self.number
            self.before(number, name, path)
            made = make()
            self.events.append((name, path, *more))
            self.after(number, name, path)
        return made


@contextmanager
def installed(disk: Disk) -> Iterator[Disk]:
    """Let the run store write to this disk."""
    before = files.os, lock.os
    files.os = lock.os = disk  # type: ignore[assignment]
    try:
        yield disk
    finally:
        files.os, lock.os = before


Moment = Callable[[int, str, str], bool]
"""Takes what a step takes, and says whether that is the change that is meant."""


def change(number: int) -> Moment:
    return lambda found, name, path: found == number


def change_of(wanted: str, part: str, nth: int = 1) -> Moment:
    """Mean the nth change of one kind to a file whose name holds `part`."""
    met: list[int] = []

    def is_met(number: int, name: str, path: str) -> bool:
        if name == wanted and part in path.rpartition("/")[2]:
            met.append(number)
        return len(met) == nth and met[-1] == number

    return is_met


def failing(at: Moment, number: int, is_lasting: bool = False) -> Step:
    """Fail a change, and all after it where the fault lasts; a full disk still takes what frees room."""
    has_begun = False

    def step(found: int, name: str, path: str) -> None:
        nonlocal has_begun
        is_at = at(found, name, path)
        has_begun = has_begun or is_at
        frees = is_lasting and name in ("unlink", "truncate", "replace")
        if (has_begun if is_lasting else is_at) and not frees:
            raise OSError(number, os.strerror(number), path)

    return step


class Killed(BaseException):
    """Ends whatever writes; nothing can be written afterwards."""


def deadly(at: Moment) -> Step:
    """Raise `Killed` instead of a change and of all that come after it."""
    has_begun = False

    def step(found: int, name: str, path: str) -> None:
        nonlocal has_begun
        has_begun = has_begun or at(found, name, path)
        if has_begun:
            raise Killed

    return step


FAULTS = {"EIO": (errno.EIO, False), "ENOSPC": (errno.ENOSPC, False), "a full disk": (errno.ENOSPC, True)}
"""By name, the number of an error, and whether it lasts."""


def below(folder: Path) -> list[str]:
    """Return the paths of the files below a folder."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())
