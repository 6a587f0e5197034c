"""Epoch rows -> other tools. A tracker is a mirror: the run directory stays the record."""

import importlib.util

from kexp.custom import load_reference
from kexp.errors import MissingExtra
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
        package = _PACKAGES[name]
        if importlib.util.find_spec(package) is None:
            raise MissingExtra.because(
                "missing-extra",
                f"{who} needs the package `{package}`, which is not installed",
                path=path,
                help=f"`pip install 'kexp[{name}]'`",
            )


def open_tracker(name: str, run: RunDir) -> Tracker:
    """Return a tracker that mirrors into the run."""
    tracker: Tracker = load_reference(TRACKERS[name])(run)
    return tracker
