"""Variables that the spec's `null` losses leave without a gradient, and Keras's warning of them."""

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras
from keras.src.models import Functional

from kexp.graph.build import output_tensors
from kexp.graph.fixed import unwrapped
from kexp.spec.types import Training


@contextmanager
def without_echoes(model: keras.Model, train: Training) -> Iterator[None]:
    """Keep back Keras's warning that what leads only to outputs without a loss gets no gradient.

    Source: keras 3.15 `BaseOptimizer._filter_empty_gradients`, which lists the variables' paths.
    """
    paths = [variable.path for variable in _left_out(model, train)]
    if not paths:
        yield
        return
    one = "|".join(re.escape(repr(path)) for path in paths)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", rf"Gradients do not exist for variables \[(?:(?:{one})(?:, )?)+\] ")
        yield


def _left_out(model: keras.Model, train: Training) -> list[Any]:
    """Return the trainable variables that only outputs with a `null` loss depend on."""
    losses = train.loss
    if not isinstance(losses, Mapping) or None not in losses.values():
        return []
    outputs = output_tensors(model)
    reached = _reached(outputs[name] for name, loss in losses.items() if loss is not None)
    return [variable for variable in model.trainable_variables if id(variable) not in reached]


def _reached(tensors: Iterable[Any]) -> set[int]:
    """Return the identities of all variables that tensors depend on, within nested models too."""
    waiting, seen, found = list(tensors), set(), set()
    while waiting:
        tensor = waiting.pop()
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        operation, node, index = tensor._keras_history
        inner = unwrapped(operation)
        if isinstance(inner, Functional):
            waiting.append(inner.outputs[index])
        else:
            found |= {id(variable) for variable in getattr(inner, "variables", ())}
        waiting += operation._inbound_nodes[node].input_tensors
    return found
