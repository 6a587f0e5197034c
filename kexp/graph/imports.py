"""keras.Model -> the experiment that builds an equal graph."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

import keras

from kexp.graph.folding import fold
from kexp.graph.naming import block_of, graph_of
from kexp.graph.opened import Opened
from kexp.graph.reading import read_model
from kexp.graph.training import placeholder, training_of
from kexp.spec.types import Block, Data, Experiment, Graph, Runtime, Value

_PRECISIONS = ("float16", "bfloat16", "float64", "mixed_float16", "mixed_bfloat16")


@dataclass(frozen=True, slots=True)
class Imported:
    """An experiment whose data is a placeholder, and its training too unless `is_compiled`."""

    experiment: Experiment
    is_compiled: bool


def spec_of(model: keras.Model, policy: str, source: str) -> tuple[Graph, dict[str, Block]]:
    """Return the graph of a model and the blocks it uses; `policy` is the precision that needs no mention.

    `source` is the model's file, from which layers that hold statistics are to take them.

    Raises: SpecError, what `read_model` raises.
    """
    body = read_model(model, policy, source)
    body, blocks = fold(replace(body, declares=body.inputs[0].shape is not None))
    return graph_of(body, blocks), {name: block_of(block, blocks) for name, block in blocks.items()}


def experiment_of(opened: Opened, name: str, source: str) -> Imported:
    """Return a whole experiment around a model that is kept in the file `source`.

    Raises: SpecError, what `spec_of` raises.
    """
    model = opened.model
    policy = _precision(model)
    with keras.saving.custom_object_scope(dict(opened.own)):
        graph, blocks = spec_of(model, policy, source)
        outputs = graph.outputs if graph.outputs is not None else ()
        names = list(outputs) if len(outputs) > 1 or isinstance(outputs, Mapping) else []
        training = training_of(opened.compiled, model, names)
    options: dict[str, Value] = {"path": "data.npz"}
    if graph.inputs is not None and len(graph.inputs) > 1:
        options["x"] = tuple(port.name for port in graph.inputs)
    if names:
        options["y"] = tuple(names)
    experiment = Experiment(
        Data("npz", options),
        graph,
        training or placeholder(model, names),
        blocks,
        name=name,
        runtime=Runtime(precision=policy),
    )
    return Imported(experiment, training is not None)


def _precision(model: keras.Model) -> str:
    """Return the precision of most layers."""
    layers = (layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer))
    counts = Counter(layer.dtype_policy.name for layer in layers)
    usual = counts.most_common(1)[0][0] if counts else "float32"
    return usual if usual in _PRECISIONS else "float32"
