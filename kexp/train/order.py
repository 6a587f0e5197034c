"""What was asked for, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from kexp.record.rundir import RunDir
from kexp.spec.types import Experiment
from kexp.train.backend import Machine
from kexp.train.profile import Profile

Scope = Literal["full", "smoke", "no-data"]
"""All of it; two steps on real data; two steps on made-up data."""


@dataclass(frozen=True, slots=True)
class Order:
    """A training to do. Its seed is fixed; `clock` is `time.perf_counter` when Enter was pressed."""

    experiment: Experiment
    spec_text: bytes
    folder: Path
    runs: Path
    machine: Machine
    argv: tuple[str, ...]
    environ: Mapping[str, str]
    started: datetime
    clock: float
    bases: Mapping[str, bytes] = field(default_factory=dict)
    scope: Scope = "full"
    run: RunDir | None = None
    """The directory to train in, which the caller has locked; None: a new one below `runs`."""
    reproduces: str | None = None
    """The id of the run that is trained again."""
    profile: Profile | None = None
    """Where its time is noted, if it is to be."""


@dataclass(frozen=True, slots=True)
class Result:
    """What `train --json` tells; `val_*` among the metrics are the best epoch's."""

    run: RunDir
    state: str
    epochs: int
    metrics: Mapping[str, float]
    best: Mapping[str, Any] | None
    weights_sha256: str
    wall_seconds: float
