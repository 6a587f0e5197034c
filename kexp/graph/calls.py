"""How a step's layer is called: what it is given and how, what comes of it, what is said when it fails."""

import inspect
from collections.abc import Container, Mapping, Sequence
from typing import Any

import keras

from kexp.diagnostics import Diagnostic
from kexp.errors import SpecError
from kexp.graph.construct import complaint
from kexp.graph.fixed import FixedTraining, unwrapped
from kexp.spec.formula import FormulaError
from kexp.spec.inner import full_name, missing_layer
from kexp.spec.types import Component, Reuse, Step
from kexp.spec.wiring import Call


def with_inner_outputs(layer: Any, step: Step) -> Any:
    """Return the model that gives the outputs of inner layers, where the step asks for them.

    Raises: SpecError (unknown-layer-name, keras-refused).
    """
    if not step.outputs_of:
        return layer
    with complaint(f"{step.path}.outputs_of", step.key, subject(step)):
        named = enumerate(step.outputs_of)
        outputs = [_inner(layer, name, step, f"outputs_of[{index}]").output for index, name in named]
        return keras.Model(layer.inputs, outputs[0] if len(outputs) == 1 else outputs, name=layer.name)


def _inner(layer: Any, name: str, step: Step, key: str) -> Any:
    inner = inner_layers(layer)
    full = full_name(name, f"{layer.name}_", inner)
    if full is None:
        message, help = missing_layer(name, subject(step), [*inner], f"{layer.name}_")
        place = f"{step.path}.{key}"
        raise SpecError(Diagnostic("unknown-layer-name", message, place, step.places.get(key), help=help))
    return inner[full]


def inner_layers(layer: Any) -> dict[str, Any]:
    """Return the layers inside an application or nested model by their names, inputs left out."""
    found = [unwrapped(inner) for inner in getattr(layer, "layers", ())]
    return {inner.name: inner for inner in found if not isinstance(inner, keras.layers.InputLayer)}


def freeze(layer: Any, step: Step) -> None:
    """Freeze a layer, or all of a model before an inner layer."""
    if step.trainable is not None:
        layer.trainable = step.trainable
    if step.trainable_from is not None:
        first = _inner(layer, step.trainable_from, step, "trainable_from")
        for inner in layer.layers[: layer.layers.index(first)]:
            inner.trainable = False


def static_size(name: str, tensor: Any, axis: int) -> int:
    """Return a tensor's static size; axis 0 is the batch."""
    if tensor is None:
        raise FormulaError(f"`dim({name})` finds no tensor called `{name}` above")
    shape = tensor.shape
    if not -len(shape) <= axis < len(shape):
        raise FormulaError(f"`{name}` has no axis {axis}; its shape is {tuple(shape)}, None is the batch")
    size = shape[axis]
    if size is None:
        raise FormulaError(f"the size of `{name}` on axis {axis} is not known before training")
    return int(size)


def name_operations(result: Any, given: Sequence[Any], name: str) -> None:
    """Name the operations between two sets of tensors, the last one `name` and those before it by number."""
    known = {id(tensor) for tensor in keras.tree.flatten(given)}
    waiting = [t for t in keras.tree.flatten(result) if isinstance(t, keras.KerasTensor)]
    operations: dict[int, Any] = {}
    while waiting:
        tensor = waiting.pop(0)
        history = getattr(tensor, "_keras_history", None)
        if id(tensor) in known or history is None or id(history.operation) in operations:
            continue
        operations[id(history.operation)] = history.operation
        waiting += history.operation._inbound_nodes[history.node_index].input_tensors
    for number, operation in enumerate(operations.values()):
        operation.name = f"{name}.{number}" if number else name


def spread(layer: Any, arguments: Sequence[Any]) -> list[Any]:
    """Give several tensors by position if `call` wants them so, else as one list."""
    if len(arguments) < 2:
        return list(arguments)
    if isinstance(layer, keras.Model):
        return [list(arguments)]
    call = layer.call if isinstance(layer, keras.Layer) else layer
    parameters = list(inspect.signature(call).parameters.values())
    return list(arguments) if takes_positions(parameters) else [list(arguments)]


def takes_positions(parameters: Sequence[inspect.Parameter]) -> bool:
    """Tell whether `call` wants several tensors by position."""
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    required = [p for p in parameters if p.default is p.empty and p.kind in positional]
    return len(required) >= 2 or any(p.kind is p.VAR_POSITIONAL for p in parameters)


def with_training(layer: Any, constants: dict[str, Any], call: Call, bare: Container[str]) -> Any:
    """Take `training` out of a step's constant arguments; return what calls the layer with it.

    It has the layer's name, unless the layer stands in the graph itself or in another wrapper.
    """
    if "training" not in constants:
        return layer
    name = call.layer
    if isinstance(call.step.what, Reuse) or name in bare:
        given = next(tensor for tensor in call.gives if tensor != "_")
        name += f".{given.strip('#').replace('#', '_')}"
    return FixedTraining(layer, bool(constants.pop("training")), name=name)


def subject(step: Step) -> str:
    match step.what:
        case Reuse(name=name):
            return f"reuse: {name}"
        case Component(name=name):
            return name
        case _:
            return "model"


def given_help(arguments: Sequence[Any], keywords: Mapping[str, Any]) -> str | None:
    shapes = [_shapes(a) for a in arguments] + [f"{k}={_shapes(v)}" for k, v in keywords.items()]
    return f"the step is given {', '.join(shapes)}; None is the batch" if shapes else None


def _shapes(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_shapes(v) for v in value)}]"
    return "null" if value is None else str(tuple(value.shape))


def count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
