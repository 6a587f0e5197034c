"""Every public object of Keras, made from YAML with what it needs, and used on a little data."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kexp.document import parse_document
from kexp.spec.catalogue import catalogue
from kexp.spec.components import read_component
from kexp.spec.reader import Cursor, Reading
from kexp.spec.types import Component

ARGUMENTS = {
    "activation": "relu",
    "alpha": "0.5",
    "axes": "1",
    "bin_boundaries": "[0.0, 1.0]",
    "boundaries": "[10, 20]",
    "cell": "{GRUCell: 3}",
    "cells": "[{GRUCell: 3}, {LSTMCell: 3}]",
    "cropping": "1",
    "data_format": "channels_last",
    "decay_rate": "0.9",
    "decay_steps": "10",
    "dims": "[2, 1]",
    "equation": '"abc,cd->abd"',
    "default_optimizer": "{SGD: 0.1}",
    "factor": "0.1",
    "filepath": "model.weights.h5",
    "filename": "log.csv",
    "filters": "3",
    "first_decay_steps": "10",
    "group_size": "2",
    "head_dim": "4",
    "height": "8",
    "height_factor": "0.1",
    "initial_learning_rate": "0.1",
    "inner_optimizer": "{SGD: 0.1}",
    "input_dim": "10",
    "k": "2",
    "kernel_size": "3",
    "key_dim": "4",
    "layer": "{Dense: 3}",
    "layers": "[{Rescaling: 0.5}, {Rescaling: 2.0}]",
    "mask_value": "0.0",
    "max_number": "3",
    "max_value": "1.0",
    "n": "2",
    "noise_shape": "[1]",
    "num_bins": "5",
    "num_classes": "3",
    "num_heads": "2",
    "num_key_value_heads": "1",
    "num_query_heads": "2",
    "num_tokens": "5",
    "optimizers": "[{SGD: 0.1}, {Adam: 0.1}]",
    "output_dim": "4",
    "optimizer_map": "{OptimizerMap: {default_optimizer: {SGD: 0.1}, optimizer_map: {dense: {Adam: 0.1}}}}",
    "output_shape": "[null, 3]",
    "output_size": "2",
    "pool_size": "2",
    "precision": "0.5",
    "rate": "0.3",
    "recall": "0.5",
    "repetitions": "2",
    "scale": "0.5",
    "schedule": "{ExponentialDecay: {initial_learning_rate: 0.1, decay_steps: 10, decay_rate: 0.9}}",
    "seed": "1",
    "sensitivity": "0.5",
    "specificity": "0.5",
    "stddev": "0.1",
    "target_class_ids": "[0]",
    "target_shape": "[2, 2]",
    "units": "4",
    "value_range": "[0, 255]",
    "values": "[0.1, 0.01, 0.001]",
    "width": "8",
    "width_factor": "0.1",
    "x_factor": "0.1",
}
"""What required arguments are given, by name."""

OWN = {
    "layers": {
        "Bidirectional": "{LSTM: 3}",
        "CategoryEncoding": "{num_tokens: 5}",
        "Discretization": "{bin_boundaries: [0.0, 1.0]}",
        "EinsumDense": '{equation: "abc,cd->abd", output_shape: [null, 3]}',
        "Hashing": "{num_bins: 5}",
        "IntegerLookup": "{vocabulary: [1, 2]}",
        "RandomPosterization": "{factor: 4}",
        "RandomSharpness": "{factor: 0.5}",
        "StringLookup": "{vocabulary: [a, b]}",
        "TextVectorization": "{vocabulary: [a, b]}",
        "MaxNumBoundingBoxes": "{max_number: 3, bounding_box_format: xyxy}",
        "ZeroPadding1D": "1",
    },
    "regularizers": {"OrthogonalRegularizer": "0.01"},
}
"""What else an object needs."""

EXCEPTIONS = {
    "layers": {
        "Lambda": "takes Python code; write a custom function, `x -> file.py:function`",
        "TFSMLayer": "runs a SavedModel from disk",
        "TorchModuleWrapper": "wraps a torch module, on the torch backend",
        "JaxLayer": "starts JAX in the process, which other tests fork",
        "FlaxLayer": "wraps a Flax module; needs Flax",
    },
    "metrics": {"MeanMetricWrapper": "wraps a Python function; write `file.py:function`"},
    "callbacks": {
        "BackupAndRestore": "a run keeps its own checkpoints",
        "OrbaxCheckpoint": "needs the package orbax-checkpoint",
        "TensorBoard": "needs the package tensorboard",
    },
}
"""Objects that are not constructed here, and why."""

CLASSES = (
    *("layers", "optimizers", "schedules", "losses", "metrics", "callbacks", "initializers", "regularizers"),
    "constraints",
)
"""Namespaces whose objects are constructed; applications are large, and sources are our own."""


def names(aliases: bool) -> Iterator[tuple[str, str]]:
    """Yield every namespace and name, with or without the aliases."""
    known = catalogue()
    for namespace in CLASSES:
        for name in known.names(namespace):
            signature = known.signature(namespace, name)
            assert signature is not None
            if aliases or signature.name == name:
                yield namespace, name


def component(namespace: str, name: str) -> Component:
    """Return an object as YAML with what it needs would give it."""
    signature = catalogue().signature(namespace, name)
    assert signature is not None
    own = OWN.get(namespace, {}).get(signature.name)
    required = ", ".join(f"{p.name}: {ARGUMENTS.get(p.name, '???')}" for p in signature.params if p.required)
    text = f"{name}: {own or '{' + required + '}'}"
    reading = Reading(catalogue(), {}, {})
    cursor = Cursor(parse_document(text.encode(), "object.yaml").root, "object", reading)
    return read_component(cursor, namespace)


def make(component: Component) -> Any:
    """Construct an object as a run does."""
    from kexp.graph.construct import Context, construct

    name = "made" if component.namespace == "layers" else None
    return construct(component, Context(0, Path(), {}), name)
