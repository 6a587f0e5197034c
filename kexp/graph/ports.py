"""The model's inputs and the data's: which is which, and of what shape."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from kexp.diagnostics import Diagnostic
from kexp.errors import SpecError
from kexp.graph.construct import Context, complaint, evaluate
from kexp.protocols import Column, DataInfo, TensorInfo
from kexp.spec.calls import names_of
from kexp.spec.types import Expr, Graph, Group, Port, Step


def match_ports(graph: Graph | None, info: DataInfo) -> tuple[Port, ...]:
    """Return the model's inputs in order, with the shapes the data gives where the spec gives none.

    Without inputs of its own a graph takes those of the data that its steps name, or all where they name
    none; a model class (`graph` None) takes all.

    Raises: SpecError (unknown-column, input-shape, text-input).
    """
    known = {tensor.name: tensor for tensor in info.inputs}
    if graph is None or graph.inputs is None:
        named = known.keys() & set(_names(graph.steps)) if graph is not None else set()
        taken = [tensor for tensor in info.inputs if tensor.name in named or not named]
        text = next((tensor.name for tensor in taken if tensor.dtype == "str"), None)
        if text is not None:
            raise _text_input(text)
        return tuple(Port(tensor.name, tensor.name, tensor.shape, "float32") for tensor in taken)
    alone = len(known) == len(graph.inputs) == 1
    ports = []
    for port in graph.inputs:
        tensor = info.inputs[0] if alone else known.get(port.column)
        if tensor is None:
            listed = ", ".join(f"`{name}`" for name in known)
            raise SpecError(
                Diagnostic(
                    "unknown-column",
                    f"the data has no input `{port.column}`",
                    f"model.inputs.{port.name}",
                    help=f"it has {listed}",
                )
            )
        ports.append(_fitted(replace(port, column=tensor.name), tensor))
    return tuple(ports)


def _names(steps: Sequence[Step]) -> Iterator[str]:
    """Yield every name that steps take."""
    for step in steps:
        yield from names_of(step.takes)
        if isinstance(step.what, Expr):
            yield from step.what.names
        elif isinstance(step.what, Group):
            yield from _names(step.what.steps)


def _fitted(port: Port, tensor: TensorInfo) -> Port:
    if tensor.dtype == "str":
        raise _text_input(port.name)
    if port.shape is None:
        return replace(port, shape=tensor.shape)
    given = tensor.shape or (1,)[: len(port.shape)]
    sizes = list(zip(port.shape, given, strict=False))
    clash = any(isinstance(a, int) and b is not None and a != b for a, b in sizes)
    if len(port.shape) != len(given) or clash:
        declared = [s if s is None or isinstance(s, int) else "…" for s in port.shape]
        raise SpecError(
            Diagnostic(
                "input-shape",
                f"the input `{port.name}` is declared as {declared}, and the data has {list(tensor.shape)}",
                f"model.inputs.{port.name}",
                help=f"declare `{port.name}: {list(tensor.shape)}`; a `Reshape` step changes the shape",
            )
        )
    return port


def _text_input(name: str) -> SpecError:
    return SpecError(
        Diagnostic(
            "text-input",
            f"the input `{name}` holds text, and Keras trains on numbers",
            f"model.inputs.{name}",
            help=f"make it numbers by `preprocess: {{{name}: [TextVectorization]}}` or `[StringLookup]`",
        )
    )


def shape_of(port: Port, context: Context) -> tuple[int | None, ...]:
    with complaint(f"model.inputs.{port.name}", None, port.name):
        return tuple(evaluate(size, context) for size in port.shape or ())


def in_shape(column: Column, port: Port) -> Column:
    """Give a column of single values the axis that a declared `[1]` has."""
    alone = len(column.shape) == 1 and port.shape is not None and len(port.shape) == 1
    return column[:][:, None] if alone else column
