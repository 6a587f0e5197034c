"""What the run of a stranger may take of this machine."""

import os
import re
import resource
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kexp.errors import RunRefused
from kexp.record.rundir import RunDir

if TYPE_CHECKING:
    import keras

ROOM_BYTES = 10**9
"""Beside what Python, Keras and the backend take by themselves."""

_NO_MEMORY = ("ResourceExhaustedError", "RESOURCE_EXHAUSTED", "can't allocate memory")
"""In what TensorFlow, JAX and torch raise."""
_LONGEST = 200


@contextmanager
def bounded_memory() -> Iterator[None]:
    """Let whatever wants more memory fail, until the block ends; where there is no /proc nothing is bounded.

    Raises: RunRefused (run-too-large).
    """
    taken = _data_bytes()
    if taken is None:
        yield
        return
    before, most = resource.getrlimit(resource.RLIMIT_DATA), taken + ROOM_BYTES + _stack_bytes()
    if before[1] != resource.RLIM_INFINITY:
        most = min(most, before[1])
    resource.setrlimit(resource.RLIMIT_DATA, (most, before[1]))
    try:
        with _told():
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


@contextmanager
def _told() -> Iterator[None]:
    """Say that a bound was met, and what met it."""
    try:
        yield
    except Exception as error:
        if not isinstance(error, MemoryError) and not any(words in repr(error) for words in _NO_MEMORY):
            raise
        raise RunRefused.because(
            "run-too-large",
            f"this takes more than a run from others may: {ROOM_BYTES // 10**6:,} MB of memory",
            detail=next(iter(str(error).splitlines()), "")[:_LONGEST],
            help="`--trust` takes the bound away; for `kexp predict` a smaller `--batch-size` may do",
        ) from None


@dataclass(frozen=True, slots=True)
class Bounds:
    """What holds for one run: nothing where it is the user's own or trusted."""

    hold: bool

    @classmethod
    def of(cls, run: RunDir, trust: bool) -> "Bounds":
        return cls(not trust and run.origin() != "own")

    def computing(self) -> AbstractContextManager[None]:
        """Bound the memory of whatever is done."""
        return bounded_memory() if self.hold else nullcontext()

    @contextmanager
    def building(self) -> Iterator[None]:
        """Bound what building a model takes; its backend is imported already."""
        if not self.hold:
            yield
            return
        from kexp.graph.limits import bounded_model

        with bounded_memory(), bounded_model(ROOM_BYTES):
            yield

    def check(self, model: "keras.Model", num_rows: int) -> None:
        """Refuse what is too large to be computed, which the backend would find out slowly.

        Raises: RunRefused (run-too-large).
        """
        if self.hold:
            from kexp.graph.limits import check_tensors

            with _told():
                check_tensors(model, num_rows, ROOM_BYTES)


def _stack_bytes() -> int:
    """Return what the stacks of a backend's threads count, which are started when they are needed."""
    return 2 * (os.cpu_count() or 1) * (8 << 20)


def _data_bytes() -> int | None:
    """Return what counts against RLIMIT_DATA. Source: proc(5), VmData in kB."""
    try:
        found = re.search(r"^VmData:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None
