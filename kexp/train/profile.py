"""Where the time of a run goes: spans by name and kind, and a trace that Perfetto and Chrome show.

Source: "Trace Event Format", complete events (`ph: X`) in microseconds.
"""

import json
import threading
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

from kexp.record.files import write_atomically
from kexp.record.rundir import RunDir
from kexp.train.profile_device import DeviceTrace

if TYPE_CHECKING:
    from kexp.train.engine.choice import Choice

Kind = Literal[
    "start",
    "compile",
    "compute",
    "input",
    "validation",
    "callbacks",
    "checkpoints",
    "Keras",
    "profiler",
    "ending",
]
"""What a span's own time, without the spans in it, counts as. `Keras` is `fit` around the others."""

MOST_EVENTS = 200_000
"""What a trace holds; what comes later is only counted."""

TRACE = "trace.json"


class Span:
    """A stretch of time with a name; a context."""

    def __init__(self, profile: "Profile", name: str, kind: Kind) -> None:
        self.profile, self.name, self.kind = profile, name, kind
        self.inner = 0.0
        """What the spans in it took."""

    def __enter__(self) -> None:
        self.began = self.profile.now()
        if self.profile.is_here():
            self.profile.open.append(self)

    def __exit__(self, *raised: object) -> None:
        self.profile.note(self, self.profile.now() - self.began)


class Profile:
    """What a run was seen to do. `clock` is `time.perf_counter` when it began.

    `own` has the seconds of each kind and name in the thread of the training; together they are no more than
    the time that passed. `beside` has those of threads that ran beside it.
    """

    def __init__(self, clock: float, now: Callable[[], float] = perf_counter) -> None:
        self.clock, self.now = clock, now
        self.thread = threading.get_ident()
        self.own: defaultdict[tuple[Kind, str], float] = defaultdict(float)
        self.beside: defaultdict[tuple[Kind, str], float] = defaultdict(float)
        self.open: list[Span] = []
        self.events: list[dict[str, Any]] = []
        self.num_left_out = 0
        self.num_steps = 0
        self.device: DeviceTrace | None = None
        self.choice: Choice | None = None
        self.ended: float | None = None
        self.trace: Path | None = None

    def is_here(self) -> bool:
        """Tell whether this is the thread of the training."""
        return threading.get_ident() == self.thread

    def span(self, name: str, kind: Kind) -> Span:
        return Span(self, name, kind)

    def begun(self, name: str) -> None:
        """Note what has passed since the beginning."""
        span = Span(self, name, "start")
        span.began = self.clock
        self.open.append(span)
        self.note(span, self.now() - self.clock)

    def note(self, span: Span, seconds: float) -> None:
        """Count a span that ends, and let the trace have it."""
        key = span.kind, span.name
        if not self.is_here():
            self.beside[key] += seconds
        elif span in self.open:
            del self.open[self.open.index(span) :]  # with those that an exception left open
            self.own[key] += seconds - span.inner
            if self.open:
                self.open[-1].inner += seconds
        if len(self.events) == MOST_EVENTS:
            self.num_left_out += 1
            return
        self.events.append(
            {
                "name": span.name,
                "cat": span.kind,
                "ph": "X",
                "ts": round((span.began - self.clock) * 1e6, 1),
                "dur": round(seconds * 1e6, 1),
                "pid": 1,
                "tid": 1 if self.is_here() else threading.get_ident(),
            }
        )

    def close(self, run: RunDir) -> None:
        """Write the trace into the run, unless the disk does not take it."""
        self.ended = self.now()
        record = {
            "traceEvents": [*_names(self.events), *self.events],
            "displayTimeUnit": "ms",
            "otherData": {"run": run.id, "left_out": self.num_left_out},
        }
        with suppress(OSError):
            run.profile.mkdir(exist_ok=True)
            write_atomically(run.profile / TRACE, json.dumps(record).encode())
            self.trace = run.profile / TRACE

    def shares(self) -> "Shares":
        """Return what is known by now."""
        total = (self.now() if self.ended is None else self.ended) - self.clock
        return Shares(total, self.num_steps, dict(self.own), dict(self.beside))


@dataclass(frozen=True, slots=True)
class Shares:
    """Units: seconds."""

    total: float
    num_steps: int
    own: dict[tuple[Kind, str], float]
    beside: dict[tuple[Kind, str], float] = field(default_factory=dict)

    def of(self, *kinds: Kind) -> float:
        return sum(seconds for (kind, _), seconds in self.own.items() if kind in kinds)

    def named(self, kind: Kind) -> list[tuple[str, float]]:
        """Return the names of one kind with their seconds, the longest first."""
        found = [(name, seconds) for (each, name), seconds in self.own.items() if each == kind]
        return sorted(found, key=lambda item: -item[1])


def _names(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Name the process and its threads, as the format has it."""
    threads = dict.fromkeys(event["tid"] for event in events)
    names = {thread: "training" if thread == 1 else f"beside it {thread}" for thread in threads}
    return [
        {"name": "process_name", "ph": "M", "pid": 1, "args": {"name": "kexp train"}},
        *(
            {"name": "thread_name", "ph": "M", "pid": 1, "tid": thread, "args": {"name": name}}
            for thread, name in names.items()
        ),
    ]


def spanned(profile: Profile | None, name: str, kind: Kind) -> AbstractContextManager[None]:
    """Note how long a block takes, where a profile is wanted."""
    return nullcontext() if profile is None else profile.span(name, kind)
