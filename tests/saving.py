"""Saves as a run makes them, of a model that nothing trains."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fakes import FakeDisplay

from kexp.record.rundir import RunDir
from kexp.spec.types import Checkpoint
from kexp.train.callback_state import CallbackState
from kexp.train.checkpoints import Checkpoints
from kexp.train.session import Progress, Session


def checkpoints_of(model: Any, folder: Path) -> Checkpoints:
    """Return what saves a model, in a run of its own below a folder."""
    run, nobody = RunDir.create(folder, "saving", datetime.now(UTC)), Any
    session = Session(run, "identity", Progress(), FakeDisplay(), nobody, [], lambda: None)
    checkpoints = Checkpoints(session, Checkpoint(), CallbackState([]))
    checkpoints.model = model
    return checkpoints


def begin_save(checkpoints: Checkpoints) -> None:
    """Begin to save the state, as it is one epoch of one step later."""
    checkpoints.progress.epoch += 1
    checkpoints.progress.step += 1
    checkpoints.save(checkpoints.state())
