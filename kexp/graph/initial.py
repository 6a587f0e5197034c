"""What a layer starts from: weights of a run or a file, and statistics adapted on the training split."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kexp.diagnostics import Diagnostic
from kexp.errors import NotFound, SpecError, did_you_mean
from kexp.graph.checkpoint import unpack
from kexp.graph.chunks import row_chunks
from kexp.graph.construct import complaint, keras_message
from kexp.graph.kinds import whole_numbers
from kexp.graph.learnt import paths_of
from kexp.graph.ports import in_shape
from kexp.graph.weights import finalize
from kexp.protocols import Column, Samples
from kexp.record.files import sha256_of
from kexp.record.rundir import RunDir
from kexp.spec.types import Port, Step


@dataclass(frozen=True, slots=True)
class Beginning:
    """A layer whose step says what it starts from; `port` is the model's input that it takes."""

    layer: Any
    step: Step
    port: Port | None


def begin_layers(beginnings: tuple[Beginning, ...], samples: Samples, folder: Path) -> None:
    """Load `weights` and run `adapt`, in the order of the steps.

    Raises: NotFound (weights-not-found), SpecError (bad-weights, unknown-layer-name, cannot-adapt).
    """
    for beginning in beginnings:
        if beginning.step.weights is not None:
            _load(beginning, folder)
        if beginning.step.adapt:
            _adapt(beginning, samples)


def _adapt(beginning: Beginning, samples: Samples) -> None:
    step, layer, port = beginning.step, beginning.layer, beginning.port
    path, name = f"{step.path}.adapt", type(layer).__name__
    if not hasattr(layer, "adapt"):
        help = "remove `adapt`: its weights are trained"
        raise SpecError(
            Diagnostic("cannot-adapt", f"`{name}` learns nothing from data alone", path, help=help)
        )
    if port is None:
        help = "`adapt` is for a layer on an input of the model"
        message = f"`{name}` takes no input of the model"
        raise SpecError(Diagnostic("cannot-adapt", message, path, help=help))
    if isinstance(layer, (keras.layers.StringLookup, keras.layers.TextVectorization)):
        message = f"`{name}` learns from text, which no input of a graph holds"
        help = f"put it before the model: `preprocess: {{{port.column}: [{name}]}}`"
        raise SpecError(Diagnostic("cannot-adapt", message, path, help=help))
    values = _numbers(in_shape(samples.inputs[port.column], port), layer, port.column, path)
    with complaint(path, step.key, name):
        layer.adapt(values)
    bins = len(layer.bin_boundaries) + 1 if isinstance(layer, keras.layers.Discretization) else None
    if bins is not None and bins < layer.num_bins:
        message = f"`{port.column}` has values for {bins} bins, and `num_bins` is {layer.num_bins}"
        raise SpecError(Diagnostic("too-few-values", message, path, help="ask for fewer bins"))


def _numbers(column: Column, layer: Any, name: str, path: str) -> Any:
    """Return what a layer learns from: an array whole, of any other column some rows at a time."""

    def fitted(array: Any) -> Any:
        is_lookup = isinstance(layer, keras.layers.IntegerLookup)
        return whole_numbers(array, name, "`IntegerLookup`", path) if is_lookup else array

    if isinstance(column, np.ndarray):
        return fitted(column)
    return (fitted(chunk[name]) for chunk in row_chunks({name: column}))


def learnt_layers(beginnings: tuple[Beginning, ...]) -> dict[str, Any]:
    """Return the layers that `adapt` changed, by name."""
    return {beginning.layer.name: beginning.layer for beginning in beginnings if beginning.step.adapt}


def _load(beginning: Beginning, folder: Path) -> None:
    step, layer = beginning.step, beginning.layer
    weights = step.weights
    assert weights is not None
    path, place = found_weights(step, folder), f"{step.path}.weights"
    arrays = _arrays(path, weights.layer or layer.name, place)
    try:
        _assign(layer, arrays)
    except ValueError as error:
        message = f"the weights in `{path.name}` do not fit `{layer.name}`"
        raise SpecError(Diagnostic("bad-weights", message, place, detail=keras_message(error))) from None


def found_weights(step: Step, folder: Path) -> Path:
    """Return the file that a step's weights come from.

    Raises: NotFound (weights-not-found).
    """
    assert step.weights is not None
    path = weights_file(folder / step.weights.source)
    if not path.is_file():
        message = f"there are no weights at `{path}`"
        help = "`weights` is a run directory, a .keras file or a .safetensors file"
        raise NotFound(Diagnostic("weights-not-found", message, f"{step.path}.weights", help=help))
    return path


def weights_file(path: Path) -> Path:
    """Return the file that holds the weights: a run's best checkpoint, or the path itself."""
    return RunDir(path).best_checkpoint or path


def weights_sha256(path: Path) -> str:
    return sha256_of(weights_file(path))


def _arrays(path: Path, name: str, place: str) -> list[Any]:
    """Return a layer's arrays from a checkpoint of kexp's, or from a model of Keras's."""
    if path.suffix == ".safetensors":
        found = unpack(path.read_bytes(), path.name)
        layers = {key.split("/")[1]: None for key in found if key.startswith("model/")}
        chosen = {key: array for key, array in found.items() if key.startswith(f"model/{name}/")}
        if not chosen:
            raise _no_layer(path, name, list(layers), place)
        return [chosen[key] for key in sorted(chosen, key=lambda key: int(key.rpartition("/")[2]))]
    with complaint(place, None, path.name):
        model = keras.models.load_model(path, compile=False, safe_mode=True)
    found_layers = paths_of(model)
    if name not in found_layers:
        raise _no_layer(path, name, list(found_layers), place)
    return [keras.ops.convert_to_numpy(variable) for variable in found_layers[name].variables]


def _no_layer(path: Path, name: str, known: list[str], place: str) -> SpecError:
    help = did_you_mean(name, known) or f"its layers are {', '.join(f'`{n}`' for n in known[:12])}"
    message = f"`{path.name}` holds no layer called `{name}`"
    return SpecError(
        Diagnostic(
            "unknown-layer-name", message, place, help=f"{help}; choose one by `{{from: …, layer: NAME}}`"
        )
    )


def _assign(layer: Any, arrays: list[Any]) -> None:
    variables = layer.variables
    if len(variables) != len(arrays):
        raise ValueError(f"the layer has {len(variables)} arrays, and the file {len(arrays)}")
    for variable, array in zip(variables, arrays, strict=True):
        if tuple(variable.shape) != tuple(array.shape):
            raise ValueError(
                f"an array has shape {tuple(array.shape)}, and the layer wants {tuple(variable.shape)}"
            )
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
    finalize(layer)
