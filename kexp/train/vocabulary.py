"""Embeddings compared with the numbers that the data gives them."""

from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np

from kexp.data.load import Datasets
from kexp.diagnostics import Diagnostic
from kexp.errors import SpecError
from kexp.graph.assemble import Assembly
from kexp.protocols import Column
from kexp.spec.scopes import View
from kexp.spec.types import Experiment, Step
from kexp.spec.wiring import wire


def check_vocabulary(experiment: Experiment, assembly: Assembly, datasets: Datasets) -> None:
    """Refuse an embedding that is given a number it has no row for; what is read row by row is not looked at.

    Raises: SpecError (vocabulary-too-small).
    """
    if experiment.graph is None:
        return
    steps = _steps(experiment, assembly)
    faults = []
    for layer, port in _fed_embeddings(assembly):
        columns = (samples.inputs[port.column] for samples in datasets.splits.values())
        odd = [number for column in columns for number in _outside(column, layer.input_dim)]
        if odd and layer.name in steps:
            faults.append(_fault(steps[layer.name], layer.input_dim, port.name, max(odd, key=abs)))
    if faults:
        raise SpecError(*faults)


def _outside(column: Column, input_dim: int) -> list[int]:
    """Return the least and the most of a column, where an embedding has no row for them."""
    if not isinstance(column, np.ndarray):
        return []
    return [int(end) for end in (column.min(), column.max()) if not 0 <= end < input_dim]


def _steps(experiment: Experiment, assembly: Assembly) -> Mapping[str, Step]:
    """Return the model's steps by the names of their layers."""
    assert experiment.graph is not None
    names = [port.name for port in assembly.ports]
    view = View({}, dict(assembly.context.values))
    wiring = wire(experiment.graph, names, blocks=experiment.blocks, view=view)
    return {call.layer: call.step for call in reversed(wiring.calls)}


def _fed_embeddings(assembly: Assembly) -> Iterator[tuple[Any, Any]]:
    """Yield every embedding that takes an input of the model as it is, with that input."""
    ports = {port.name: port for port in assembly.ports}
    for layer in assembly.model.layers:
        for node in layer._inbound_nodes if isinstance(layer, keras.layers.Embedding) else ():
            origin = node.input_tensors[0]._keras_history.operation
            if isinstance(origin, keras.layers.InputLayer) and origin.name in ports:
                yield layer, ports[origin.name]


def _fault(step: Step, input_dim: int, port: str, found: int) -> Diagnostic:
    message = f"`Embedding` knows the numbers 0 to {input_dim - 1:,}, and the input `{port}` holds {found:,}"
    help = f"write `input_dim: {found + 1}`" if found > 0 else "number what the data holds from 0"
    return Diagnostic("vocabulary-too-small", message, f"{step.path}.input_dim", help=help)
