"""Which way the steps of a training are executed, and why."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import keras
from keras import callbacks as builtin

from kexp.spec.types import Cache
from kexp.train.engine.feed import Feed
from kexp.train.engine.interface import Backend
from kexp.train.engine.tempo import SECONDS

Mode = Literal["resident", "streamed", "single"]

SHARE = 0.5
"""Of what is free on the device: what resident data may take."""

_HOOKS = (
    *("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end"),
    *("on_test_batch_begin", "on_test_batch_end"),
)
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")
_COUNTS_BATCHES: Mapping[type, Callable[[Any], bool]] = {
    builtin.ModelCheckpoint: lambda callback: callback.save_freq != "epoch",
    builtin.OrbaxCheckpoint: lambda callback: callback.save_freq != "epoch",
    builtin.BackupAndRestore: lambda callback: callback.save_freq not in ("epoch", False),
    builtin.TensorBoard: lambda callback: (
        callback.update_freq != "epoch" or callback.write_steps_per_second or callback._should_trace
    ),
}
"""Those of Keras's callbacks that may act at certain batches, and how one tells."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A mode and why; `segment_steps` None: as many as last about a quarter of a second."""

    mode: Mode
    reason: str
    segment_steps: int | None = None

    def as_json(self) -> dict[str, Any]:
        if self.mode == "single":
            return {"mode": self.mode, "reason": self.reason}
        length: dict[str, Any] = (
            {"segment_seconds": SECONDS}
            if self.segment_steps is None
            else {"segment_steps": self.segment_steps}
        )
        return {"mode": self.mode, "reason": self.reason, **length}

    def __str__(self) -> str:
        if self.mode == "single":
            return f"single steps; {self.reason}"
        steps = f"{SECONDS} s" if self.segment_steps is None else f"{self.segment_steps:,} steps"
        return f"{self.mode}, segments of {steps}; {self.reason}"


def choose(
    model: keras.Model, callbacks: Sequence[Any], feeds: Sequence[Feed], cache: Cache, backend: Backend | None
) -> Choice:
    """Choose segments unless something needs single steps, and the device for data that fit there."""
    if backend is None:
        return Choice("single", f"{keras.backend.backend()} compiles no steps")
    is_augmented = any(feed.augmentation is not None for feed in feeds)
    reason = _single_steps(model, callbacks) or backend.single_steps(model, is_augmented)
    if reason is not None:
        return Choice("single", reason)
    fixed = model.steps_per_execution if model.steps_per_execution > 1 else None
    size = sum(feed.size_bytes for feed in feeds)
    if not all(feed.is_in_memory for feed in feeds):
        return Choice("streamed", f"{_size(size)} of data are read as they are used", fixed)
    if cache in ("none", "disk"):
        return Choice("streamed", f"`data.cache` is `{cache}`", fixed)
    free_bytes = backend.free_bytes()
    if cache == "auto" and size > SHARE * free_bytes:
        reason = f"{_size(size)} of data are too much where {_size(free_bytes)} are free"
        return Choice("streamed", reason, fixed)
    kept = f"{_size(size)} of data are kept on the device"
    return Choice("resident", kept if backend.gathers else f"{kept}, shuffled by a thread", fixed)


def _single_steps(model: keras.Model, callbacks: Sequence[Any]) -> str | None:
    """Say what needs single steps, if anything does."""
    if model.run_eagerly:
        return "`run_eagerly` is on"
    for name in ("make_train_function", "make_test_function"):
        if getattr(type(model), name) is not getattr(keras.Model, name):
            return f"`{type(model).__name__}` has a `{name}` of its own"
    counting = next((callback for callback in callbacks if _counts_batches(callback)), None)
    return None if counting is None else f"`{type(counting).__name__}` acts on single batches"


def _counts_batches(callback: Any) -> bool:
    """Tell whether a callback must hear of every batch. Keras's own others only watch the loss go by."""
    if any(not getattr(callback, hook).__module__.startswith("keras.") for hook in _HOOKS):
        return True
    return any(isinstance(callback, type) and tells(callback) for type, tells in _COUNTS_BATCHES.items())


def _size(size_bytes: int) -> str:
    """Return a size for people."""
    number, unit = float(size_bytes), 0
    while number >= 999.5 and unit < len(_UNITS) - 1:
        number, unit = number / 1024, unit + 1
    return f"{number:.3g} {_UNITS[unit]}"
