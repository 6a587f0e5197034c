"""A training as the phases it runs through: its stages with what they inherit, or the whole of it."""

from dataclasses import dataclass, replace

from kexp.spec.types import Experiment, Stage

_INHERITED = (
    "epochs",
    "optimizer",
    "loss",
    "metrics",
    "loss_weights",
    "batch_size",
    "class_weight",
    "callbacks",
)


@dataclass(frozen=True, slots=True)
class Phase:
    """`experiment.train` is what holds in this phase; `path` is where its faults belong."""

    experiment: Experiment
    name: str | None = None
    freeze: tuple[str, ...] = ()
    unfreeze: tuple[str, ...] = ()
    path: str = "train"


def phases(experiment: Experiment) -> tuple[Phase, ...]:
    """Return what a training runs through, in order."""
    stages = experiment.train.stages
    if not stages:
        return (Phase(experiment),)
    return tuple(_phase(experiment, stage, number) for number, stage in enumerate(stages))


def num_epochs(experiment: Experiment) -> int:
    """Return the epochs of all phases together."""
    return sum(phase.experiment.train.epochs for phase in phases(experiment))


def final_batch_size(experiment: Experiment) -> int:
    """Return the batch size that training ends with, and measures its test split by."""
    return phases(experiment)[-1].experiment.train.batch_size


def _phase(experiment: Experiment, stage: Stage, number: int) -> Phase:
    given = {name: getattr(stage, name) for name in _INHERITED if getattr(stage, name) is not None}
    train = replace(experiment.train, stages=(), **given)
    return Phase(
        replace(experiment, train=train), stage.name, stage.freeze, stage.unfreeze, f"train.stages[{number}]"
    )
