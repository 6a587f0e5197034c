"""keras.Model -> Body: every call of the graph, with the arguments that matter."""

import inspect
import re
from collections import Counter
from dataclasses import replace
from typing import Any

import keras
from keras.src.models.functional import Functional
from keras.src.utils.naming import to_snake_case

from kexp.errors import SpecError
from kexp.graph.calls import takes_positions
from kexp.graph.described import Describer
from kexp.graph.fixed import FixedTraining, unwrapped
from kexp.graph.learnt import holds_statistics, paths_of
from kexp.graph.links import Again, Body, Inlet, Link, Ref
from kexp.graph.naming import graph_of
from kexp.graph.opened import method_of_its_own, not_a_graph
from kexp.graph.operations import TENSOR, expression_of
from kexp.graph.order import Node, nodes_in_order
from kexp.graph.passing import holds_tensor, is_implied, is_tensor
from kexp.graph.tidying import tidied
from kexp.spec.types import Expr, Graph, Value, Weights


def read_model(model: keras.Model, policy: str, source: str) -> Body:
    """Return the graph of a Functional or Sequential model that is kept in the file `source`.

    Raises: SpecError (empty-model, not-a-graph, sparse-input, shared-layer, hidden-statistics, and those of
    objects and operations).
    """
    body = _Reader(policy, model, source).body(model)
    if not body.links:
        raise SpecError.because("empty-model", f"the model `{model.name}` has no layers")
    return body


