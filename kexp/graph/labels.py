"""Which labels belong to which output, and whether loss, labels and units fit together."""

from collections.abc import Iterable, Mapping

import keras

from kexp.diagnostics import Diagnostic
from kexp.errors import SpecError
from kexp.graph.build import output_tensors
from kexp.protocols import DataInfo, TensorInfo
from kexp.spec.losses import VALUE_LOSSES, kind_of, name_of
from kexp.spec.phases import Phase, phases
from kexp.spec.types import Experiment, Objective

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
        compared = _compared(experiment, name)
        if name not in targets and compared is not None:
            raise SpecError(
                Diagnostic(
                    "missing-target",
                    f"the output `{name}` has {compared}, and the data has no target of that name",
                    "model.outputs",
                    help=f"the data's targets are {listed}; call the outputs after them"
                    if targets
                    else "the data has no targets at all",
                )
            )
        matched[name] = targets.get(name)
    return matched


def _compared(experiment: Experiment, output: str) -> str | None:
    """Return what compares an output with labels."""
    train = phases(experiment)[-1].experiment.train
    if loss_of(experiment, output) is not None:
        return "a loss"
    given = (train.metrics, train.weighted_metrics)
    return "metrics" if any(isinstance(g, Mapping) and g.get(output) for g in given) else None


def loss_of(experiment: Experiment, output: str) -> Loss:
    """Return the loss of one output, in the last stage where there are several."""
    loss = phases(experiment)[-1].experiment.train.loss
    return loss.get(output) if isinstance(loss, Mapping) else loss


def mismatches(
    model: keras.Model,
    phase: Phase,
    info: DataInfo,
    targets: Mapping[str, TensorInfo | None],
    one_hot: Mapping[str, int],
) -> Iterable[Diagnostic]:
    """Yield where a loss does not fit the output and the labels that it will meet."""
    for name, tensor in output_tensors(model).items():
        loss, target = loss_of(phase.experiment, name), targets[name]
        if loss is None or target is None:
            continue
        is_map = isinstance(phase.experiment.train.loss, Mapping)
        path = phase.place(f"loss.{name}" if is_map else "loss")
        fault = _mismatch(loss, target, info.num_classes.get(target.name), tuple(tensor.shape[1:]))
        if fault is None and name not in one_hot:
            fault = _not_one_hot(loss, target, tuple(tensor.shape[1:]))
        if fault is not None:
            yield Diagnostic(fault[0], fault[1], path, help=fault[2])


_ONE_HOT = ("categoricalcrossentropy", "categoricalfocalcrossentropy", "categoricalhinge")


def one_hot_outputs(
    model: keras.Model, experiment: Experiment, targets: Mapping[str, TensorInfo | None]
) -> dict[str, int]:
    """Return the outputs with class numbers whose losses all want them one-hot, and their units."""
    found: dict[str, int] = {}
    for name, tensor in output_tensors(model).items():
        losses = [loss for phase in phases(experiment) if (loss := loss_of(phase.experiment, name))]
        target, units = targets.get(name), tensor.shape[-1] if len(tensor.shape) > 1 else None
        if target is None or not units or not losses:
            continue
        wanted = all(kind_of(loss) in _ONE_HOT for loss in losses)
        if wanted and _are_numbers(target, tuple(tensor.shape[1:])):
            found[name] = units
    return found


def _are_numbers(target: TensorInfo, output: tuple[int | None, ...]) -> bool:
    """Say whether labels are class numbers, one for each vector of units of an output."""
    shape = target.shape[:-1] if target.shape[-1:] == (1,) else target.shape
    return target.dtype.startswith(("int", "uint")) and len(shape) == len(output) - 1


Fault = tuple[str, str, str]
"""Id, sentence and help."""


def _not_one_hot(loss: Objective, target: TensorInfo, output: tuple[int | None, ...]) -> Fault | None:
    if kind_of(loss) not in _ONE_HOT or not _are_numbers(target, output):
        return None
    return (
        "loss-label-mismatch",
        f"`{name_of(loss)}` takes one-hot labels, and the loss of another stage takes class numbers",
        "use `sparse_categorical_crossentropy` here, or one-hot losses in every stage"
        if kind_of(loss) == "categoricalcrossentropy"
        else "use losses of one kind in every stage",
    )


def _mismatch(
    loss: Objective, target: TensorInfo, num_classes: int | None, output: tuple[int | None, ...]
) -> Fault | None:
    shown = name_of(loss)
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
        case "sparsecategoricalcrossentropy" | "categoricalcrossentropy" if is_sparse and (
            num_classes and units and num_classes > units
        ):
            return (
                "units-class-mismatch",
                f"the labels have {num_classes} classes, and the output has {_units(units)}",
                f"end the model with `Dense: {{units: {num_classes}, activation: softmax}}`",
            )
        case "binarycrossentropy" | "binaryfocalcrossentropy" if is_sparse and (num_classes or 0) > 2:
            return (
                "loss-label-mismatch",
                f"`{shown}` tells 2 classes apart, and the labels have {num_classes}",
                f"use `sparse_categorical_crossentropy` and a last layer of {num_classes} units",
            )
        case kind if kind in VALUE_LOSSES and is_sparse and len(numbers) < len(output) and (units or 1) > 1:
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
