"""What a layer starts from: weights of a run or a file, and statistics adapted on the training split."""

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kexp.diagnostics import Diagnostic
from kexp.errors import KexpError, NotFound, SpecError, did_you_mean
from kexp.graph.checkpoint import open_checkpoint
from kexp.graph.chunks import row_chunks
from kexp.graph.construct import complaint, keras_message
from kexp.graph.kinds import whole_numbers
from kexp.graph.learnt import paths_of
from kexp.graph.opened import open_keras_file
from kexp.graph.ports import in_shape
from kexp.graph.weights import finalize
from kexp.protocols import Column
from kexp.record.files import sha256_of
from kexp.record.rundir import RunDir
from kexp.record.trash import once_at
from kexp.spec.types import Port, Step


@dataclass(frozen=True, slots=True)
class Beginning:
    """A layer whose step says what it starts from; `port` is the model's input that it takes."""

    layer: Any
    step: Step
    port: Port | None


def begin_layers(beginnings: tuple[Beginning, ...], inputs: Mapping[str, Column], folder: Path) -> None:
    """Load `weights` and run `adapt` on the training split's inputs, in the order of the steps.

    Raises: NotFound (weights-not-found), SpecError (bad-weights, unknown-layer-name, cannot-adapt), what
        `open_checkpoint` and `open_keras_file` raise.
    """
    for beginning in beginnings:
        if beginning.step.weights is not None:
            _load(beginning, folder)
        if beginning.step.adapt:
            _adapt(beginning, inputs)


def _adapt(beginning: Beginning, inputs: Mapping[str, Column]) -> None:
    step, layer, port = beginning.step, beginning.layer, beginning.port
    path, name = f"{step.path}.adapt", type(layer).__name__
    if not hasattr(layer, "adapt"):
        message, help = f"`{name}` learns nothing from data alone", "remove `adapt`: its weights are trained"
        raise _not_adapted(step, "cannot-adapt", message, help)
    if port is None:
        help = "`adapt` is for a layer on an input of the model"
        raise _not_adapted(step, "cannot-adapt", f"`{name}` takes no input of the model", help)
    if isinstance(layer, (keras.layers.StringLookup, keras.layers.TextVectorization)):
        message = f"`{name}` learns from text, which no input of a graph holds"
        help = f"put it before the model: `preprocess: {{{port.column}: [{name}]}}`"
        raise _not_adapted(step, "cannot-adapt", message, help)
    values = _numbers(in_shape(inputs[port.column], port), layer, port.column, path)
    with complaint(path, step.key, name):
        layer.adapt(values)
    bins = len(layer.bin_boundaries) + 1 if isinstance(layer, keras.layers.Discretization) else None
    if bins is not None and bins < layer.num_bins:
        message = f"`{port.column}` has values for {bins} bins, and `num_bins` is {layer.num_bins}"
        raise _not_adapted(step, "too-few-values", message, "ask for fewer bins")


def _not_adapted(step: Step, id: str, message: str, help: str) -> SpecError:
    return SpecError(Diagnostic(id, message, f"{step.path}.adapt", help=help))


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
    opened = _in_checkpoint if path.suffix == ".safetensors" else _in_model
    try:
        with _said_not_adapted(place), opened(path, weights.layer or layer.name, place) as held:
            _check_fit(layer, held.shapes)
            for variable, array in zip(layer.variables, held.arrays, strict=True):
                variable.assign(array)
    except ValueError as error:
        message = f"the weights in `{path.name}` do not fit `{layer.name}`"
        raise SpecError(Diagnostic("bad-weights", message, place, detail=keras_message(error))) from None
    finalize(layer)


def found_weights(step: Step, folder: Path) -> Path:
    """Return the file that a step's weights come from.

    Raises: NotFound (weights-not-found).
    """
    assert step.weights is not None
    path = weights_file(folder / step.weights.source)
    if not path.is_file():
        message = f"there are no weights at `{path}`"
        help = "`weights` is a run directory, a .keras file or a .safetensors file"
        if (run := once_at(path)) is not None:
            runs = shlex.quote(str(run.path.parent.parent))
            help = f"that run is in the trash: `kexp restore --runs {runs} {run.id}` brings it back"
        raise NotFound(Diagnostic("weights-not-found", message, f"{step.path}.weights", help=help))
    return path


def weights_file(path: Path) -> Path:
    """Return the file that holds the weights: a run's best checkpoint, or the path itself."""
    return RunDir(path).best_checkpoint or path


def weights_sha256(path: Path) -> str:
    return sha256_of(weights_file(path))


@dataclass(frozen=True, slots=True)
class _Held:
    """What a file holds of one layer; the arrays are read one by one."""

    shapes: list[tuple[int, ...]]
    arrays: Iterator[Any]


@contextmanager
def _in_checkpoint(path: Path, name: str, place: str) -> Iterator[_Held]:
    with open_checkpoint(path.resolve()) as checkpoint:
        keys = [key for key in checkpoint.places if key.startswith(f"model/{name}/")]
        if not keys:
            layers = {key.split("/")[1]: None for key in checkpoint.places if key.startswith("model/")}
            raise _no_layer(path, name, list(layers), place)
        keys.sort(key=lambda key: (len(key), key))
        yield _Held([checkpoint.places[key].shape for key in keys], map(checkpoint.array, keys))


@contextmanager
def _in_model(path: Path, name: str, place: str) -> Iterator[_Held]:
    layers = paths_of(open_keras_file(path).model)
    if name not in layers:
        raise _no_layer(path, name, list(layers), place)
    variables = layers[name].variables
    arrays = map(keras.ops.convert_to_numpy, variables)
    yield _Held([tuple(variable.shape) for variable in variables], arrays)


_HELP = {
    "checkpoint-corrupt": "copy the file anew, or name another one",
    **dict.fromkeys(
        ("not-a-graph", "unknown-class", "unknown-function"),
        "take the weights from a run of kexp's, or from a model of Keras's own layers",
    ),
}
"""By diagnostic: the way out where a layer's weights are wanted, and not the model."""


@contextmanager
def _said_not_adapted(place: str) -> Iterator[None]:
    """Let what is wrong with a file of weights be said where the spec names it."""
    try:
        yield
    except KexpError as error:
        raise error.with_diagnostics(
            replace(fault, path=place, help=_HELP.get(fault.id, fault.help)) for fault in error.diagnostics
        ) from None


def _no_layer(path: Path, name: str, known: list[str], place: str) -> SpecError:
    help = did_you_mean(name, known) or f"its layers are {', '.join(f'`{n}`' for n in known[:12])}"
    message = f"`{path.name}` holds no layer called `{name}`"
    return SpecError(
        Diagnostic(
            "unknown-layer-name", message, place, help=f"{help}; choose one by `{{from: …, layer: NAME}}`"
        )
    )


def _check_fit(layer: Any, shapes: list[tuple[int, ...]]) -> None:
    variables = layer.variables
    if len(variables) != len(shapes):
        raise ValueError(f"the layer has {len(variables)} arrays, and the file {len(shapes)}")
    for variable, shape in zip(variables, shapes, strict=True):
        if tuple(variable.shape) != shape:
            raise ValueError(f"an array has shape {shape}, and the layer wants {tuple(variable.shape)}")
