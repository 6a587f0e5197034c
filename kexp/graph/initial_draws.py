"""Initial weights drawn by numpy: the same on every backend and device.

Keras's random initializers draw by the backend, each from a stream of its own. What they draw comes down to
three distributions and, for `Orthogonal`, a decomposition.
"""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
from keras.src.initializers import random_initializers
from numpy.typing import NDArray

Array = NDArray[Any]
_usual_orthogonal = random_initializers.Orthogonal.__call__
_NUM_SEEDS = 1 << 64
_FARTHEST = 2.0
"""Where a truncated normal distribution ends, in standard deviations. Source: `keras.random`."""


def draw_by_numpy() -> None:
    """Let Keras's initializers draw by numpy, in this process; initializers of the user's own do as they do.

    Source: keras 3.15, keras/src/initializers/random_initializers.py.
    """
    backend: Any = keras.src.backend.random
    draws = {name: _drawn(getattr(backend, name), draw) for name, draw in _DRAWS.items()}
    random_initializers.random = SimpleNamespace(**{**vars(backend), **draws})
    random_initializers.Orthogonal.__call__ = _orthogonal(_usual_orthogonal)


def _drawn(usual: Any, draw: Callable[..., Array]) -> Any:
    """Return a draw in the place of the backend's, which serves generators and whole numbers."""

    def drawn(
        shape: Sequence[int], *bounds: float, dtype: Any = None, seed: Any = None, **named: float
    ) -> Any:
        dtype = dtype or keras.config.floatx()
        if not isinstance(seed, int) or not keras.backend.is_float_dtype(dtype):
            return usual(shape, *bounds, dtype=dtype, seed=seed, **named)
        generator = np.random.Generator(np.random.Philox(seed % _NUM_SEEDS))
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
    return _moved(values, dtype(float(stddev)), dtype(float(mean)))


def _truncated_normal(
    generator: np.random.Generator, shape: tuple[int, ...], dtype: Any, mean: float = 0, stddev: float = 1
) -> Array:
    values = generator.standard_normal(int(np.prod(shape)), dtype)
    far = np.flatnonzero(np.abs(values) > _FARTHEST)
    while far.size:
        values[far] = generator.standard_normal(far.size, dtype)
        far = far[np.abs(values[far]) > _FARTHEST]
    return _moved(values.reshape(shape), dtype(float(stddev)), dtype(float(mean)))


def _moved(values: Array, scale: Any, offset: Any) -> Array:
    values *= scale
    values += offset
    return values


_DRAWS = {"uniform": _uniform, "normal": _normal, "truncated_normal": _truncated_normal}


def _orthogonal(usual: Any) -> Any:
    """Return `Orthogonal.__call__` in numpy, in 64 bits: what differs between libraries is rounded away.

    Source: keras 3.15 `Orthogonal.__call__`.
    """

    def called(initializer: Any, shape: Sequence[int], dtype: Any = None) -> Any:
        if len(shape) < 2 or not isinstance(initializer.seed, int):
            return usual(initializer, shape, dtype)
        dtype = dtype or keras.config.floatx()
        num_rows, num_columns = int(np.prod(shape[:-1])), shape[-1]
        flat = (max(num_rows, num_columns), min(num_rows, num_columns))
        generator = np.random.Generator(np.random.Philox(initializer.seed))
        q, r = np.linalg.qr(generator.standard_normal(flat, _computed_in(dtype)).astype(np.float64))
        q *= np.sign(np.diag(r))
        q = initializer.gain * (q.T if num_rows < num_columns else q)
        return keras.ops.convert_to_tensor(q.reshape(shape).astype(_computed_in(dtype)), dtype)

    return called
