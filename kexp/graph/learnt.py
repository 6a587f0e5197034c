"""What layers took on when they were built, wrapped or adapted, and a spec says otherwise."""

from dataclasses import replace
from typing import Any

import keras

from kexp.graph.trial import config_of
from kexp.spec.types import Component, Value

_LOOKUPS = (keras.layers.StringLookup, keras.layers.IntegerLookup, keras.layers.TextVectorization)


def given_config(value: Any) -> dict[str, Any]:
    """Return the config that makes the object again: with what it learnt, without what building filled in.

    Raises: SpecError (no-config).
    """
    config = config_of(value)
    if isinstance(value, _LOOKUPS) and config.get("vocabulary") is None and config.get("vocabulary_size"):
        config["vocabulary"] = value.get_vocabulary(include_special_tokens=False)
    if isinstance(value, keras.layers.Discretization) and config["bin_boundaries"] is not None:
        config["num_bins"] = None
    if isinstance(value, keras.layers.MultiHeadAttention) and value.built:
        rank = len(value.get_build_config()["shapes_dict"]["query_shape"])
        if tuple(config["attention_axes"]) == tuple(range(1, rank - 1)):
            config["attention_axes"] = None
    return config


def unforced(made: Any, value: Value) -> Value:
    """Return an argument of a wrapper without what the wrapper sets in it by itself."""
    if made is not keras.layers.Bidirectional or not isinstance(value, Component):
        return value
    options = {key: each for key, each in (value.options or {}).items() if key != "zero_output_for_mask"}
    return replace(value, options=options or None)


def paths_of(model: keras.Model) -> dict[str, Any]:
    """Return the layers of a model by name, those of a nested model by its name and theirs: `tower/dense`."""
    found: dict[str, Any] = {}
    for layer in model.layers:
        found[layer.name] = layer
        if isinstance(layer, keras.Model):
            found |= {f"{layer.name}/{path}": inner for path, inner in paths_of(layer).items()}
    return found


def holds_statistics(layer: Any) -> bool:
    """Tell whether a layer, or one inside it, normalizes by a mean and a variance that it was not given."""
    if isinstance(layer, keras.layers.Normalization):
        return layer.input_mean is None
    return any(map(holds_statistics, layer._flatten_layers(recursive=False, include_self=False)))
