"""Experiment and data facts -> compiled model with everything that training and evaluation feed it by."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras.src.utils.naming import reset_uids

from kexp.diagnostics import Diagnostic
from kexp.errors import SpecError, did_you_mean
from kexp.graph.build import build_model, output_tensors
from kexp.graph.compile import compile_model
from kexp.graph.construct import Context
from kexp.graph.initial import Beginning
from kexp.graph.labels import check_losses, match_targets
from kexp.graph.ports import in_shape, match_ports
from kexp.protocols import DataInfo, Samples, TensorInfo
from kexp.spec.phases import Phase, phases
from kexp.spec.types import Experiment, Port


@dataclass(frozen=True, slots=True)
class Assembly:
    """A compiled model; `ports` and `targets` are in the order of its inputs and outputs."""

    model: keras.Model
    ports: tuple[Port, ...]
    targets: Mapping[str, TensorInfo | None]
    context: Context
    beginnings: tuple[Beginning, ...] = ()

    def inputs(self, samples: Samples) -> Any:
        """Return the model's inputs as it takes them."""
        arrays = tuple(in_shape(samples.inputs[port.column], port) for port in self.ports)
        return arrays[0] if len(arrays) == 1 else arrays

    def labels(self, samples: Samples) -> Any:
        """Return the labels as `fit` takes them."""
        if not self.targets:
            return None
        arrays = {
            name: np.zeros((len(samples), 1), np.float32) if target is None else samples.targets[target.name]
            for name, target in self.targets.items()
        }
        if isinstance(getattr(self.model, "_outputs_struct", {}), dict) and len(arrays) > 1:
            return {name: array for name, array in arrays.items() if self.targets[name] is not None}
        return next(iter(arrays.values())) if len(arrays) == 1 else tuple(arrays.values())

    @property
    def outputs(self) -> dict[str, Any]:
        """The symbolic outputs by name; none for a model class."""
        return output_tensors(self.model)

    def enter(self, phase: Phase, info: DataInfo) -> "Assembly":
        """Freeze, unfreeze and compile as a phase says, with a fresh optimizer.

        Raises: SpecError (unknown-layer-name, keras-refused).
        """
        _set_trainable(self.model, phase)
        context = replace(self.context, values=known_values(phase.experiment, info))
        compile_model(self.model, phase.experiment, context)
        return replace(self, context=context)


def assemble(experiment: Experiment, info: DataInfo, folder: Path, phase: int = -1) -> Assembly:
    """Build the model of an experiment whose seed is fixed, as one of its phases has it: by default the last.

    Raises: SpecError, each fault at its place in the spec.
    """
    reset_uids()  # so that what Keras names by counting is called the same whatever was built before
    context = context_of(experiment, info, folder)
    built = build_model(experiment, info, context)
    model = built.model
    targets: dict[str, TensorInfo | None] = {target.name: target for target in info.targets}
    all_phases = phases(experiment)
    for each in all_phases:
        if experiment.graph is not None:
            targets = match_targets(model, each.experiment, info)
            check_losses(model, each.experiment, info, targets)
        for name in (*each.freeze, *each.unfreeze):
            _layer(model, name, each)
    now = all_phases[phase]
    for each in all_phases[: all_phases.index(now) + 1]:
        _set_trainable(model, each)
    compile_model(model, now.experiment, context_of(now.experiment, info, folder))
    return Assembly(model, match_ports(experiment.graph, info), targets, context, built.beginnings)


def _set_trainable(model: keras.Model, phase: Phase) -> None:
    for names, trainable in ((phase.freeze, False), (phase.unfreeze, True)):
        for name in names:
            _layer(model, name, phase).trainable = trainable


def _layer(model: keras.Model, name: str, phase: Phase) -> Any:
    """Return a layer of the model by the name it has in the spec."""
    layers = {layer.name: layer for layer in model.layers}
    if name not in layers:
        help = did_you_mean(name, layers) or f"the layers are {', '.join(f'`{n}`' for n in layers)}"
        key = "freeze" if name in phase.freeze else "unfreeze"
        message = f"the model has no layer called `{name}`"
        raise SpecError(Diagnostic("unknown-layer-name", message, f"{phase.path}.{key}", help=help))
    return layers[name]


def context_of(experiment: Experiment, info: DataInfo, folder: Path) -> Context:
    """Return what the spec's values may refer to."""
    return Context(experiment.seed or 0, folder, known_values(experiment, info))


def known_values(experiment: Experiment, info: DataInfo) -> dict[str, Any]:
    """Return what `$num_classes`, `$num_features`, `$total_steps`, `$steps_per_epoch`, `$seed` are."""
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
    return values
