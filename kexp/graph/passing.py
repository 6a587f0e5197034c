"""How a layer is passed its tensors: by position or as one list, and which masks Keras passes by itself."""

import inspect
from collections.abc import Mapping
from typing import Any

import keras

from kexp.graph.order import node_of


def is_tensor(value: Any) -> bool:
    return isinstance(value, keras.KerasTensor)


def holds_tensor(value: Any) -> bool:
    return any(is_tensor(item) for item in keras.tree.flatten(value))


def is_implied(
    name: str, value: Any, args: list[Any], kwargs: Mapping[str, Any], parameters: list[inspect.Parameter]
) -> bool:
    """Tell whether Keras would pass this mask by itself. Source: keras 3.15 `Layer.__call__`, step 6."""
    if not is_tensor(value) or not name.endswith("mask"):
        return False
    named = dict(zip((p.name for p in parameters), args, strict=False))
    tensors = {k: v for k, v in {**named, **kwargs}.items() if holds_tensor(v) and not k.endswith("mask")}
    if name == "mask":
        return len(tensors) == 1 and _same_mask(value, next(iter(tensors.values())))
    of = name.removesuffix("_mask")
    return of in tensors and len(tensors) > 1 and _same_mask(value, tensors[of])


def _same_mask(mask: Any, tensor: Any) -> bool:
    own = getattr(tensor, "_keras_mask", None)
    if own is None or own is mask:
        return own is mask
    one, other = node_of(own), node_of(mask)
    return type(one.operation) is type(other.operation) and all(
        a is b if is_tensor(a) else not is_tensor(b) and a == b
        for a, b in zip(one.arguments.args, other.arguments.args, strict=True)
    )
