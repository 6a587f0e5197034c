"""Where output goes: results to stdout, everything else to the terminal, a backend's noise to a file."""

import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from kexp.diagnostics import Diagnostic, Paint, in_order, plain, printable, render
from kexp.errors import KexpError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer
    from rich.console import Console

_MOST_EXPLAINED = 3
_SAYS_IT_ALL = ("stopped", "unknown-topic")
_CODES = {"error": "1;31", "warning": "1;33", "place": "2", "mark": "1;31", "help": "1;36"}


class Streams:
    """`err` is the terminal's own stream, also while file descriptor 2 is the backend's log.

    `printed` takes each line that Python code prints meanwhile; `noise` is where the backend's words are.
    `leaves_at_once`: nobody's code but ours and Keras's ran, which leaves nothing to be written at the end.
    """

    def __init__(self) -> None:
        self.err: TextIO = sys.stderr
        self.out: TextIO = sys.stdout
        self.printed: Callable[[str], None] = self.say
        self.noise: Path | None = None
        self.has_run = False
        self.leaves_at_once = False

    def console(self, quiet: bool = False) -> "Console":
        """Return a Rich console on `err`."""
        from rich.console import Console

        return Console(file=self.err, quiet=quiet, highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        """Write a line for people."""
        self.err.write(f"{text}\n")
        self.err.flush()

    def complain(self, error: KexpError) -> None:
        """Write what is wrong and, for people, how to learn more about it."""
        self.say(render(error.diagnostics, self.paint))
        self.teach(error.diagnostics)

    def teach(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Say on a terminal where the first diagnostics are explained."""
        ids = dict.fromkeys(d.id for d in in_order(diagnostics) if d.id not in _SAYS_IT_ALL)
        if ids and self.err.isatty():
            topics = " ".join([*ids][:_MOST_EXPLAINED])
            self.say(f"\n{self.paint(f'`kexp explain {topics}` says more', 'place')}")

    def tell(self, text: str) -> None:
        """Write a result."""
        self.out.write(f"{text}\n")
        self.out.flush()

    def tell_json(self, record: Mapping[str, object], indent: int | None = None) -> None:
        """Write a result as JSON, which has no NaN; what could steer the terminal is escaped."""
        from kexp.record.jsonfile import json_text

        self.tell(json_text(record, indent))

    @property
    def paint(self) -> Paint:
        return _coloured if wants_colour(self.err) else plain

    @property
    def out_paint(self) -> Paint:
        return _coloured if wants_colour(self.out) else plain

    @contextmanager
    def hushed(self) -> Iterator[None]:
        """Send what C++ code writes to file descriptor 2, and Python's stderr, to a file of its own.

        TensorFlow 2.21 writes there before any setting can stop it. The file outlives a bug and an abort.
        """
        import tempfile

        descriptor, name = tempfile.mkstemp(prefix="kexp-backend-", suffix=".log")
        self.noise = Path(name)
        is_bug = False
        sys.stderr.flush()
        stderr, self.err = self.err, os.fdopen(os.dup(2), "w", 1, encoding="utf-8", errors="replace")
        os.dup2(descriptor, 2)
        stdout, sys.stdout = sys.stdout, _line_by_line(self._take)
        try:
            yield
        except Exception as error:
            is_bug = not isinstance(error, KexpError)
            raise
        finally:
            sys.stdout.close()
            sys.stdout = stdout
            sys.stderr.flush()
            os.dup2(self.err.fileno(), 2)
            os.close(descriptor)
            self.err.close()
            self.err = stderr
            if not is_bug:
                Path(name).unlink(missing_ok=True)

    def keep_noise(self, path: Path) -> None:
        """Move what was hushed so far into a run's file, and send what follows there too."""
        self.has_run = True
        if self.noise is None:
            return
        sys.stderr.flush()
        with path.open("ab", buffering=0) as kept:
            kept.write(self.noise.read_bytes())
            os.dup2(kept.fileno(), 2)
        self.noise.unlink()
        self.noise = path

    def leave_noise(self) -> None:
        """Write no more to the run's file."""
        sys.stdout.flush()
        sys.stderr.flush()
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)

    def _take(self, line: str) -> None:
        """Pass on a printed line; one that steers the terminal is a progress bar, and noise."""
        if "\x1b" in line or "\b" in line:
            sys.stderr.write(f"{line}\n")
        else:
            self.printed(printable(line))


class _Lines(io.BufferedIOBase):
    """Hands over what is written to it, a line at a time.

    A BufferedWriter around it would write again what an interrupt came into.
    """

    def __init__(self, take: Callable[[str], None]) -> None:
        self._pass_on = take
        self._begun = b""

    def writable(self) -> bool:
        return True

    def write(self, data: "ReadableBuffer") -> int:
        *lines, self._begun = (self._begun + bytes(data)).split(b"\n")
        for line in lines:
            self._pass_on(line.decode("utf-8", "replace").rstrip("\r"))
        return len(bytes(data))

    def close(self) -> None:
        if self._begun:
            self.write(b"\n")
        super().close()


def _line_by_line(take: Callable[[str], None]) -> TextIO:
    lines: Any = _Lines(take)
    return io.TextIOWrapper(lines, "utf-8", "replace", "\n", line_buffering=True)


def wants_colour(stream: TextIO) -> bool:
    """Follow NO_COLOR, FORCE_COLOR and TERM=dumb. Source: no-color.org, force-color.org."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def _coloured(text: str, role: str) -> str:
    return f"\x1b[{_CODES[role]}m{text}\x1b[0m" if role in _CODES else text
