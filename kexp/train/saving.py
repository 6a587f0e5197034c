"""Files written in a thread of their own, so that the training goes on meanwhile."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

Write = Callable[[], object]


class Saver:
    """At most one save is on its way; the next one, or the end, waits for it and learns how it went."""

    def __init__(self) -> None:
        self.thread = ThreadPoolExecutor(1)
        self.going: Future[object] | None = None

    @property
    def is_busy(self) -> bool:
        return self.going is not None and not self.going.done()

    def begin(self, write: Write) -> None:
        """Begin a save; the one before was waited for."""
        assert self.going is None
        self.going = self.thread.submit(write)

    def wait(self) -> OSError | None:
        """Wait for the save that is on its way; return why it failed, if it did."""
        going, self.going = self.going, None
        error = None if going is None else going.exception()
        if error is not None and not isinstance(error, OSError):
            raise error
        return error

    def close(self) -> None:
        """Wait for the thread, whatever came of its save."""
        self.thread.shutdown()
