"""Attributes of Python objects <-> JSON and arrays: what a checkpoint can hold of a callback."""

import random
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

Arrays = dict[str, "np.ndarray[Any, Any]"]


class NotPlain(Exception):
    """A value that no checkpoint can hold."""


def encoded(value: Any, key: str, arrays: Arrays) -> Any:
    """Return a value as JSON; its arrays go into `arrays`, under names that begin with `key`.

    Raises: NotPlain.
    """
    match value:
        case None | bool() | str():
            return value
        case np.generic():
            return {"numpy": _array(np.asarray(value), key, arrays)}
        case int() | float():
            return value
        case np.ndarray():
            return {"array": _array(value, key, arrays)}
        case list():
            return [encoded(item, f"{key}/{index}", arrays) for index, item in enumerate(value)]
        case tuple():
            return {"tuple": encoded([*value], key, arrays)}
        case set():
            return {"set": encoded(sorted(value, key=repr), key, arrays)}
        case dict():
            return {"map": encoded([list(item) for item in value.items()], key, arrays)}
        case np.random.Generator():
            return {"generator": encoded(value.bit_generator.state, key, arrays)}
        case random.Random():
            return {"random": encoded(value.getstate(), key, arrays)}
    if keras.ops.is_tensor(value):
        return {"array": _array(keras.ops.convert_to_numpy(value), key, arrays)}
    raise NotPlain


def _array(array: "np.ndarray[Any, Any]", key: str, arrays: Arrays) -> str:
    if array.dtype.kind not in "biuf":
        raise NotPlain
    arrays[key] = array.copy()
    return key


def decoded(record: Any, arrays: Mapping[str, Any], held: Any = None) -> Any:
    """Return what `encoded` was given; a generator `held` now is set to its state and kept."""
    if isinstance(record, list):
        return [decoded(item, arrays) for item in record]
    if not isinstance(record, dict):
        return record
    ((kind, inner),) = record.items()
    if kind in ("array", "numpy"):
        array = arrays[inner].copy()
        return array[()] if kind == "numpy" else array
    value = decoded(inner, arrays)
    if kind == "generator":
        generator = held if isinstance(held, np.random.Generator) else _generator(value["bit_generator"])
        generator.bit_generator.state = value
        return generator
    if kind == "random":
        own = held if isinstance(held, random.Random) else random.Random()
        own.setstate(value)
        return own
    return {"tuple": tuple, "set": set, "map": dict}[kind](value)


def _generator(name: str) -> np.random.Generator:
    return np.random.Generator(getattr(np.random, name)())
