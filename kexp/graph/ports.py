"""The model's inputs and the data's: which is which, and of what shape."""

from dataclasses import replace

from kexp.diagnostics import Diagnostic
from kexp.errors import SpecError
from kexp.graph.construct import Context, complaint, evaluate
from kexp.protocols import Column, DataInfo, TensorInfo
from kexp.spec.types import Graph, Port


def match_ports(graph: Graph | None, info: DataInfo) -> tuple[Port, ...]:
    """Return the model's inputs in order, with the shapes the data gives where the spec gives none.

    A model class (`graph` None) takes all of the data's inputs.

    Raises: SpecError (unknown-column, input-shape).
    """
    known = {tensor.name: tensor for tensor in info.inputs}
    if graph is None or graph.inputs is None:
        text = next((t.name for t in info.inputs if t.dtype == "str"), None)
        if text is not None:
            raise _text_input(text)
        return tuple(Port(t.name, t.name, t.shape, "float32") for t in info.inputs)
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
            help="leave the column out with `ignore`, or make it numbers in a data function: `file.py:load`",
        )
    )


def shape_of(port: Port, context: Context) -> tuple[int | None, ...]:
    with complaint(f"model.inputs.{port.name}", None, port.name):
        return tuple(evaluate(size, context) for size in port.shape or ())


def in_shape(column: Column, port: Port) -> Column:
    """Give a column of single values the axis that a declared `[1]` has."""
    alone = len(column.shape) == 1 and port.shape is not None and len(port.shape) == 1
    return column[:][:, None] if alone else column
