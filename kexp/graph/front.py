"""The layers of `preprocess` put back in front of the model, so that raw values go in."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras.src.models import Functional

from kexp.graph.calls import name_operations
from kexp.graph.kinds import wants_whole
from kexp.graph.layer_state import LOOKUPS
from kexp.graph.preprocess import Preprocessing
from kexp.protocols import TensorInfo, Units
from kexp.spec.pipelines import is_entry, taken_names
from kexp.spec.types import Port


def with_front(
    model: keras.Model, ports: tuple[Port, ...], preprocessing: Preprocessing, units: Mapping[str, Units]
) -> keras.Model:
    """Return a model that takes the data's columns by name and gives values in the data's own units.

    `units` are by output. It is not compiled.

    Raises: SpecError (keras-refused) where a layer takes no symbolic tensor.
    """
    names = dict.fromkeys(column for port in ports for column in preprocessing.columns(port.column))
    raw = {tensor.name: tensor for tensor in preprocessing.raw.inputs if tensor.name in names}
    layers = {layer.name for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)}
    inputs = {name: _input(tensor, ports, preprocessing, layers) for name, tensor in raw.items()}
    taken = zip(ports, model.inputs, strict=True)
    given = [_seen(port, tensor, preprocessing, inputs) for port, tensor in taken]
    if isinstance(model, Functional):  # its layers one by one, so that no model stands in the model
        outputs = model._run_through_graph(given, operation_fn=lambda operation: operation)
    else:
        outputs = model(given[0] if len(given) == 1 else given)
    columns = list(inputs.values())
    results = _in_own_units(outputs, model, units)
    return keras.Model(columns[0] if len(columns) == 1 else columns, results, name=model.name)


def uncompiled(model: keras.Model) -> keras.Model:
    """Return the model without loss and metrics, which may be of kexp's own."""
    if not isinstance(model, Functional):
        return model
    return keras.Model(model._inputs_struct, model._outputs_struct, name=model.name)


def _input(tensor: TensorInfo, ports: Sequence[Port], preprocessing: Preprocessing, layers: set[str]) -> Any:
    """Return a raw input: text, whole numbers where only they will do, or what the data holds."""
    name = f"{tensor.name}_raw" if tensor.name in layers else tensor.name
    if tensor.dtype == "str":
        return keras.Input(tensor.shape or (1,), dtype="string", name=name)
    takers = [
        pipeline.layers[0]
        for entry, pipeline in preprocessing.pipelines.items()
        for column in taken_names(entry, preprocessing.pipelines)
        if column == tensor.name and not is_entry(column, entry, preprocessing.pipelines)
    ]
    port = next((port for port in ports if port.column == tensor.name and not takers), None)
    is_whole = bool(takers) and all(map(wants_whole, takers))
    dtype = port.dtype if port is not None else "int64" if is_whole else tensor.dtype
    return keras.Input(tensor.shape or (1,), dtype=dtype, name=name)


def _seen(port: Port, tensor: Any, preprocessing: Preprocessing, inputs: Mapping[str, Any]) -> Any:
    """Return what the model takes at a port, in its shape and dtype."""
    is_made = port.column in preprocessing.pipelines
    value = preprocessing.run(port.column, inputs) if is_made else inputs[port.column]
    if len(value.shape) != len(tensor.shape):
        value = keras.layers.Reshape(tuple(tensor.shape[1:]), name=f"{port.name}_reshaped")(value)
    last = preprocessing.layers[port.column][-1] if is_made else None
    if value.dtype == tensor.dtype and not isinstance(last, LOOKUPS):  # which say float32 and give int64
        return value
    numbers = keras.ops.cast(value, tensor.dtype)
    name_operations(numbers, [value], f"{port.name}_as_{tensor.dtype}")
    return numbers


def _in_own_units(outputs: Any, model: keras.Model, units: Mapping[str, Units]) -> Any:
    def back(output: Any, name: str) -> Any:
        if name not in units:
            return output
        scale, offset = (
            list(part) if len(part) > 1 else part[0] for part in (units[name].scale, units[name].offset)
        )
        return keras.layers.Rescaling(scale, offset, dtype="float32", name=f"{name}_in_own_units")(output)

    if isinstance(outputs, dict):
        return {name: back(output, name) for name, output in outputs.items()}
    if isinstance(outputs, (list, tuple)):
        return [back(output, name) for output, name in zip(outputs, model.output_names, strict=True)]
    return back(outputs, next(iter(units), ""))
