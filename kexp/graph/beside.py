"""TensorFlow beside another backend: data are read and prepared by it on all of them."""

from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any

import keras
from keras.src.layers.preprocessing.data_layer import DataLayer
from keras.src.utils.backend_utils import TFGraphScope

BY_TENSORFLOW = (
    *(keras.layers.TextVectorization, keras.layers.StringLookup, keras.layers.IntegerLookup),
    *(keras.layers.Hashing, keras.layers.HashedCrossing),
)
"""Layers that compute by TensorFlow on every backend, and are no `DataLayer`."""


def tensorflow_beside() -> Any:
    """Import TensorFlow; where it is not the backend, it leaves the GPU to what is."""
    import tensorflow as tf

    if keras.backend.backend() != "tensorflow":
        with suppress(RuntimeError):  # it has begun to compute
            tf.config.set_visible_devices([], "GPU")
    return tf


def on_tensorflow() -> AbstractContextManager[Any]:
    """Let Keras's layers for data compute by TensorFlow, so that they give the same on every backend."""
    if keras.backend.backend() == "tensorflow":
        return nullcontext()
    tensorflow_beside()
    scope: AbstractContextManager[Any] = TFGraphScope()
    return scope


def called_on_tensorflow(layer: Any, *values: Any) -> Any:
    """Call a layer; whole numbers stay whole, of which `DataLayer` makes floats where it is not at home.

    Source: keras 3.15, `DataLayer.__call__`.
    """
    if keras.backend.backend() == "tensorflow" or not isinstance(layer, DataLayer):
        return layer(*values)
    given = keras.tree.map_structure(lambda value: _as_computed(value, layer.compute_dtype), values)
    converts = layer._convert_input_args
    layer.backend.set_backend("tensorflow")
    layer._convert_input_args = False
    try:
        return super(DataLayer, layer).__call__(*given)
    finally:
        layer.backend.reset()
        layer._convert_input_args = converts


def _as_computed(value: Any, dtype: str) -> Any:
    """Return a tensor of TensorFlow's, floats in the dtype that a layer computes in."""
    tf = tensorflow_beside()
    tensor = tf.convert_to_tensor(value)
    return tf.cast(tensor, dtype) if tensor.dtype.is_floating else tensor


def arrays_elsewhere(result: Any) -> Any:
    """Return TensorFlow's numbers as arrays where another backend is to take them; text stays as it is."""
    is_own = keras.backend.backend() == "tensorflow" or not hasattr(result, "numpy")
    return result if is_own or result.dtype == "string" else result.numpy()
