"""Where output goes: results to stdout, everything else to the terminal, a backend's noise to a file."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from kexp.diagnostics import Paint, plain

if TYPE_CHECKING:
    from rich.console import Console

_CODES = {"error": "1;31", "warning": "1;33", "place": "2", "mark": "1;31", "help": "1;36"}


class Streams:
    """`err` is the terminal's own stream, also while file descriptor 2 is the backend's log."""

    def __init__(self) -> None:
        self.err: TextIO = sys.stderr
        self.out: TextIO = sys.stdout
        self._log: int | None = None

    def console(self, quiet: bool = False) -> "Console":
        """Return a Rich console on `err`."""
        from rich.console import Console

        return Console(file=self.err, quiet=quiet, highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        """Write a line for people."""
        self.err.write(f"{text}\n")
        self.err.flush()

    def tell(self, text: str) -> None:
        """Write a result."""
        self.out.write(f"{text}\n")
        self.out.flush()

    @property
    def paint(self) -> Paint:
        return _coloured if wants_colour(self.err) else plain

    @contextmanager
    def hushed(self) -> Iterator[None]:
        """Send what C++ code writes to file descriptor 2, and Python's stdout and stderr, to a file.

        TensorFlow 2.21 writes there before any setting can stop it.
        """
        with tempfile.TemporaryFile() as noise:
            terminal = os.dup(2)
            sys.stderr.flush()
            os.dup2(noise.fileno(), 2)
            self.err = os.fdopen(terminal, "w", buffering=1, encoding="utf-8", errors="replace")
            self._log = noise.fileno()
            stdout, sys.stdout = sys.stdout, sys.stderr
            try:
                yield
            finally:
                sys.stdout = stdout
                sys.stderr.flush()
                os.dup2(self.err.fileno(), 2)
                self._log = None

    def keep_noise(self, path: Path) -> None:
        """Move what was hushed so far into a file, and send what follows there too."""
        if self._log is None:
            return
        sys.stderr.flush()
        size = os.fstat(self._log).st_size
        with path.open("ab", buffering=0) as kept:
            kept.write(os.pread(self._log, size, 0))
            os.dup2(kept.fileno(), 2)


def wants_colour(stream: TextIO) -> bool:
    """Follow NO_COLOR, FORCE_COLOR and TERM=dumb. Source: no-color.org, force-color.org."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def _coloured(text: str, role: str) -> str:
    return f"\x1b[{_CODES[role]}m{text}\x1b[0m" if role in _CODES else text
