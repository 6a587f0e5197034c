"""One thing computed in a thread before it is asked for."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Ahead(Generic[Result]):
    """A function of whole numbers whose next result is prepared while the last one is used."""

    def __init__(self, function: Callable[..., Result]) -> None:
        self.function = function
        self.thread = ThreadPoolExecutor(1)
        self.prepared: tuple[tuple[int, ...], Future[Result]] | None = None

    def prepare(self, *numbers: int) -> None:
        self.prepared = numbers, self.thread.submit(self.function, *numbers)

    def take(self, *numbers: int) -> Result:
        """Return the result for `numbers`, prepared or not."""
        if self.prepared is not None and self.prepared[0] == numbers:
            return self.prepared[1].result()
        return self.function(*numbers)

    def close(self) -> None:
        """Let go of what was prepared; wait for what is being computed."""
        self.thread.shutdown(cancel_futures=True)
        self.prepared = None
