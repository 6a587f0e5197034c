"""Graph -> keras Functional model, step by step as `spec.wiring` resolved it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras

from kexp.diagnostics import Diagnostic
from kexp.errors import SpecError
from kexp.graph.calls import (
    count,
    freeze,
    given_help,
    name_operations,
    spread,
    static_size,
    subject,
    with_inner_outputs,
    with_training,
)
from kexp.graph.construct import Context, complaint, construct, evaluate
from kexp.graph.initial import Beginning
from kexp.graph.limits import operation
from kexp.graph.portable import check_step, check_traceable
from kexp.graph.ports import match_ports, shape_of
from kexp.protocols import DataInfo
from kexp.spec.expression import compute_expression
from kexp.spec.scopes import Bound, View
from kexp.spec.types import (
    Block,
    Component,
    Experiment,
    Expr,
    Formula,
    Graph,
    Operand,
    Operands,
    Port,
    Reuse,
    Step,
)
from kexp.spec.wiring import Call, Fault, output_names, wire


@dataclass(frozen=True, slots=True)
class Built:
    """A model, and the layers that start from more than their initializers."""

    model: keras.Model
    beginnings: tuple[Beginning, ...] = ()


def build_model(experiment: Experiment, info: DataInfo, context: Context) -> Built:
    """Return the model, not yet compiled; every layer has its name from the spec.

    Raises: SpecError (input-shape, unknown-column, keras-refused, wrong-inputs, wrong-outputs), at the step.
    """
    graph = experiment.model
    if isinstance(graph, Component):
        return Built(build_class(graph, experiment, info, context))
    ports = match_ports(graph, info)
    tensors = {}
    for port in ports:
        shape = shape_of(port, context)
        with complaint(f"model.inputs.{port.name}", None, port.name):
            tensors[port.name] = keras.Input(shape=shape, dtype=port.dtype, name=port.name)
    builder = _Builder(context, experiment.blocks)
    model = builder.model(graph, tensors, _model_name(experiment.name))
    _name_outputs(model, graph)
    known = {port.name: port for port in ports}
    beginnings = (Beginning(layer, step, known.get(tensor)) for layer, step, tensor in builder.beginnings)
    return Built(model, tuple(beginnings))


def build_class(
    component: Component, experiment: Experiment, info: DataInfo, context: Context
) -> keras.Model:
    """Construct a model class of the user's own, which receives its graphs built.

    Raises: SpecError (not-a-model, and those of construction).
    """
    builder = _Builder(context, experiment.blocks)
    model = construct(component, builder.within(View({}, dict(context.values))), _model_name(experiment.name))
    if not isinstance(model, keras.Model):
        message = f"`{component.name}` gives {type(model).__name__}, and a keras.Model is expected"
        raise SpecError(Diagnostic("not-a-model", message, component.path, component.span))
    check_step(model, component)
    if not model.built and type(model).call is not keras.Model.call:
        arrays = [keras.ops.zeros((1, *(size or 1 for size in t.shape)), t.dtype) for t in info.inputs]
        with complaint(component.path, component.span, component.name):
            model(arrays[0] if len(arrays) == 1 else arrays)
    return model


def _model_name(name: str) -> str:
    """Return the name in the letters that TensorFlow's scopes take."""
    return (
        "".join(c if c.isascii() and (c.isalnum() or c in "_-.") else "_" for c in name).lstrip("_-")
        or "model"
    )


def _name_outputs(model: keras.Model, graph: Graph) -> None:
    """Let `loss` and `metrics` know list outputs by the spec's names. Source: keras 3.15 `Functional`."""
    names = output_names(graph)
    if names is not None and not isinstance(graph.outputs, Mapping):
        model.output_names = list(names)


def output_tensors(model: keras.Model) -> dict[str, Any]:
    """Return the outputs by the names that `loss` and `metrics` know them by."""
    structure = getattr(model, "_outputs_struct", {})
    if isinstance(structure, dict):
        return dict(structure)
    return dict(zip(model.output_names, model.outputs, strict=True))


