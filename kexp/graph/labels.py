"""Which labels belong to which output, and whether loss, labels and units fit together."""

from collections.abc import Iterable, Mapping

import keras

from kexp.diagnostics import Diagnostic
from kexp.errors import SpecError
from kexp.graph.build import output_tensors
from kexp.protocols import DataInfo, TensorInfo
from kexp.spec.types import Component, Experiment, Objective

Loss = Objective | None


def match_targets(model: keras.Model, experiment: Experiment, info: DataInfo) -> dict[str, TensorInfo | None]:
    """Return each output's target, in the order of the outputs; None for one with neither loss nor labels.

    Raises: SpecError (missing-target).
    """
    targets = {target.name: target for target in info.targets}
    names = list(output_tensors(model))
    if len(names) == len(targets) == 1:
        return {names[0]: info.targets[0]}
    matched: dict[str, TensorInfo | None] = {}
    listed = ", ".join(f"`{name}`" for name in targets)
    for name in names:
        if name not in targets and loss_of(experiment, name) is not None:
            raise SpecError(
                Diagnostic(
                    "missing-target",
                    f"the output `{name}` has a loss, and the data has no target of that name",
                    "model.outputs",
                    help=f"the data's targets are {listed}; call the outputs after them"
                    if targets
                    else "the data has no targets at all",
                )
            )
        matched[name] = targets.get(name)
    return matched


def loss_of(experiment: Experiment, output: str) -> Loss:
    """Return the loss of one output."""
    loss = experiment.train.loss
    return loss.get(output) if isinstance(loss, Mapping) else loss


def check_losses(
    model: keras.Model, experiment: Experiment, info: DataInfo, targets: Mapping[str, TensorInfo | None]
) -> None:
    """Compare each loss with the output and the labels it will meet.

    Raises: SpecError (loss-label-mismatch, units-class-mismatch, output-shape-mismatch).
    """
    faults = list(_mismatches(model, experiment, info, targets))
    if faults:
        raise SpecError(*faults)


def _mismatches(
    model: keras.Model, experiment: Experiment, info: DataInfo, targets: Mapping[str, TensorInfo | None]
) -> Iterable[Diagnostic]:
    for name, tensor in output_tensors(model).items():
        loss, target = loss_of(experiment, name), targets[name]
        if loss is None or target is None:
            continue
        path = f"train.loss.{name}" if isinstance(experiment.train.loss, Mapping) else "train.loss"
        fault = _mismatch(loss, target, info.num_classes.get(target.name), tuple(tensor.shape[1:]))
        if fault is not None:
            yield Diagnostic(fault[0], fault[1], path, help=fault[2])


_VALUE_LOSSES = (
    *("meansquarederror", "mse", "meanabsoluteerror", "mae", "meanabsolutepercentageerror", "mape"),
    *("meansquaredlogarithmicerror", "msle", "huber", "logcosh"),
)

Fault = tuple[str, str, str]
"""Id, sentence and help."""


def kind_of(loss: Objective) -> str:
    """Return a loss's name as one word, however it is spelt: `sparsecategoricalcrossentropy`."""
    name = loss.name if isinstance(loss, Component) else loss
    return {"bce": "binarycrossentropy"}.get(name.lower(), name.replace("_", "").lower())


def _mismatch(
    loss: Objective, target: TensorInfo, num_classes: int | None, output: tuple[int | None, ...]
) -> Fault | None:
    shown = loss.name if isinstance(loss, Component) else loss
    units = output[-1] if output else None
    numbers = target.shape[: len(output) - 1] if len(target.shape) == len(output) else target.shape
    is_sparse = len(target.shape) < len(output) or target.shape[-1:] == (1,)
    match kind_of(loss):
        case "sparsecategoricalcrossentropy" if not is_sparse:
            return (
                "loss-label-mismatch",
                f"`{shown}` takes class numbers, and the labels are one-hot: {list(target.shape)} each",
                "use `categorical_crossentropy`",
            )
        case "sparsecategoricalcrossentropy" if num_classes and units and num_classes > units:
            return (
                "units-class-mismatch",
                f"the labels have {num_classes} classes, and the output has {_units(units)}",
                f"end the model with `Dense: {{units: {num_classes}, activation: softmax}}`",
            )
        case "categoricalcrossentropy" if is_sparse and num_classes and units != 1:
            return (
                "loss-label-mismatch",
                f"`{shown}` takes one-hot labels, and the labels are numbers from 0 to {num_classes - 1}",
                "use `sparse_categorical_crossentropy`",
            )
        case "binarycrossentropy" | "binaryfocalcrossentropy" if is_sparse and (num_classes or 0) > 2:
            return (
                "loss-label-mismatch",
                f"`{shown}` tells 2 classes apart, and the labels have {num_classes}",
                f"use `sparse_categorical_crossentropy` and a last layer of {num_classes} units",
            )
        case kind if kind in _VALUE_LOSSES and is_sparse and len(numbers) < len(output) and (units or 1) > 1:
            return (
                "output-shape-mismatch",
                f"`{shown}` compares one value with one unit, and the output has {_units(units or 0)}",
                "use `sparse_categorical_crossentropy` for classes; end the model with `Dense: 1` for values",
            )
        case "binarycrossentropy" if is_sparse and len(numbers) < len(output) and (units or 1) > 1:
            return (
                "output-shape-mismatch",
                f"`{shown}` compares one label with one unit, and the output has {_units(units or 0)}",
                "end the model with `Dense: {units: 1, activation: sigmoid}`",
            )
    return None


def _units(count: int) -> str:
    return f"{count} unit" if count == 1 else f"{count} units"
