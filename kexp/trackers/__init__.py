"""Epoch rows -> other tools. A tracker is a mirror: the run directory stays the record."""

from kexp.custom import load_reference
from kexp.extras import require
from kexp.protocols import Tracker
from kexp.record.rundir import RunDir
from kexp.spec.types import Experiment

TRACKERS = {"tensorboard": "kexp.trackers.tensorboard:TensorBoard"}
_PACKAGES = {"tensorboard": "tensorboard"}


def require_packages(experiment: Experiment) -> None:
    """Raise MissingExtra (missing-extra) unless the packages of trackers and callbacks are installed."""
    wanted = [(name, f"the tracker `{name}`", "trackers") for name in experiment.trackers]
    for component in experiment.train.callbacks:
        if component.name == "TensorBoard":
            wanted.append(("tensorboard", "the callback `TensorBoard`", component.path))
    for name, who, path in wanted:
        require(_PACKAGES[name], name, who, path)


def open_tracker(name: str, run: RunDir) -> Tracker:
    """Return a tracker that mirrors into the run."""
    tracker: Tracker = load_reference(TRACKERS[name])(run)
    return tracker
