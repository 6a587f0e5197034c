"""How the steps of a training are executed: what they take, what stays on the device, and which way."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from keras.src.trainers.data_adapters.data_adapter_utils import class_weight_to_sample_weights

from kexp.custom import load_reference
from kexp.data.load import Datasets
from kexp.graph.assemble import Assembly
from kexp.protocols import Samples
from kexp.spec.phases import Phase
from kexp.spec.types import Experiment
from kexp.train.engine import BACKENDS
from kexp.train.engine.choice import choose
from kexp.train.engine.feed import Feed
from kexp.train.engine.interface import Backend, Engine
from kexp.train.engine.resident import Shelf
from kexp.train.engine.start import start


def parts_of(assembly: Assembly, samples: Samples) -> tuple[Any, ...]:
    """Return inputs, labels and weights as `fit` takes them; what there is none of is left out."""
    parts = (assembly.inputs(samples), assembly.labels(samples), samples.weights)
    return tuple(part for part in parts if part is not None)


def train_feed(parts: tuple[Any, ...], assembly: Assembly, experiment: Experiment) -> Feed:
    """Return what the training steps of a phase take."""
    train = experiment.train
    return Feed(
        parts,
        train.batch_size,
        experiment.seed or 0,
        train.shuffle,
        train.steps_per_epoch,
        assembly.augmentation,
    )


class Execution:
    """The splits of a training, on the device once for all of its phases, and a choice for each of these."""

    def __init__(
        self,
        phases: Sequence[Phase],
        assembly: Assembly,
        datasets: Datasets,
        callbacks: Sequence[Sequence[Any]],
    ) -> None:
        experiment = phases[0].experiment
        self.names = [phase.name for phase in phases]
        self.splits = {
            name: parts_of(assembly, datasets.splits[name])
            for name in ("train", "val")
            if name in datasets.splits
        }
        reference = BACKENDS.get(experiment.runtime.backend)
        backend: Backend | None = None if reference is None else load_reference(reference)()
        self.shelf = None if backend is None else Shelf(backend)
        augmentations = {"train": assembly.augmentation}
        feeds = [
            Feed(parts, experiment.train.batch_size, augmentation=augmentations.get(name))
            for name, parts in self.splits.items()
        ]
        self.choices = tuple(
            choose(assembly.model, given, feeds, experiment.data.cache, backend) for given in callbacks
        )

    def engine(
        self, number: int, phase: Phase, assembly: Assembly, class_weight: Mapping[int, float] | None
    ) -> Engine:
        """Return what executes the steps of phase `number`."""
        train, parts = phase.experiment.train, self.splits["train"]
        if class_weight is not None:
            inputs, labels = parts
            parts = (inputs, labels, class_weight_to_sample_weights(np.asarray(labels[:]), class_weight))
        feed = train_feed(parts, assembly, phase.experiment)
        val = Feed(self.splits["val"], train.batch_size) if "val" in self.splits else None
        stops_at_nan = train.terminate_on_nan or any(c.name == "TerminateOnNaN" for c in train.callbacks)
        return start(self.choices[number], assembly.model, (feed, val), self.shelf, stops_at_nan)

    @property
    def note(self) -> str:
        """What the user should know of it: the modes, each with its reason."""
        return f"engine: {'; then '.join(dict.fromkeys(map(str, self.choices)))}"

    def as_json(self) -> dict[str, Any]:
        """Return the record for the manifest: the first phase's choice, and those of all stages."""
        stages = {
            name: choice.as_json() for name, choice in zip(self.names, self.choices, strict=True) if name
        }
        return {**self.choices[0].as_json(), **({"stages": stages} if stages else {})}

    def close(self) -> None:
        """Give back what is on the device."""
        if self.shelf is not None:
            self.shelf.clear()
