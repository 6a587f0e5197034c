"""When the whole state of a training is saved, what is in it, and how it is put back."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import keras

from kexp.graph.checkpoint import Arrays, pack
from kexp.graph.weights import arrays_of
from kexp.record.files import Pieces
from kexp.spec.types import Checkpoint
from kexp.train.backend import own_ways
from kexp.train.callback_state import CallbackState
from kexp.train.randomness import random_states, restore_random_states
from kexp.train.session import Session
from kexp.train.state import State, put_into, state_variables, with_best

_SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600}


class Checkpoints:
    """The saves of one phase. `model` is set when it begins; `logs` are those of the last step."""

    def __init__(self, session: Session, checkpoint: Checkpoint, callbacks: CallbackState) -> None:
        self.session, self.progress, self.run = session, session.progress, session.run
        self.checkpoint, self.every, self.callbacks = checkpoint, checkpoint.every, callbacks
        self.restart = session.restart
        self.logs: Mapping[str, float] = {}
        self.copied: Arrays = {}
        self.saved_step, self.saved_at = session.progress.step, time.monotonic()
        self.saving = ""
        self.unsaved_best: Callable[[], Pieces] | None = None
        self.model: keras.Model = None

    # ------------------------------------------------------------ when

    def stops(self, steps_before: int, num_steps: int) -> range:
        """Return the steps of an epoch at which one must be able to save."""
        if self.every.unit != "steps":
            return range(0)
        count = self.every.count
        return range(count - steps_before % count, num_steps, count)

    def is_due(self) -> bool:
        """Tell whether to save between two steps."""
        match self.every.unit:
            case "epochs":
                return False
            case "steps":
                return self.progress.step // self.every.count > self.saved_step // self.every.count
            case unit:
                return time.monotonic() - self.saved_at >= _SECONDS[unit] * self.every.count

    def is_due_after_epoch(self) -> bool:
        if self.every.unit == "epochs":
            return self.progress.epoch % self.every.count == 0
        return self.is_due()

    # ------------------------------------------------------------ what

    def state(self, is_best: bool = False) -> State:
        """Copy the state as it is now; it holds until the next one is taken, or for as long as it is saved.

        `is_best`: the model's weights are the best ones.
        """
        callbacks, own = self.callbacks.taken()
        record = {
            "run": self.run.id,
            "identity": self.session.identity,
            **self.progress.record(),
            "is_best": is_best,
            "stop_training": bool(self.model.stop_training),
            "logs": dict(self.logs) if self.progress.offset else {},
            "callbacks": callbacks,
            "random": random_states(),
        }
        own_ways(keras.backend.backend()).sync(self.model)
        spare = {} if self.session.saver.is_busy else self.copied
        self.copied = arrays_of(state_variables(self.model), spare)
        best = None if is_best else self.progress.best_arrays
        return State(record, with_best({**self.copied, **own}, best))

    def put_back(self) -> None:
        """Set model, callbacks and generators to the state that the phase goes on from."""
        if self.restart is not None:
            state = self.restart.state
            put_into(self.model, state, self.restart.apart)
            self.callbacks.put_back(state.record["callbacks"], state.arrays)
            restore_random_states(state.record["random"])

    def put_generators_back(self) -> None:
        """Set the generators once more before the first step: what prepares an epoch may draw from them."""
        if self.restart is not None and self.restart.state.offset:
            restore_random_states(self.restart.state.record["random"])
        self.restart = None

    # ------------------------------------------------------------ how

    def save(self, state: State | None, best: Mapping[str, Any] | None = None) -> None:
        """Begin to write a state, best weights or both; a save that fails leaves the one before.

        Best weights that could not be written go with the next save.
        """
        self.settle()
        if best is not None:
            metadata = {"run": self.run.id, "identity": self.session.identity, **self.progress.record()}
            self.unsaved_best = partial(pack, best, metadata)
        self.session.saver.begin(partial(self._write, state, self.unsaved_best))
        self.saving = f"epoch {self.progress.epoch}"
        if state is not None:
            self.saved_step, self.saved_at = state.step, time.monotonic()

    def settle(self) -> None:
        """Wait for the save that is on its way, and remember whether it failed."""
        self._note(self.session.saver.wait())

    def _write(self, state: State | None, packed_best: Callable[[], Pieces] | None) -> None:
        if packed_best is not None:
            self.run.write_best(packed_best())
        if state is not None:
            self.run.write_state(state.step, state.packed(), self.checkpoint.keep)

    def _note(self, error: OSError | None) -> None:
        if not self.saving:
            return
        reason = None if error is None else error.strerror or str(error)
        self.progress.checkpoint_error = None if reason is None else f"{self.saving}: {reason}"
        if reason is None:
            self.unsaved_best = None
        else:
            self.session.display.note(f"the checkpoint could not be saved: {reason}")
        self.saving = ""
