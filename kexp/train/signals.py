"""SIGINT and SIGTERM: the first asks the run to end after its step, the second ends the process."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopRequested(Exception):
    """A signal came; raised between two steps."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class StopSignals:
    """Remembers the first signal until the loop asks."""

    def __init__(self) -> None:
        self.number: int | None = None

    def check(self) -> None:
        """Raise StopRequested if a signal came."""
        if self.number is not None:
            raise StopRequested(self.number)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.number is not None:
            os._exit(128 + number)
        self.number = number

    @contextmanager
    def caught(self) -> Iterator["StopSignals"]:
        """Catch both signals until the block ends."""
        before = {number: signal.signal(number, self._receive) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