class _Values(Mapping[str, Any]):
    """A view's values; a block's argument is computed where it was given, when it is asked for."""

    def __init__(self, view: View, builder: "_Builder") -> None:
        self.view, self.builder = view, builder

    def __getitem__(self, name: str) -> Any:
        value = self.view.values[name]
        return evaluate(value.value, self.builder.within(value.view)) if isinstance(value, Bound) else value

    def __iter__(self) -> Iterator[str]:
        return iter(self.view.values)

    def __len__(self) -> int:
        return len(self.view.values)


class _Builder:
    """Builds graphs within one context; nested models recurse. Tensors are kept by their ids."""

    def __init__(self, context: Context, blocks: Mapping[str, Block]) -> None:
        self.context, self.blocks = context, blocks
        self.tensors: dict[str, Any] = {}
        self.beginnings: list[tuple[Any, Step, str]] = []

    def within(self, view: View) -> Context:
        """Return the context in which a step's values are computed."""

        def dim(name: str, axis: int = -1) -> int:
            return static_size(name, self.tensors.get(view.names.get(name, "")), axis)

        def nest(graph: Graph, name: str) -> Any:
            return self._nested_argument(graph, name, view)

        functions = {**self.context.functions, "dim": dim}
        return replace(self.context, values=_Values(view, self), functions=functions, nest=nest)

    def model(
        self, graph: Graph, inputs: Mapping[str, Any], name: str, scope: str = "", view: View | None = None
    ) -> keras.Model:
        """Build a graph over named input tensors."""
        around = view or View({}, dict(self.context.values))
        wiring = wire(graph, list(inputs), scope, self.blocks, around)
        if wiring.faults:
            raise SpecError(*(_diagnostic(graph, fault) for fault in wiring.faults))
        self.tensors.update({scope + port: tensor for port, tensor in inputs.items()})
        layers: dict[str, Any] = {}
        bare = {call.layer for call in wiring.calls if "training" not in call.step.call}
        for call in wiring.calls:
            self._step(call, layers, bare)
        outputs = self._outputs(wiring.outputs)
        given = list(inputs.values())
        with complaint(graph.path or "model", None, name):
            return keras.Model(given[0] if len(given) == 1 else given, outputs, name=name)

    def _step(self, call: Call, layers: dict[str, Any], bare: set[str]) -> None:
        """Make a layer, or take it from `layers`, and call it; `bare` are those called without a wrapper."""
        step = call.step
        if isinstance(step.what, Expr):
            self._express(call, step.what)
            return
        context = self.within(call.view)
        arguments, keywords = self._arguments(call.takes)
        with self.context.seeded(call.layer):
            layer = layers.get(call.layer) if isinstance(step.what, Reuse) else None
            if layer is None:
                layer = layers[call.layer] = self._layer(call, arguments, context)
                layer = layers[call.layer] = with_inner_outputs(layer, step)
            with complaint(step.path, step.key, subject(step), given_help(arguments, keywords)):
                constants = {key: evaluate(value, context) for key, value in step.call.items()}
                called = with_training(layer, constants, call, bare)
                result = called(*spread(layer, arguments), **keywords, **constants)
        check_traceable(layer, step)
        freeze(layer, step)
        if step.weights is not None or step.adapt:
            self.beginnings.append((layer, step, str(call.takes.positional[0])))
        self._keep(call, result)

    def _express(self, call: Call, expression: Expr) -> None:
        """Compute an expression; its nodes are named after the step, whatever the process built before."""
        given = [self._operand(operand) for operand in call.takes.positional]
        step, context = call.step, self.within(call.view)
        with complaint(step.path, step.key, "expr", given_help(given, {})):
            names = (str(evaluate(Formula(name), context)) for name in expression.names)
            text = str(evaluate(Formula(expression.text), context))
            tensors = dict(zip(names, given, strict=True))
            result = compute_expression(text, tensors, operation)
        name_operations(result, given, call.layer)
        self._keep(call, result)

    def _layer(self, call: Call, arguments: Sequence[Any], context: Context) -> Any:
        what = call.step.what
        if isinstance(what, Graph):
            return self._nested(what, call, arguments)
        assert isinstance(what, Component)
        options = what.options or {}
        if what.namespace == "applications" and not {"input_shape", "input_tensor"}.intersection(options):
            shape = tuple(arguments[0].shape[1:])
            what = replace(what, options={**options, "input_shape": shape})
        return construct(what, context, call.layer)

    def _nested(self, graph: Graph, call: Call, arguments: Sequence[Any]) -> keras.Model:
        """Build a nested model on the shapes of what comes in."""
        name, context = call.layer, self.within(call.view)
        ports = graph.inputs or (Port("input", "input"),)
        inputs = {}
        for port, tensor in zip(ports, arguments, strict=True):
            shape = shape_of(port, context) if port.shape is not None else tensor.shape[1:]
            inputs[port.name] = keras.Input(shape=shape, dtype=tensor.dtype, name=f"{name}_{port.name}")
        return self.model(graph, inputs, name, f"{name}_", View({}, call.view.values))

    def _nested_argument(self, graph: Graph, name: str, view: View) -> keras.Model:
        """Build a graph that is an argument: on its declared inputs, or a chain that learns its shape."""
        context = self.within(view)
        if graph.inputs is not None and all(port.shape is not None for port in graph.inputs):
            inputs = {
                port.name: keras.Input(shape_of(port, context), dtype=port.dtype, name=f"{name}_{port.name}")
                for port in graph.inputs
            }
            return self.model(graph, inputs, name, f"{name}_", View({}, view.values))
        wiring = wire(graph, ["input"], f"{name}_", self.blocks, View({}, view.values))
        layers = []
        for call in wiring.calls:
            step = call.step
            is_plain = not (step.takes or step.call or step.outputs_of)
            if not is_plain or not isinstance(step.what, Component) or wiring.faults:
                raise SpecError(
                    Diagnostic(
                        "nested-chain",
                        "a graph inside a wrapper is a plain chain of layers",
                        step.path,
                        step.key,
                    )
                )
            with self.context.seeded(call.layer):
                layer = construct(step.what, self.within(call.view), call.layer)
            freeze(layer, step)
            if step.weights is not None or step.adapt:
                self.beginnings.append((layer, step, ""))
            layers.append(layer)
        return keras.Sequential(layers, name=name)

    def _arguments(self, takes: Operands) -> tuple[list[Any], dict[str, Any]]:
        positional = [self._operand(operand) for operand in takes.positional]
        return positional, {name: self._operand(operand) for name, operand in takes.keywords.items()}

    def _operand(self, operand: Operand) -> Any:
        if isinstance(operand, tuple):
            return [self._operand(o) for o in operand]
        return None if operand is None else self.tensors[operand]

    def _keep(self, call: Call, result: Any) -> None:
        """Name what the layer gave."""
        results = list(result) if isinstance(result, (list, tuple)) else [result]
        if isinstance(result, dict):
            results = list(result.values())
        if len(results) != len(call.gives):
            given = len(call.step.gives)
            named = {0: "names none", 1: "names one"}.get(given, f"names {given}")
            raise SpecError(
                Diagnostic(
                    "wrong-outputs",
                    f"`{subject(call.step)}` has {count(len(results), 'output')}, and the step {named}",
                    call.step.path,
                    call.step.key,
                    help=f"name each output: `-> {', '.join('abcdefgh'[: len(results)])}`; `_` ignores one",
                )
            )
        self.tensors.update(zip(call.gives, results, strict=True))

    def _outputs(self, outputs: tuple[str, ...] | Mapping[str, str]) -> Any:
        if isinstance(outputs, Mapping):
            return {key: self.tensors[name] for key, name in outputs.items()}
        tensors = [self.tensors[name] for name in outputs]
        return tensors[0] if len(tensors) == 1 else tensors


def _diagnostic(graph: Graph, fault: Fault) -> Diagnostic:
    path = fault.path if fault.step else f"{graph.path}.outputs"
    span = fault.span or (fault.step.key if fault.step else None)
    return Diagnostic(fault.id, fault.message, path, span, help=fault.help)
