"""Experiment and data facts -> compiled model with everything that training and evaluation feed it by."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np
from keras.src.utils.naming import reset_uids

from kexp.diagnostics import Diagnostic
from kexp.errors import SpecError
from kexp.graph.build import build_model, output_tensors
from kexp.graph.calls import inner_layers
from kexp.graph.compile import compile_model
from kexp.graph.construct import Context
from kexp.graph.initial import Beginning
from kexp.graph.labels import match_targets, mismatches, one_hot_outputs
from kexp.graph.ports import in_shape, match_ports
from kexp.graph.preprocess import Preprocessing
from kexp.protocols import Column, DataInfo, Samples, TensorInfo, Units
from kexp.spec.formula import FormulaError
from kexp.spec.inner import full_name, missing_layer
from kexp.spec.phases import Phase, phases
from kexp.spec.types import Experiment, Port


class Augment(Protocol):
    """Changes training batches, nested as `fit` takes them, as a pure function of (seed, epoch, step)."""

    def __call__(self, batch: Any, place: Any, /) -> Any:
        """Return tensors for tensors; TensorFlow can trace it."""

    def on_arrays(self, batch: Any, place: tuple[int, int, int]) -> Any:
        """Return arrays for arrays."""


@dataclass(frozen=True, slots=True)
class Assembly:
    """A compiled model; `ports` and `targets` are in the order of its inputs and outputs."""

    model: keras.Model
    ports: tuple[Port, ...]
    targets: Mapping[str, TensorInfo | None]
    context: Context
    beginnings: tuple[Beginning, ...] = ()
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    augmentation: Augment | None = None
    one_hot: Mapping[str, int] = field(default_factory=dict)
    """By output: how many units its class numbers are spread over, as its loss wants them."""

    def inputs(self, samples: Samples) -> Any:
        """Return the model's inputs as it takes them."""
        arrays = tuple(in_shape(samples.inputs[port.column], port) for port in self.ports)
        return arrays[0] if len(arrays) == 1 else arrays

    def labels(self, samples: Samples) -> Any:
        """Return the labels as `fit` takes them; Keras's metrics want some for outputs without a loss too."""
        if not self.targets:
            return None
        arrays = {
            name: np.zeros((len(samples), 1), np.float32) if target is None else self._label(name, samples)
            for name, target in self.targets.items()
        }
        if isinstance(getattr(self.model, "_outputs_struct", {}), dict) and len(arrays) > 1:
            return arrays
        return next(iter(arrays.values())) if len(arrays) == 1 else tuple(arrays.values())

    def _label(self, output: str, samples: Samples) -> Column:
        target = self.targets[output]
        assert target is not None
        column = samples.targets[target.name]
        if output not in self.one_hot:
            return column
        numbers = np.asarray(column[:]).reshape(len(samples), *(n for n in target.shape if n != 1))
        encoded: Column = np.eye(self.one_hot[output], dtype=np.float32)[numbers]
        return encoded

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of how the model is fed."""
        return tuple(
            f"the classes of `{name}` are made one-hot, as its loss wants them" for name in self.one_hot
        )

    @property
    def outputs(self) -> dict[str, Any]:
        """The symbolic outputs by name; none for a model class."""
        return output_tensors(self.model)

    def enter(self, phase: Phase, info: DataInfo) -> "Assembly":
        """Freeze, unfreeze and compile as a phase says, with a fresh optimizer.

        Raises: SpecError (unknown-layer-name, keras-refused).
        """
        _set_trainable(self.model, phase)
        return self.compiled(phase, info)

    def compiled(self, phase: Phase, info: DataInfo) -> "Assembly":
        """Compile as a phase says, and leave frozen what is.

        Raises: SpecError (keras-refused).
        """
        context = replace(self.context, values=known_values(phase.experiment, info))
        compile_model(self.model, phase.experiment, context, output_units(self.targets, info))
        return replace(self, context=context)


def assemble(experiment: Experiment, info: DataInfo, folder: Path, phase: int = -1) -> Assembly:
    """Build the model of an experiment whose seed is fixed, as one of its phases has it: by default the last.

    Raises: SpecError, each fault at its place in the spec.
    """
    assembly = put_together(experiment, info, folder, phase)
    faults = [*misfits(assembly, experiment, info)]
    if faults:
        raise SpecError(*faults)
    return assembly


def misfits(assembly: Assembly, experiment: Experiment, info: DataInfo) -> Iterator[Diagnostic]:
    """Yield what of any phase does not fit the model or the labels."""
    for phase in phases(experiment):
        if experiment.graph is not None:
            yield from mismatches(assembly.model, phase, info, assembly.targets, assembly.one_hot)
        for place, name, _ in phase.named_layers():
            try:
                _layer(assembly.model, place, name)
            except SpecError as error:
                yield from error.diagnostics


def put_together(experiment: Experiment, info: DataInfo, folder: Path, phase: int = -1) -> Assembly:
    """Build the model without comparing it with the labels.

    Raises: SpecError, each fault at its place in the spec.
    """
    reset_uids()  # so that what Keras names by counting is called the same whatever was built before
    context = context_of(experiment, info, folder)
    built = build_model(experiment, info, context)
    model = built.model
    targets: dict[str, TensorInfo | None] = {target.name: target for target in info.targets}
    all_phases = phases(experiment)
    for each in all_phases if experiment.graph is not None else ():
        targets = match_targets(model, each.experiment, info)
    now = all_phases[phase]
    for each in all_phases[: all_phases.index(now) + 1]:
        _set_trainable(model, each)
    compile_model(
        model, now.experiment, context_of(now.experiment, info, folder), output_units(targets, info)
    )
    one_hot = {} if experiment.graph is None else one_hot_outputs(model, experiment, targets)
    ports = match_ports(experiment.graph, info)
    return Assembly(model, ports, targets, context, built.beginnings, one_hot=one_hot)


def _set_trainable(model: keras.Model, phase: Phase) -> None:
    for place, name, trainable in phase.named_layers():
        _layer(model, place, name).trainable = trainable


def _layer(model: keras.Model, place: str, path: str) -> Any:
    """Return a layer by its name, or an inner one by `application/name`.

    Raises: SpecError (unknown-layer-name), at `place`.
    """
    found, owner = model, ""
    for name in path.split("/"):
        prefix = f"{found.name}_" if owner else ""
        inner = inner_layers(found)
        full = full_name(name, prefix, inner)
        if full is None:
            message, help = missing_layer(name, owner, [*inner], prefix)
            raise SpecError(Diagnostic("unknown-layer-name", message, place, help=help))
        found, owner = inner[full], f"{owner}/{name}" if owner else name
    return found


def context_of(experiment: Experiment, info: DataInfo, folder: Path) -> Context:
    """Return what the spec's values may refer to."""
    values = known_values(experiment, info)

    def vocabulary_size(name: str) -> int:
        size: int | None = values.get(f"vocabulary_size({name})")
        if size is None:
            raise FormulaError(f"the vocabulary of `{name}` is not known")
        return size

    return Context(experiment.seed or 0, folder, values, {"vocabulary_size": vocabulary_size})


def output_units(targets: Mapping[str, TensorInfo | None], info: DataInfo) -> dict[str, Units]:
    """Return by output the units of a target that `preprocess` changes."""
    return {
        output: info.units[target.name]
        for output, target in targets.items()
        if target is not None and target.name in info.units
    }


def known_values(experiment: Experiment, info: DataInfo) -> dict[str, Any]:
    """Return what `$num_classes`, `$num_features`, `$total_steps`, … are, and how large vocabularies are."""
    train = experiment.train
    steps = train.steps_per_epoch or math.ceil(info.sizes["train"] / train.batch_size)
    values: dict[str, Any] = {
        "seed": experiment.seed,
        "steps_per_epoch": steps,
        "total_steps": steps * train.epochs,
    }
    if len(info.num_classes) == 1:
        values["num_classes"] = next(iter(info.num_classes.values()))
    if len(info.inputs) == 1 and len(info.inputs[0].shape) == 1:
        values["num_features"] = info.inputs[0].shape[0]
    return values | {f"vocabulary_size({name})": size for name, size in info.vocabulary_sizes.items()}
