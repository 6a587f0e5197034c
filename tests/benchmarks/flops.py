"""How much a step computes, and how much the machine can. Imports Keras.

Multiplications and additions of matrix products and convolutions, forwards and three times that for a
training step, which also computes the gradients of inputs and weights; nothing else is counted.
"""

import math
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

import keras
from keras import layers as L

_SIDE = 2048


def peak_gflops(rounds: int = 7) -> float:
    """Return the best rate at which the backend multiplies large float32 matrices."""
    left, right = (keras.random.normal((_SIDE, _SIDE)) for _ in range(2))

    def seconds() -> float:
        began = perf_counter()
        keras.ops.convert_to_numpy(keras.ops.matmul(left, right)[:1])
        return perf_counter() - began

    return 2 * _SIDE**3 / min(seconds() for _ in range(rounds)) / 1e9


def of_epoch(model: keras.Model, num_rows: int) -> float:
    """Return the operations of an epoch."""
    return 3.0 * num_rows * sum(_of(layer) for layer in model._flatten_layers(include_self=False))


def _of(layer: Any) -> float:
    """Return the operations of a layer for one row; those of layers inside it are counted by themselves."""
    count = _COUNTS.get(type(layer))
    return 0.0 if count is None else count(layer)


def _shapes(layer: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the shapes of a row of what the layer takes and gives."""
    return layer.input.shape[1:], layer.output.shape[1:]


def _dense(layer: Any) -> float:
    given, made = _shapes(layer)
    return 2.0 * given[-1] * math.prod(made)


def _convolution(layer: Any) -> float:
    _, made = _shapes(layer)
    return 2.0 * math.prod(layer.kernel.shape[:-1]) * math.prod(made)


def _lstm(layer: Any) -> float:
    (steps, width), _ = _shapes(layer)
    return 2.0 * steps * 4 * layer.units * (width + layer.units)


def _attention(layer: Any) -> float:
    steps, width = layer.input[0].shape[1:] if isinstance(layer.input, list) else layer.input.shape[1:]
    inner = layer.num_heads * layer.key_dim
    return 2.0 * steps * (4 * width * inner + 2 * steps * inner)


_COUNTS: Mapping[type, Callable[[Any], float]] = {
    L.Dense: _dense,
    L.Conv2D: _convolution,
    L.LSTM: _lstm,
    L.MultiHeadAttention: _attention,
}
