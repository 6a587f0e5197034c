"""A line of YAML for every object of the catalogue: where it stands, and with what it needs."""

from kexp.spec.argument_types import Choice, Flag, ListOf, Number, ObjectOf
from kexp.spec.catalogue import Param, Signature
from kexp.spec.spellings import MERGING

_PLACES = {
    "layers": "- {}",
    "applications": "- {}",
    "optimizers": "optimizer: {}",
    "schedules": "learning_rate: {}",
    "losses": "loss: {}",
    "metrics": "metrics: [{}]",
    "callbacks": "callbacks: [{}]",
    "initializers": "kernel_initializer: {}",
    "regularizers": "kernel_regularizer: {}",
    "constraints": "kernel_constraint: {}",
}

_VALUES = {
    "axes": "-1",
    "backup_dir": "backup",
    "boundaries": "[1000, 5000]",
    "call_fn": '"file.py:call"',
    "cell": "{LSTMCell: 32}",
    "cells": "[{LSTMCell: 32}, {LSTMCell: 16}]",
    "dataset": "digits",
    "decay_rate": "0.9",
    "decay_steps": "$total_steps",
    "default_optimizer": "{Adam: 1e-3}",
    "dims": "[2, 1]",
    "directory": "images",
    "features": "{x: float32, y: int64}",
    "equation": '"abc,cd->abd"',
    "factor": "0.2",
    "filename": "epochs.csv",
    "filepath": "best.weights.h5",
    "filters": "32",
    "first_decay_steps": "1000",
    "fn": '"file.py:name"',
    "function": '"file.py:name"',
    "head_dim": "16",
    "height": "128",
    "height_factor": "0.1",
    "initial_learning_rate": "0.1",
    "inner_optimizer": "{Adam: 1e-3}",
    "input_dim": "10000",
    "inputs": "{x: [16]}",
    "kernel_size": "3",
    "key_dim": "16",
    "layer": "{LSTM: 32}",
    "layers": "[{Dense: 8}]",
    "max_number": "10",
    "module": '"file.py:module"',
    "n": "4",
    "num_bins": "10",
    "num_classes": "10",
    "num_heads": "4",
    "num_key_value_heads": "2",
    "num_query_heads": "4",
    "optimizer_map": "{}",
    "output_dim": "64",
    "output_shape": "[null, 64]",
    "output_size": "4",
    "pool_size": "2",
    "rate": "0.2",
    "scale": "0.1",
    "schedule": '"file.py:name"',
    "stddev": "0.1",
    "target": "y",
    "target_class_ids": "[0, 1]",
    "target_shape": "[8, 8, 1]",
    "units": "64",
    "values": "[0.1, 0.01, 0.001]",
    "width": "128",
    "width_factor": "0.1",
}
"""By argument: a value that is often meant."""

_OF_OBJECT = {
    ("keras", "dataset"): "mnist",
    ("RandomPosterization", "factor"): "4",
    ("SpectralNormalization", "layer"): "{Dense: 32}",
    ("TimeDistributed", "layer"): "{Dense: 32}",
}
_PATHS = {"idx": "mnist", "images": "photos", "npy": "{x: x.npy, y: y.npy}", "text": "texts"}
"""By source: what its `path` may be, where it is no file that ends in the source's name."""

_WHOLE = {"Normalization": "- Normalization:\n  adapt: true"}
"""Objects that need more than arguments."""


def sample(signature: Signature) -> str:
    """Return a line that shows the object with the arguments it needs."""
    name, place = signature.name, signature.namespace
    if name in _WHOLE:
        return _WHOLE[name]
    needed = [p for p in signature.params if p.required]
    arguments = ", ".join(f"{p.name}: {_value(name, p)}" for p in needed)
    if place == "sources":
        path = f"path: {_PATHS.get(name, f'data.{name}')}" if signature.param("path") else ""
        return f"data: {{{', '.join(filter(None, (f'source: {name}', path, arguments)))}}}"
    if place == "applications":
        arguments = arguments or "include_top: false, pooling: avg"
    if place in ("layers", "applications"):
        key = f"{_inputs(signature)}{name}"
        return f"- {key}: {{{arguments}}}" if arguments else f"- {key}"
    if not arguments and place in ("initializers", "regularizers", "constraints"):
        return _PLACES[place].format(f"{{{name}: {{}}}}")
    return _PLACES[place].format(f"{{{name}: {{{arguments}}}}}" if arguments else name)


def _inputs(signature: Signature) -> str:
    """Return what stands in front of a layer that takes several tensors."""
    needed = ["a", "b"] if signature.name in MERGING else [p.name for p in signature.call if p.required]
    return f"{', '.join(needed)} -> " if len(needed) > 1 else ""


def _value(name: str, param: Param) -> str:
    known = _OF_OBJECT.get((name, param.name)) or _VALUES.get(param.name)
    return known or _of_type(param)


def _of_type(param: Param) -> str:
    """Return a value of the argument's type, where none is known that is often meant."""
    match param.type.forms[0]:
        case Number(range=range):
            return str(range.least if range.least is not None and not range.open_below else 1)
        case Flag():
            return "true"
        case Choice(words=words):
            return words[0]
        case ObjectOf(namespace="activations"):
            return "relu"
        case ListOf():
            return "[1]"
    return "1.0"
