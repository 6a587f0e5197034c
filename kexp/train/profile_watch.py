"""A phase that is watched: spans around its steps, data, callbacks and saves."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import keras

from kexp.record.rundir import RunDir
from kexp.train.engine.interface import Engine
from kexp.train.engine.segments import Segments
from kexp.train.profile import Kind, Profile
from kexp.train.profile_device import DeviceTrace
from kexp.train.saving import Saver, Write

_COMPILE: Kind = "compile"


def under_watch(profile: Profile, engine: Engine, callbacks: Sequence[Any], run: RunDir) -> list[Any]:
    """Watch a phase; return its callbacks, the first and the last of which are kexp's own."""
    if profile.device is None:
        profile.device = DeviceTrace(keras.backend.backend(), run.profile)
    _watch_engine(profile, engine, profile.device)
    return _watched_callbacks(profile, callbacks, engine)


def _watch_engine(profile: Profile, engine: Engine, device: DeviceTrace) -> None:
    if isinstance(engine.batches, Segments):
        _watch_training(profile, engine.batches, device)
    else:
        engine.batches.feed = _Feed(engine.batches.feed, profile)
    if isinstance(engine.validation, Segments):
        _watch_segments(profile, engine.validation, "validation steps", "validation")
    elif engine.validation is not None:
        engine.validation.feed = _Feed(engine.validation.feed, profile)


def _watch_training(profile: Profile, segments: Segments, device: DeviceTrace) -> None:
    run = segments.loop.run

    def traced(portion: Any) -> Any:
        with profile.span("begin", "profiler"):
            device.begin()
        try:
            done = run(portion)
        finally:
            with profile.span("end", "profiler"):
                device.end()
        profile.num_steps += done[1]
        return done

    segments.loop.run = traced  # type: ignore[method-assign]
    _watch_segments(profile, segments, "steps", "compute")


def _watch_segments(profile: Profile, segments: Segments, name: str, kind: Kind) -> None:
    """Make spans of segments; the first one is traced and compiled."""
    supply, loop = segments.supply, segments.loop
    first, later = (_timed(profile, loop.run, *as_) for as_ in ((f"first {name}", _COMPILE), (name, kind)))

    def watched(portion: Any) -> Any:
        loop.run = later  # type: ignore[method-assign]
        return first(portion)

    loop.run = watched  # type: ignore[method-assign]
    supply.begin = _timed(profile, supply.begin, "order of the samples", "input")  # type: ignore[method-assign]
    supply.portion = _timed(profile, supply.portion, "rows", "input")  # type: ignore[method-assign]


def _timed(profile: Profile, function: Callable[..., Any], name: str, kind: Kind) -> Callable[..., Any]:
    @wraps(function)
    def timed(*given: Any, **options: Any) -> Any:
        with profile.span(name, kind):
            return function(*given, **options)

    return timed


class _Feed:
    """A feed whose rows are taken under watch."""

    def __init__(self, feed: Any, profile: Profile) -> None:
        self._feed = feed
        self.taken = _timed(profile, feed.taken, "rows", "input")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._feed, name)


# ---------------------------------------------------------------- callbacks


def _watched_callbacks(profile: Profile, callbacks: Sequence[Any], engine: Engine) -> list[Any]:
    first, *users, last = callbacks
    watched = [
        _Watched(first, profile, "", "checkpoints"),
        *(_Watched(callback, profile, type(callback).__name__, "callbacks") for callback in users),
        _Watched(last, profile, "", "checkpoints"),
    ]
    marks = _Marks(profile, is_single=not isinstance(engine.batches, Segments))
    return [marks, *watched, _Begins(marks)]


class _Watched:
    """A callback whose events are spans, under its name; kexp's own have none."""

    def __init__(self, callback: Any, profile: Profile, name: str, kind: Kind) -> None:
        self._callback, self._profile, self._name, self._kind = callback, profile, name, kind

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._callback, name)
        if not name.startswith("on_"):
            return found
        label = f"{self._name}.{name}" if self._name else "progress, rows and state"
        timed = _timed(self._profile, found, label, self._kind)
        setattr(self, name, timed)
        return timed


class _Marks(keras.callbacks.Callback):  # type: ignore[misc]
    """First of the callbacks: sets validations apart, and single steps, which Keras's own loop does."""

    def __init__(self, profile: Profile, is_single: bool) -> None:
        super().__init__()
        self.profile, self.is_single = profile, is_single
        self.going: list[Any] = []
        self.has_run: set[str] = set()

    def begin(self, name: str, kind: Kind) -> None:
        span = self.profile.span(name, kind)
        span.__enter__()
        self.going.append(span)

    def end(self) -> None:
        if self.going:
            self.going.pop().__exit__(None, None, None)

    def begin_step(self, name: str, kind: Kind) -> None:
        """Begin a single step; the first one is traced and compiled."""
        if self.is_single:
            is_first = name not in self.has_run
            self.has_run.add(name)
            self.begin(f"first {name}" if is_first else name, "compile" if is_first else kind)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.is_single:
            self.end()
            self.profile.num_steps += 1

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.is_single:
            self.end()

    def on_test_begin(self, logs: Any = None) -> None:
        self.begin("validation", "validation")

    def on_test_end(self, logs: Any = None) -> None:
        self.end()


class _Begins(keras.callbacks.Callback):  # type: ignore[misc]
    """Last of the callbacks: what comes after it is a step."""

    def __init__(self, marks: _Marks) -> None:
        super().__init__()
        self.marks = marks

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.marks.begin_step("steps", "compute")

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.marks.begin_step("validation steps", "validation")


class WatchedSaver(Saver):
    """A saver whose files, and the waiting for them, are spans."""

    def __init__(self, profile: Profile) -> None:
        super().__init__()
        self.profile = profile

    def begin(self, write: Write) -> None:
        super().begin(_timed(self.profile, write, "checkpoint written", "checkpoints"))

    def wait(self) -> OSError | None:
        with self.profile.span("waiting for the last checkpoint", "checkpoints"):
            return super().wait()
