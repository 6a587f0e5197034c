"""Text, numbers and whole numbers: what a layer of `preprocess` can take, and what a column holds."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kexp.diagnostics import Diagnostic
from kexp.errors import DataError, SpecError
from kexp.graph.beside import tensorflow_beside
from kexp.spec.types import Component

_TEXT = ("TextVectorization", "StringLookup")
_TEXT_OR_WHOLE = ("Hashing", "HashedCrossing")
_WHOLE = ("IntegerLookup", "CategoryEncoding")
_SHAPES = ("Reshape", "Flatten", "Permute", "RepeatVector", "Concatenate", "Identity")
"""Layers that move values about, whatever they are."""
_EXACT_IN_FLOAT32 = 2**24


def is_text(value: Any) -> bool:
    """Tell text, in numpy's arrays and in TensorFlow's tensors."""
    return value.dtype.kind in "UO" if isinstance(value, np.ndarray) else value.dtype == "string"


def fitted(array: NDArray[Any], column: str, component: Component, path: str) -> Any:
    """Return a column as a layer takes it: text as TensorFlow's, numbers whole where they must be.

    Raises: SpecError (text-input, number-input), DataError (not-whole, digits-lost).
    """
    name = component.name
    inverted = bool((component.options or {}).get("invert"))
    if is_text(array):
        if not component.is_custom and (inverted or name not in (*_TEXT, *_TEXT_OR_WHOLE, *_SHAPES)):
            raise _takes_no_text(name, column, path)
        return text_tensor(array)
    if name in _TEXT and not inverted:
        raise SpecError(
            Diagnostic(
                "number-input",
                f"`{name}` takes text, and `{column}` holds numbers",
                path,
                help="`IntegerLookup` is for whole numbers, `Discretization` for all",
            )
        )
    return whole_numbers(array, column, f"`{name}`", path) if wants_whole(component) else array


def wants_whole(component: Component) -> bool:
    """Tell whether the numbers that a layer takes must be whole."""
    inverted = bool((component.options or {}).get("invert"))
    return component.name in (*_TEXT_OR_WHOLE, *_WHOLE) or (inverted and component.name in _TEXT)


def text_tensor(array: NDArray[Any]) -> Any:
    """Return text as TensorFlow's layers take it."""
    tf = tensorflow_beside()
    return tf.constant(array, tf.string)


def whole_numbers(array: NDArray[Any], column: str, subject: str, path: str) -> NDArray[Any]:
    """Return numbers as integers.

    Raises: DataError (not-whole, digits-lost).
    """
    if array.dtype.kind != "f":
        return array.astype(np.int64)
    broken = array != np.floor(array)
    if broken.any():
        message = f"{subject} takes whole numbers, and `{column}` holds {array[broken].flat[0].item()!r}"
        raise DataError(Diagnostic("not-whole", message, path, help="`Discretization` numbers all values"))
    if array.dtype != np.float64 and array.size and np.abs(array).max() >= _EXACT_IN_FLOAT32:
        raise DataError(
            Diagnostic(
                "digits-lost",
                f"`{column}` holds more than {_EXACT_IN_FLOAT32:,}, where {array.dtype} leaves numbers out",
                path,
                help="read them as `dtype: float64` under `data`",
            )
        )
    return array.astype(np.int64)


def _takes_no_text(name: str, column: str, path: str) -> SpecError:
    return SpecError(
        Diagnostic(
            "text-input",
            f"`{name}` takes numbers, and `{column}` holds text",
            path,
            help="`TextVectorization` makes numbers of sentences, `StringLookup` and `Hashing` of words",
        )
    )