class _Reader:
    def __init__(self, policy: str, model: keras.Model, source: str) -> None:
        self.model, self.source = model, source
        self.describer = Describer(policy, self.nested)
        self.numbers: dict[int, int] = {}
        self.kept: list[Any] = []
        self.homes: dict[int, keras.Model] = {}

    def number(self, value: Any) -> int:
        """Return the number of a tensor or layer."""
        if id(value) not in self.numbers:
            self.numbers[id(value)] = len(self.kept)
            self.kept.append(value)
        return self.numbers[id(value)]

    def body(self, model: keras.Model) -> Body:
        graph = _functional(model)
        if graph is None:
            return self._unbuilt(model)
        nodes = nodes_in_order(graph.inputs, graph.outputs)
        operations = [id(unwrapped(node.operation)) for node in nodes]
        calls = Counter(operations)
        links = [
            self._link(node, model, calls[operation] > 1, operation in operations[:index])
            for index, (node, operation) in enumerate(zip(nodes, operations, strict=True))
        ]
        struct = graph._outputs_struct
        keys = tuple(struct) if isinstance(struct, dict) and len(struct) == len(graph.outputs) else None
        outputs = tuple(self.number(tensor) for tensor in (struct.values() if keys else graph.outputs))
        inlets = tuple(self._inlet(tensor) for tensor in graph.inputs)
        if keys is None:
            outputs = self._told_apart(outputs, links)
        prefix = f"{model.name}_"  # some applications, and kexp's nested models, put it before every name
        links = [replace(link, name=link.name.removeprefix(prefix)) for link in links]
        inlets = tuple(replace(inlet, name=inlet.name.removeprefix(prefix)) for inlet in inlets)
        return tidied(Body(inlets, tuple(links), outputs, keys))

    def _told_apart(self, outputs: tuple[int, ...], links: list[Link]) -> tuple[int, ...]:
        """Give a tensor that is listed twice a second name."""
        distinct: list[int] = []
        for tensor in outputs:
            if tensor in distinct:
                again = self.number(object())
                links.append(Link(Expr(f"{TENSOR}0", (f"{TENSOR}0",)), (tensor,), (again,), name="same"))
                tensor = again
            distinct.append(tensor)
        return tuple(distinct)

    def _unbuilt(self, model: keras.Model) -> Body:
        """Read a Sequential that has not seen its input."""
        tensor = object()
        first = self.number(tensor)
        links = []
        for layer in model.layers:
            taken = self.number(tensor)
            tensor = object()
            links.append(replace(self._layer(layer), takes=(taken,), gives=(self.number(tensor),)))
        return Body((Inlet(first, "x"),), tuple(links), (self.number(tensor),))

    def nested(self, model: keras.Model) -> Graph:
        """Return a model that is an argument: a chain that learns its shape, or a graph with inputs."""
        body = self.body(model)
        return graph_of(replace(body, declares=not isinstance(model, keras.Sequential)), {})

    def _inlet(self, tensor: Any) -> Inlet:
        layer = tensor._keras_history.operation
        if getattr(layer, "sparse", False) or getattr(layer, "ragged", False):
            raise SpecError.because(
                "sparse-input", f"the input `{layer.name}` is sparse or ragged, and a spec's inputs are dense"
            )
        return Inlet(self.number(tensor), layer.name, tuple(tensor.shape[1:]), str(tensor.dtype))

    # ------------------------------------------------------------ one call

    def _link(self, node: Node, model: keras.Model, is_shared: bool, is_again: bool) -> Link:
        gives = tuple(self.number(tensor) for tensor in node.output_tensors)
        operation = unwrapped(node.operation)
        if not isinstance(operation, keras.Layer):
            expression, tensors = expression_of(node)
            return Link(expression, tuple(map(self.number, tensors)), gives, name=_given_name(operation))
        if self.homes.setdefault(id(operation), model) is not model:
            raise SpecError.because(
                "shared-layer",
                f"the layer `{operation.name}` is used inside a nested model and outside it",
                help="a nested model sees only its own layers: share the whole nested model instead",
            )
        link = Link(Again(), (), ()) if is_again else self._layer(operation)
        takes, keywords, constants = self._arguments(operation, node)
        constants |= _said_of_training(node)
        number = self.number(operation) if is_shared else -1
        if isinstance(link.what, Body):
            shapes = [tuple(tensor.shape[1:]) for tensor in node.input_tensors]
            fits = len(shapes) == 1 and link.what.inputs[0].shape in (shapes[0], None)
            link = replace(link, what=replace(link.what, declares=not fits))
        if not is_again and not isinstance(link.what, Body) and holds_statistics(operation):
            link = self._with_statistics(link, operation, node)
        link = replace(link, takes=takes, gives=gives, keywords=keywords, call=constants, layer=number)
        return replace(link, name=_given_name(operation))

    def _with_statistics(self, link: Link, layer: Any, node: Node) -> Link:
        """Let a layer that learns a mean and a variance do so, or take them from the model's file."""
        is_first = any(tensor is node.input_tensors[0] for tensor in self.model.inputs)
        if isinstance(layer, keras.layers.Normalization) and is_first:
            return replace(link, adapt=True)
        place = next((path for path, each in paths_of(self.model).items() if each is layer), None)
        if place is None:
            raise SpecError.because(
                "hidden-statistics",
                "a model inside it holds a mean and a variance that no spec can name",
                help="give its `Normalization` `mean` and `variance` as arguments, and save the model anew",
            )
        return replace(link, weights=Weights(self.source, place))

    def _layer(self, layer: Any) -> Link:
        trainable = False if not layer.trainable and layer.weights else None
        if isinstance(layer, (Functional, keras.Sequential)):
            body = self.body(layer)
            if trainable is False:
                body = replace(body, links=tuple(replace(link, trainable=None) for link in body.links))
            return Link(body, (), (), trainable=trainable, name=_given_name(layer))
        try:
            described = self.describer.describe(layer)
        except SpecError as error:
            raise SpecError(*(_about(diagnostic, layer.name) for diagnostic in error.diagnostics)) from None
        return Link(
            described.component, (), (), trainable=trainable, name=_given_name(layer), full=described.full
        )

    def _arguments(self, layer: Any, node: Node) -> tuple[tuple[Ref, ...], dict[str, Ref], dict[str, Value]]:
        """Return what a layer was called with: tensors by position, by name, and constants."""
        args, kwargs = list(node.arguments.args), dict(node.arguments.kwargs)
        if isinstance(layer, keras.Model):
            return tuple(self.number(t) for t in keras.tree.flatten(args[0])), {}, {}
        parameters = list(inspect.signature(layer.call).parameters.values())
        by_position = takes_positions(parameters)
        if len(args) > 1 and not (by_position and all(is_tensor(a) or a is None for a in args)):
            kwargs = {**dict(zip((p.name for p in parameters[1:]), args[1:], strict=False)), **kwargs}
            args = args[:1]
        defaults = {p.name: p.default for p in parameters}
        given = {k: v for k, v in kwargs.items() if k != "training" and v is not None}
        given = {k: v for k, v in given.items() if not is_implied(k, v, args, kwargs, parameters)}
        keywords = {k: self._ref(v) for k, v in given.items() if holds_tensor(v)}
        constants = {
            k: self.describer.value(v) for k, v in given.items() if k not in keywords and v != defaults.get(k)
        }
        takes = tuple(self._ref(argument) for argument in args)
        alone = takes[0] if len(takes) == 1 else None
        if isinstance(alone, tuple) and len(alone) > 1 and not by_position:
            takes = alone
        return takes, keywords, constants

    def _ref(self, value: Any) -> Ref:
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, (list, tuple)):
            return tuple(self._ref(item) for item in value)
        return None if value is None else self.number(value)


def _said_of_training(node: Node) -> dict[str, Value]:
    """Return the `training` that a call was given: its author meant it to hold, though `fit` overrides it.

    Source: keras 3.15 `Layer.__call__` writes down the default of the layer's `call` where none was given.
    """
    operation = node.operation
    if isinstance(operation, FixedTraining):
        return {"training": operation.training}
    said = node.arguments.kwargs.get("training")
    parameter = inspect.signature(operation.call).parameters.get("training")
    is_default = parameter is None or said == parameter.default
    return {} if is_default or not isinstance(said, bool) else {"training": said}


def _functional(model: keras.Model) -> Any:
    """Return the Functional inside a model; None for a Sequential that was never built."""
    own = method_of_its_own(model)
    if own is not None or not isinstance(model, (Functional, keras.Sequential)):
        raise not_a_graph(type(model).__name__, own or "call")
    return model._functional if isinstance(model, keras.Sequential) else model


def _given_name(operation: Any) -> str:
    """Return what its author called a layer; nothing for a name that Keras made from the class."""
    own = to_snake_case(type(operation).__name__)
    return "" if re.fullmatch(rf"{own}(_\d+)?", operation.name) else operation.name


def _about(diagnostic: Any, name: str) -> Any:
    return replace(diagnostic, message=f"the layer `{name}`: {diagnostic.message}")
