"""Epoch rows -> other tools. A tracker is a mirror: the run directory stays the record."""

import importlib.util
from collections.abc import Iterable

from kexp.custom import load_reference
from kexp.errors import MissingExtra
from kexp.protocols import Tracker
from kexp.record.rundir import RunDir

TRACKERS = {"tensorboard": "kexp.trackers.tensorboard:TensorBoard"}
_PACKAGES = {"tensorboard": "tensorboard"}


def require_trackers(names: Iterable[str]) -> None:
    """Raise MissingExtra (missing-extra) unless every tracker's package is installed."""
    for name in names:
        if importlib.util.find_spec(_PACKAGES[name]) is None:
            raise MissingExtra.because(
                "missing-extra",
                f"the tracker `{name}` needs the package `{_PACKAGES[name]}`, which is not installed",
                path="trackers",
                help=f"`pip install 'kexp[{name}]'`",
            )


def open_tracker(name: str, run: RunDir) -> Tracker:
    """Return a tracker that mirrors into the run."""
    tracker: Tracker = load_reference(TRACKERS[name])(run)
    return tracker
