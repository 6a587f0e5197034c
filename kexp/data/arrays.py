"""Arrays as they came, made fit for training."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kexp.protocols import Column

_MOST_PADDED_BYTES = 1 << 30
"""What texts may take when each has the length of the longest, as numpy keeps them."""


def text_dtype(num_texts: int, longest: int) -> "type[np.str_ | np.object_]":
    """Return numpy's type of text, or Python's where that would fill the memory with padding."""
    return np.object_ if 4 * longest * num_texts > _MOST_PADDED_BYTES else np.str_


def is_text(column: Column) -> bool:
    """Tell text: numpy's own, or Python's where rows differ much in length."""
    return column.dtype.kind in "UO"


def tidy_array(value: object) -> NDArray[Any]:
    """Return `value` as an array: float64 becomes float32, bytes and objects that are text become text.

    Raises: ValueError when it is ragged or not UTF-8, TypeError when it holds no samples of numbers or text.
    """
    array = np.asarray(value)
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.ndim == 0:
        raise TypeError("it is a single value")
    if array.dtype == np.float64:
        with np.errstate(over="ignore"):
            return array.astype(np.float32)
    if array.dtype.kind in "biufU":
        return array
    if array.dtype.kind == "S":
        return np.char.decode(array, "utf-8")
    if array.dtype.kind == "O" and all(isinstance(item, (str, bytes)) for item in array.flat):
        texts = [item if isinstance(item, str) else item.decode() for item in array.flat]
        return np.array(texts, np.str_).reshape(array.shape)
    raise TypeError(f"its dtype is {array.dtype}, neither numbers nor text")
