"""What a layer learnt from data <-> plain JSON that people can read: vocabularies, means, bin edges."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from kexp.spec.types import Component

LOOKUPS = (keras.layers.StringLookup, keras.layers.IntegerLookup, keras.layers.TextVectorization)
_GIVEN = ("vocabulary", "mean", "bin_boundaries")
"""Arguments by which a layer is told what it would learn."""


def learns(component: Component, layer: Any) -> bool:
    """Tell whether a layer is to be adapted: it can be, and was not told what it would learn."""
    options = component.options or {}
    return hasattr(layer, "adapt") and all(options.get(name) is None for name in _GIVEN)


def state_of(layer: Any) -> dict[str, Any]:
    """Return what a layer learnt; a layer of the user's own keeps it in its variables."""
    match layer:
        case keras.layers.TextVectorization():
            return state_of(layer._lookup_layer)
        case keras.layers.StringLookup() | keras.layers.IntegerLookup():
            terms = [term if isinstance(term, str) else int(term) for term in layer.get_vocabulary()]
            weights = layer.idf_weights.numpy().tolist() if layer.output_mode == "tf_idf" else None
            return {"vocabulary": terms} | ({} if weights is None else {"idf_weights": weights})
        case keras.layers.Discretization():
            return {"bin_boundaries": [float(edge) for edge in layer.bin_boundaries]}
        case keras.layers.Normalization():
            mean, variance = (_listed(v) for v in (layer.adapt_mean, layer.adapt_variance))
            return {"input_shape": _input_shape(layer), "mean": mean, "variance": variance}
    return {"input_shape": _input_shape(layer), "variables": [_listed(v) for v in layer.variables]}


def restore_state(layer: Any, state: Mapping[str, Any]) -> None:
    """Give a layer what `state_of` said.

    Raises: KeyError, TypeError, ValueError on what no layer of this kind says.
    """
    match layer:
        case keras.layers.TextVectorization():
            restore_state(layer._lookup_layer, state)
        case keras.layers.StringLookup() | keras.layers.IntegerLookup():
            terms, weights = _terms(state["vocabulary"]), state.get("idf_weights")
            layer.set_vocabulary(terms, None if weights is None else weights[: len(terms)])
        case keras.layers.Discretization():
            layer.bin_boundaries = [float(edge) for edge in state["bin_boundaries"]]
            layer.num_bins = None  # or `finalize_state` would make bins of what this layer has not seen
        case keras.layers.Normalization():
            _build(layer, state)
            for variable, name in ((layer.adapt_mean, "mean"), (layer.adapt_variance, "variance")):
                _assign(variable, state[name])
            layer.finalize_state()
        case _:
            _build(layer, state)
            for variable, values in zip(layer.variables, state["variables"], strict=True):
                _assign(variable, values)
            if hasattr(layer, "finalize_state"):
                layer.finalize_state()


def _terms(vocabulary: Any) -> list[Any]:
    """Return the terms of a vocabulary; Keras takes a text for the name of a file."""
    if not isinstance(vocabulary, list):
        raise TypeError("its vocabulary is not a list")
    return vocabulary


def vocabulary_size(layer: Any) -> int | None:
    """Return how many numbers a layer tells things apart by; None for a layer that numbers nothing."""
    match layer:
        case keras.layers.Hashing() | keras.layers.HashedCrossing():
            return int(layer.num_bins)
        case keras.layers.CategoryEncoding():
            return int(layer.num_tokens)
        case keras.layers.Discretization():
            return len(layer.bin_boundaries) + 1
    return int(layer.vocabulary_size()) if hasattr(layer, "vocabulary_size") else None


def _input_shape(layer: Any) -> list[int | None] | None:
    """Return the shape that a layer was built for, without the batch; None for one built without."""
    shape = (layer.get_build_config() or {}).get("input_shape")
    return None if shape is None else [None if size is None else int(size) for size in shape[1:]]


def _build(layer: Any, state: Mapping[str, Any]) -> None:
    if not layer.built and state["input_shape"] is not None:
        layer.build((None, *state["input_shape"]))


def _listed(variable: Any) -> Any:
    return np.asarray(keras.ops.convert_to_numpy(variable)).tolist()


def _assign(variable: Any, values: Any) -> None:
    array = np.asarray(values, str(variable.dtype))
    if array.shape != tuple(variable.shape):
        raise ValueError(f"shape {array.shape} where {tuple(variable.shape)} is expected")
    variable.assign(array)
