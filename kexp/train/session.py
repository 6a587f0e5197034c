"""What lasts over all phases of a run: where it writes, what it shows, how far it is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kexp.protocols import Display, Tracker
from kexp.record.rundir import RunDir
from kexp.train.profile import Profile
from kexp.train.saving import Saver
from kexp.train.signals import StopSignals
from kexp.train.state import State


@dataclass(slots=True)
class Progress:
    """How far the training is; kept outside Keras, so that it outlives a stop.

    `offset` steps of the epoch after `epoch` are done; the phase began with epoch `phase_epoch`. `best`
    belongs to the phase that runs. `checkpoint_error` is why the last save failed, if it did.
    """

    epoch: int = 0
    step: int = 0
    offset: int = 0
    phase: int = 0
    phase_epoch: int = 0
    best: dict[str, Any] | None = None
    best_arrays: Mapping[str, Any] | None = None
    best_row: Mapping[str, Any] = field(default_factory=dict)
    checkpoint_error: str | None = None

    def begin_phase(self, number: int) -> None:
        """Begin a phase: the best epoch is one of the last phase's."""
        self.phase, self.phase_epoch = number, self.epoch
        self.best, self.best_arrays, self.best_row = None, None, {}

    def go_on_from(self, state: State) -> None:
        """Take up what a state says."""
        record = state.record
        self.epoch, self.step, self.offset = record["epoch"], record["step"], record["offset"]
        self.phase, self.phase_epoch = record["phase"], record["phase_epoch"]
        self.best, self.best_row = record["best"], record["best_row"]
        self.best_arrays = state.best_arrays

    def record(self) -> dict[str, Any]:
        """Return what `go_on_from` takes up, but for arrays."""
        names = ("epoch", "step", "offset", "phase", "phase_epoch", "best", "best_row")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class Restart:
    """The state that a phase goes on from; variables `apart` begin as the changed settings say."""

    state: State
    apart: frozenset[str] = frozenset()

    @property
    def logs(self) -> Mapping[str, float]:
        """What the last step gave, for an epoch of which no step is left."""
        logs: Mapping[str, float] = self.state.record["logs"]
        return logs


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
    saver: Saver = field(default_factory=Saver)
    restart: Restart | None = None
    profile: Profile | None = None
