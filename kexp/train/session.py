"""What lasts over all phases of a run: where it writes, what it shows, how far it is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kexp.protocols import Display, Tracker
from kexp.record.rundir import RunDir
from kexp.train.signals import StopSignals


@dataclass(slots=True)
class Progress:
    """How far the training is; kept outside Keras, so that it outlives a stop.

    `best` belongs to the phase that runs. `checkpoint_error` is why the last save failed, if it did.
    """

    epoch: int = 0
    step: int = 0
    best: dict[str, Any] | None = None
    best_arrays: Mapping[str, Any] | None = None
    best_row: Mapping[str, Any] = field(default_factory=dict)
    checkpoint_error: str | None = None

    def forget_best(self) -> None:
        """Begin a phase: the best epoch is one of the last phase's."""
        self.best, self.best_arrays, self.best_row = None, None, {}


@dataclass(frozen=True, slots=True)
class Session:
    """`identity` is the resolved spec's hash; `going_on` writes the status after an epoch."""

    run: RunDir
    identity: str
    progress: Progress
    display: Display
    signals: StopSignals
    trackers: Sequence[Tracker]
    going_on: Callable[[], None]
