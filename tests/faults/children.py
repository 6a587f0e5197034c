"""Work in a forked child, and what it said before it ended."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Child:
    process: int
    words: TextIO

    def end(self) -> tuple[int, list[str]]:
        """Wait for its end; return how that was, negative for a signal, and the words not read yet."""
        said = self.words.read().splitlines()
        _, status = os.waitpid(self.process, 0)
        return os.waitstatus_to_exitcode(status), said


@contextmanager
def child(work: Callable[[Say], None]) -> Iterator[Child]:
    """Begin some work in a child."""
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        code = 1
        try:
            work(lambda word: _say(writer, word))
            code = 0
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader) as words:
        yield Child(process, words)


def _say(writer: int, word: str) -> None:
    os.write(writer, f"{word}\n".encode())


def forked(work: Callable[[Say], None]) -> tuple[int, list[str]]:
    """Do some work in a child; return how it ended, negative for a signal, and what it said."""
    with child(work) as begun:
        return begun.end()
