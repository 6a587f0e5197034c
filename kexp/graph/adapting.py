"""What the layers of `preprocess` learn from the training split, and what the model then sees."""

import json
from dataclasses import replace
from itertools import chain
from typing import Any

import keras
import numpy as np
from keras.src.random.seed_generator import SeedGenerator

from kexp.diagnostics import Diagnostic
from kexp.errors import DataError, SpecError
from kexp.graph.chunks import row_chunks
from kexp.graph.construct import complaint
from kexp.graph.layer_state import LOOKUPS, learns, state_of, vocabulary_size
from kexp.graph.preprocess import Preprocessing
from kexp.graph.units import units_of
from kexp.protocols import Column, DataInfo, Samples, TensorInfo
from kexp.spec.types import Component


def adapt(preprocessing: Preprocessing, train: Samples) -> None:
    """Let every layer that can learn do so, from the training split alone.

    Raises: SpecError (keras-refused, free-length, random-layer), DataError (empty-vocabulary, not-whole, …).
    """
    for entry in preprocessing.in_order:
        pipeline, layers = preprocessing.pipelines[entry], preprocessing.layers[entry]
        for index, (component, layer) in enumerate(zip(pipeline.layers, layers, strict=True)):
            if learns(component, layer):
                columns = source_columns(preprocessing, entry, train)
                chunks = (preprocessing.run(entry, chunk, index) for chunk in row_chunks(columns))
                first, second = next(chunks), next(chunks, None)
                with complaint(component.path, component.span, component.name):
                    layer.adapt(first if second is None else chain([first, second], chunks))
            _check(preprocessing, entry, index, train)


def source_columns(preprocessing: Preprocessing, entry: str, samples: Samples) -> dict[str, Column]:
    """Return the columns of samples that an entry is made of."""
    held = samples.targets if entry in preprocessing.targets else samples.inputs
    return {name: held[name] for name in preprocessing.columns(entry)}


def settings_of(preprocessing: Preprocessing, entry: str) -> str | None:
    """Return all that an entry's values depend on besides its columns; None with code of the user's own."""
    found: list[Any] = [keras.__version__]
    for name in preprocessing.entries(entry):
        for component, layer in zip(
            preprocessing.pipelines[name].layers, preprocessing.layers[name], strict=True
        ):
            if component.is_custom:
                return None
            state = state_of(layer) if hasattr(layer, "adapt") else {}
            found.append([name, component.name, layer.get_config(), state])
    try:
        return json.dumps(found)
    except TypeError:  # a function or array among the arguments
        return None


# ---------------------------------------------------------------- what cannot be prepared


def _check(preprocessing: Preprocessing, entry: str, index: int, train: Samples) -> None:
    component, layer = preprocessing.pipelines[entry].layers[index], preprocessing.layers[entry][index]
    if isinstance(layer, LOOKUPS) and not layer.get_vocabulary(include_special_tokens=False):
        message = f"`{entry}` holds nothing in the training split to make a vocabulary of"
        raise DataError(Diagnostic("empty-vocabulary", message, component.path, component.span))
    if isinstance(layer, keras.layers.TextVectorization) and _is_of_free_length(component):
        raise _free_length(preprocessing, entry, index, train)
    if isinstance(layer, keras.Layer) and _is_random(layer):
        message = f"`{component.name}` draws random numbers, and `preprocess` runs once on all data"
        help = "put it under `augment`"
        raise SpecError(Diagnostic("random-layer", message, component.path, component.span, help=help))


def _is_random(layer: keras.Layer) -> bool:
    return any(isinstance(v, SeedGenerator) for part in layer._flatten_layers() for v in vars(part).values())


def _is_of_free_length(component: Component) -> bool:
    options = component.options or {}
    splits = options.get("split", "whitespace") is not None
    is_int = options.get("output_mode", "int") == "int"
    return splits and is_int and options.get("output_sequence_length") is None


def _free_length(preprocessing: Preprocessing, entry: str, index: int, train: Samples) -> SpecError:
    component = preprocessing.pipelines[entry].layers[index]
    chunks = row_chunks(source_columns(preprocessing, entry, train))
    numbers = (np.asarray(preprocessing.run(entry, chunk, index + 1)) for chunk in chunks)
    lengths = np.concatenate([np.count_nonzero(array, axis=-1).reshape(-1) for array in numbers])
    usual = int(np.ceil(np.quantile(lengths, 0.95)))
    return SpecError(
        Diagnostic(
            "free-length",
            f"`{component.name}` makes rows of different lengths, and an input of the model has one",
            component.path,
            component.span,
            help=f"add `output_sequence_length: {usual}`: 95% of the training texts are no longer",
        )
    )


# ---------------------------------------------------------------- what the model sees


def described(preprocessing: Preprocessing, declared: set[str], train: Samples) -> DataInfo:
    """Return what the data is like after all layers; `declared` are the columns that the model names itself.

    Raises: SpecError (layer-with-weights, target-not-restored, target-of-classes, not-an-array, still-text).
    """
    raw, targets = preprocessing.raw, preprocessing.targets
    entries = [entry for entry in preprocessing.pipelines if entry not in targets]
    units = {target: _units(preprocessing, target) for target in targets}
    made = {entry: _tensor(preprocessing, entry, train) for entry in preprocessing.pipelines}
    _check_weights(preprocessing)
    taken = {column for entry in entries for column in preprocessing.columns(entry)} - declared
    kept = [tensor for tensor in raw.inputs if tensor.name not in entries and tensor.name not in taken]
    sizes = {entry: _vocabulary_size(preprocessing.layers[entry]) for entry in entries}
    return replace(
        raw,
        inputs=(*kept, *(made[entry] for entry in entries)),
        targets=tuple(
            made.get(tensor.name, tensor) if tensor.name in targets else tensor for tensor in raw.targets
        ),
        num_classes={name: number for name, number in raw.num_classes.items() if name not in targets},
        vocabulary_sizes={entry: size for entry, size in sizes.items() if size is not None},
        units=units,
    )


def _tensor(preprocessing: Preprocessing, entry: str, train: Samples) -> TensorInfo:
    columns = source_columns(preprocessing, entry, train)
    array = preprocessing.compute(entry, {name: np.asarray(column[:2]) for name, column in columns.items()})
    return TensorInfo(entry, array.shape[1:], array.dtype.name)


def _check_weights(preprocessing: Preprocessing) -> None:
    for entry, layers in preprocessing.layers.items():
        for component, layer in zip(preprocessing.pipelines[entry].layers, layers, strict=True):
            if isinstance(layer, keras.Layer) and layer.trainable_weights:
                message = f"`{component.name}` has weights to train, and nothing is trained in `preprocess`"
                help = "put it into `model`"
                raise SpecError(
                    Diagnostic("layer-with-weights", message, component.path, component.span, help=help)
                )


def _units(preprocessing: Preprocessing, target: str) -> Any:
    if target in preprocessing.raw.classes:
        message = f"the target `{target}` holds classes, which are numbered by themselves"
        raise SpecError(
            Diagnostic("target-of-classes", message, f"preprocess.{target}", help="leave the entry out")
        )
    return units_of(target, preprocessing.pipelines[target].layers, preprocessing.layers[target])


def _vocabulary_size(layers: tuple[Any, ...]) -> int | None:
    """Return how many numbers the last of the layers that number things gives."""
    sizes = [size for layer in layers if (size := vocabulary_size(layer)) is not None]
    return sizes[-1] if sizes else None
