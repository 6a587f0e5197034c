"""Initial weights drawn by numpy: the same on every backend and device.

Keras's random initializers draw by the backend, each from a stream of its own. What they draw comes down to
three distributions and, for `Orthogonal`, a decomposition; the rest of them is exact on every backend.
"""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
from keras.src.initializers import random_initializers
from numpy.typing import NDArray

Array = NDArray[Any]
_FARTHEST = 2.0
"""Where a truncated normal distribution ends, in standard deviations. Source: `keras.random`."""


def draw_by_numpy() -> None:
    """Let Keras's initializers draw by numpy, in this process; initializers of the user's own do as they do.

    Source: keras 3.15, keras/src/initializers/random_initializers.py.
    """
    backend: Any = keras.src.backend.random
    draws = {name: _drawn(getattr(backend, name), draw) for name, draw in _DRAWS.items()}
    random_initializers.random = SimpleNamespace(**{**vars(backend), **draws})
    random_initializers.ops = SimpleNamespace(**{**vars(keras.ops), "qr": _qr})


def _drawn(usual: Any, draw: Callable[..., Array]) -> Any:
    """Return a draw in the place of the backend's, which serves generators and whole numbers."""

    def drawn(
        shape: Sequence[int], *bounds: float, dtype: Any = None, seed: Any = None, **named: float
    ) -> Any:
        dtype = dtype or keras.config.floatx()
        if not isinstance(seed, int) or not keras.backend.is_float_dtype(dtype):
            return usual(shape, *bounds, dtype=dtype, seed=seed, **named)
        generator = np.random.Generator(np.random.Philox(seed))
        array = draw(generator, tuple(shape), _computed_in(dtype), *bounds, **named)
        return keras.ops.convert_to_tensor(array, dtype)

    return drawn


def _computed_in(dtype: Any) -> Any:
    return np.float64 if keras.backend.standardize_dtype(dtype) == "float64" else np.float32


def _uniform(
    generator: np.random.Generator, shape: tuple[int, ...], dtype: Any, minval: float = 0, maxval: float = 1
) -> Array:
    values: Array = generator.random(shape, dtype)
    return _moved(values, dtype(maxval - minval), dtype(minval))


def _normal(
    generator: np.random.Generator, shape: tuple[int, ...], dtype: Any, mean: float = 0, stddev: float = 1
) -> Array:
    values: Array = generator.standard_normal(shape, dtype)
    return _moved(values, dtype(stddev), dtype(mean))


def _truncated_normal(
    generator: np.random.Generator, shape: tuple[int, ...], dtype: Any, mean: float = 0, stddev: float = 1
) -> Array:
    values = generator.standard_normal(int(np.prod(shape)), dtype)
    far = np.flatnonzero(np.abs(values) > _FARTHEST)
    while far.size:
        values[far] = generator.standard_normal(far.size, dtype)
        far = far[np.abs(values[far]) > _FARTHEST]
    return _moved(values.reshape(shape), dtype(stddev), dtype(mean))


def _moved(values: Array, scale: Any, offset: Any) -> Array:
    values *= scale
    values += offset
    return values


_DRAWS = {"uniform": _uniform, "normal": _normal, "truncated_normal": _truncated_normal}


def _qr(x: Any) -> tuple[Any, Any]:
    """Decompose in 64 bits, so that what differs between libraries is rounded away."""
    dtype = keras.backend.standardize_dtype(x.dtype)
    parts = np.linalg.qr(np.asarray(keras.ops.convert_to_numpy(x), np.float64))
    return keras.ops.convert_to_tensor(parts[0], dtype), keras.ops.convert_to_tensor(parts[1], dtype)
