"""A training as the phases it runs through: its stages with what they inherit, or the whole of it."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

from kexp.spec.types import Experiment, Stage, Training

_OF_TRAINING = {field.name for field in fields(Training)}
_INHERITED = tuple(field.name for field in fields(Stage) if field.name in _OF_TRAINING)


@dataclass(frozen=True, slots=True)
class Phase:
    """`experiment.train` is what holds; `path` is where faults belong, `own` are the keys given there."""

    experiment: Experiment
    name: str | None = None
    freeze: tuple[str, ...] = ()
    unfreeze: tuple[str, ...] = ()
    path: str = "train"
    own: frozenset[str] = frozenset()

    def place(self, key: str) -> str:
        """Return the path of a key of `train`: the stage's own, or the one that it inherits."""
        given = key.partition(".")[0] in self.own
        return f"{self.path}.{key}" if given else f"train.{key}"

    def named_layers(self) -> Iterator[tuple[str, str, bool]]:
        """Yield the layers that are frozen, then those that are freed: place, name, `trainable`."""
        for index, name in enumerate(self.freeze):
            yield f"{self.path}.freeze[{index}]", name, False
        for index, name in enumerate(self.unfreeze):
            yield f"{self.path}.unfreeze[{index}]", name, True


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
        replace(experiment, train=train),
        stage.name,
        stage.freeze,
        stage.unfreeze,
        f"train.stages[{number}]",
        frozenset(given),
    )
