"""What a model may come to: numbers made out of nothing, and the layers and weights of a stranger's graph."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np
from keras.src.backend.common.keras_tensor import any_symbolic_tensors

from kexp.spec.catalogue import catalogue
from kexp.spec.formula import FormulaError

MAX_CONSTANTS = 100_000_000
"""How many numbers a function of `keras.ops` may make of constants alone."""

MAX_LAYERS = 3000
"""Of a stranger's model: Keras takes a millisecond or two for each."""


def operation(name: str) -> Callable[..., Any]:
    """Return a function of `keras.ops` that refuses to make a giant array out of constants.

    Raises: FormulaError.
    """
    if name not in catalogue().operations:
        raise FormulaError(f"`keras.ops` has no function `{name}`")
    return partial(_bounded, name, getattr(keras.ops, name))


def _bounded(name: str, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    if not any_symbolic_tensors(arguments, options):
        made = keras.tree.flatten(keras.src.backend.compute_output_spec(function, *arguments, **options))
        number = sum(math.prod(getattr(tensor, "shape", None) or ()) for tensor in made)
        if number > MAX_CONSTANTS:
            raise FormulaError(f"`{name}` makes {number:,} constants, and {MAX_CONSTANTS:,} are enough")
    return function(*arguments, **options)


class TooLarge(MemoryError):
    """A layer or weight beyond the bound; Keras may make it anew with more words around its message."""


@contextmanager
def bounded_model(room_bytes: int, most_layers: int = MAX_LAYERS) -> Iterator[None]:
    """Refuse layers and weights beyond a bound before Keras makes them.

    TensorFlow would wait ten seconds for memory that never comes.

    Raises: TooLarge, which says why.
    """
    add_weight, init = keras.Layer.add_weight, keras.Layer.__init__
    taken = _Taken(room_bytes, most_layers)

    def counted_weight(layer: Any, shape: Any = None, *arguments: Any, **options: Any) -> Any:
        taken.add_weight(shape or (), options.get("dtype") or layer.variable_dtype)
        return add_weight(layer, shape, *arguments, **options)

    def counted_init(layer: Any, *arguments: Any, **options: Any) -> None:
        taken.add_layer()
        init(layer, *arguments, **options)

    keras.Layer.add_weight, keras.Layer.__init__ = counted_weight, counted_init
    try:
        yield
    except TooLarge:
        raise TooLarge(taken.why) from None
    finally:
        keras.Layer.add_weight, keras.Layer.__init__ = add_weight, init


@dataclass(slots=True)
class _Taken:
    """What a model came to so far, and why that is too much."""

    room_bytes: int
    most_layers: int
    size_bytes: int = 0
    num_layers: int = 0
    why: str = ""

    def add_weight(self, shape: Any, dtype: Any) -> None:
        self.size_bytes += math.prod(shape) * item_bytes(dtype)
        if self.size_bytes > self.room_bytes:
            self.why = f"its weights take more than {self.room_bytes // 10**6:,} MB"
            raise TooLarge(self.why)

    def add_layer(self) -> None:
        self.num_layers += 1
        if self.num_layers > self.most_layers:
            self.why = f"it has more than {self.most_layers:,} layers"
            raise TooLarge(self.why)


def check_tensors(model: keras.Model, num_rows: int, room_bytes: int) -> None:
    """Refuse a model one of whose layers gives more for so many rows than there is room for.

    Raises: TooLarge, which says why.
    """
    for name, tensor in layer_tensors(model):
        shape = [num_rows if size is None else size for size in tensor.shape]
        if math.prod(shape) * item_bytes(tensor.dtype) > room_bytes:
            shown = ", ".join("any" if size is None else f"{size:,}" for size in tensor.shape)
            raise TooLarge(f"`{name}` gives [{shown}]")


def layer_tensors(model: keras.Model) -> Iterator[tuple[str, Any]]:
    """Yield what the layers and operations of a graph give, each with its name; none for a model class."""
    for layer in model._flatten_layers():
        for part in (layer, *getattr(layer, "operations", ())):
            for node in part._inbound_nodes:
                for tensor in keras.tree.flatten(node.output_tensors):
                    yield part.name, tensor


def item_bytes(dtype: Any) -> int:
    try:
        return np.dtype(str(dtype)).itemsize
    except TypeError:
        return 4
