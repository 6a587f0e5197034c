"""A model's variables as arrays under stable keys: (our layer name, position in the layer).

Keras's own paths depend on what the process built before; these depend on the spec alone.
"""

import hashlib
import math
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import keras
import numpy as np

from kexp.errors import RunRefused
from kexp.graph.checkpoint import Arrays, open_checkpoint, raw
from kexp.graph.fixed import unwrapped

_SAME_RUN = "the run's resolved.yaml and its checkpoints must come from the same run"
_SEED = "seed_generator_state"
_MOST_BESIDE = 16
"""How many times what the model takes a checkpoint may hold: optimizer slots, averages, best weights."""
_MOST_BESIDE_BYTES = 256 << 20


def model_variables(model: keras.Model) -> dict[str, Any]:
    """Return every variable of the model, seed generators included, in the graph's order."""
    found: dict[str, Any] = {}
    seen: set[int] = set()
    for layer in map(unwrapped, model.layers):
        for index, variable in enumerate(layer.variables):
            if id(variable) not in seen:
                seen.add(id(variable))
                found[f"model/{layer.name}/{index}"] = variable
    for index, variable in enumerate(v for v in model.variables if id(v) not in seen):
        found[f"model//{index}"] = variable
    return found


def arrays_of(variables: Mapping[str, Any], spare: Arrays = MappingProxyType({})) -> Arrays:
    """Copy variables to the host; string state (vocabularies) has no variable and is not among them.

    `spare` is an earlier copy that nobody needs: its memory is used again, since new memory costs more than
    what is copied to it.
    """
    return {key: _copied(_seen(variable), spare.get(key)) for key, variable in variables.items()}


def _seen(variable: Any) -> "np.ndarray[Any, Any]":
    """Return a variable's numbers as they are, on TensorFlow without the copy that `numpy()` makes."""
    if keras.backend.backend() == "tensorflow":
        return np.asarray(variable.value.read_value())
    return np.asarray(variable)


def _copied(array: "np.ndarray[Any, Any]", spare: "np.ndarray[Any, Any] | None") -> "np.ndarray[Any, Any]":
    if array.flags.owndata and array.flags.writeable:
        return array  # made for us alone, as on torch
    if spare is None or (spare.shape, spare.dtype) != (array.shape, array.dtype):
        return array.copy()
    np.copyto(spare, array)
    return spare


def assign(variables: Mapping[str, Any], arrays: Arrays) -> None:
    """Put arrays into variables that were built first.

    Raises: RunRefused (checkpoint-mismatch) unless keys, dtypes and shapes agree exactly.
    """
    _check_fit(variables, {key: (str(a.dtype), tuple(a.shape)) for key, a in arrays.items()})
    for key, variable in variables.items():
        variable.assign(arrays[key])


def _check_fit(variables: Mapping[str, Any], found: Mapping[str, tuple[str, tuple[int, ...]]]) -> None:
    wanted = {key: (str(v.dtype), tuple(v.shape)) for key, v in variables.items()}
    if wanted != found:
        key = next(k for k in (*wanted, *found) if wanted.get(k) != found.get(k))
        raise RunRefused.because(
            "checkpoint-mismatch",
            f"the checkpoint does not fit the model: `{key}` is {_shown(found.get(key))} in the file "
            f"and {_shown(wanted.get(key))} in the model",
            help=_SAME_RUN,
        )


def load_weights(model: keras.Model, arrays: Arrays) -> None:
    """Put arrays into a model, and let layers with statistics compute what they derive from them.

    Raises: RunRefused (checkpoint-mismatch).
    """
    assign(model_variables(model), arrays)
    finalize(model)


def check_size(model: keras.Model, path: Path) -> None:
    """Refuse a checkpoint that is far larger than its model, before it is hashed or read.

    Raises: RunRefused (checkpoint-mismatch).
    """
    size_bytes = path.lstat().st_size
    taken = sum(math.prod(v.shape) * np.dtype(v.dtype).itemsize for v in model.variables)
    if size_bytes > _MOST_BESIDE * taken + _MOST_BESIDE_BYTES:
        raise RunRefused.because(
            "checkpoint-mismatch",
            f"`{path.name}` has {size_bytes:,} bytes, and its model takes {taken:,}",
            help=_SAME_RUN,
        )


def load_checkpoint(model: keras.Model, path: Path) -> None:
    """Put the model's arrays of a checkpoint into it, one by one; what else it holds is not read.

    Another backend may have written it: each keeps the states of seeds in a dtype of its own.

    Raises: RunRefused (checkpoint-corrupt, checkpoint-mismatch).
    """
    variables = model_variables(model)
    seeds = {key for key, each in variables.items() if each.name == _SEED and len(each.shape) == 1}
    with open_checkpoint(path) as checkpoint:
        found = {
            key: (str(variables[key].dtype) if key in seeds else place.dtype.name, place.shape)
            for key, place in checkpoint.places.items()
            if key.startswith("model/")
        }
        _check_fit(variables, found)
        for key, variable in variables.items():
            variable.assign(checkpoint.array(key))
    finalize(model)


def finalize(layer: Any) -> None:
    """Let a layer and those inside it compute what they derive from their statistics."""
    for each in layer._flatten_layers():
        if hasattr(each, "finalize_state") and each.built:
            each.finalize_state()


def _shown(entry: tuple[str, tuple[int, ...]] | None) -> str:
    return "absent" if entry is None else f"{entry[0]}{list(entry[1])}"


def weights_sha256(arrays: Arrays) -> str:
    """Return one hash over key, dtype, shape and data of all arrays, in their order."""
    digest = hashlib.sha256()
    for key, array in arrays.items():
        digest.update(f"{key}\0{array.dtype.name}\0{array.shape}\0".encode())
        digest.update(raw(array))
    return digest.hexdigest()
