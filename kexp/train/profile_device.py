"""What a backend's own profiler says of one segment of steps, for TensorBoard."""

import importlib
from collections.abc import Callable
from pathlib import Path

SEGMENT = 3
"""Which one is traced: those before are short, or compile."""

_PROFILERS = {
    "tensorflow": ("tensorflow.profiler.experimental", "start", "stop"),
    "jax": ("jax.profiler", "start_trace", "stop_trace"),
}
"""By backend: a module and its functions; they need no package but the backend."""


class DeviceTrace:
    """Traces one segment, where the backend can."""

    def __init__(self, backend: str, folder: Path) -> None:
        self.profiler, self.folder = _PROFILERS.get(backend), folder
        self.count, self.has_traced = 0, False

    def begin(self) -> None:
        """Begin a segment."""
        self.count += 1
        if self.count == SEGMENT and self.profiler is not None:
            module, start, _ = self.profiler
            _function(module, start)(str(self.folder))

    def end(self) -> None:
        """End a segment."""
        if self.count == SEGMENT and self.profiler is not None:
            module, _, stop = self.profiler
            _function(module, stop)()
            self.has_traced = True


def _function(module: str, name: str) -> Callable[..., object]:
    function: Callable[..., object] = getattr(importlib.import_module(module), name)
    return function
