"""A model's variables as arrays under stable keys: (our layer name, position in the layer).

Keras's own paths depend on what the process built before; these depend on the spec alone.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import keras
import ml_dtypes
import numpy as np
from safetensors import SafetensorError, TensorSpec, deserialize, serialize

from kexp.errors import RunRefused

Arrays = Mapping[str, "np.ndarray[Any, Any]"]

_DTYPES: dict[str, Any] = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "BF16": ml_dtypes.bfloat16,
    "I64": np.int64,
    "U64": np.uint64,
    "I32": np.int32,
    "U32": np.uint32,
    "I16": np.int16,
    "U16": np.uint16,
    "I8": np.int8,
    "U8": np.uint8,
    "BOOL": np.bool_,
}


def model_variables(model: keras.Model) -> dict[str, Any]:
    """Return every variable of the model, seed generators included, in the graph's order."""
    found: dict[str, Any] = {}
    seen: set[int] = set()
    for layer in model.layers:
        for index, variable in enumerate(layer.variables):
            if id(variable) not in seen:
                seen.add(id(variable))
                found[f"model/{layer.name}/{index}"] = variable
    for index, variable in enumerate(v for v in model.variables if id(v) not in seen):
        found[f"model//{index}"] = variable
    return found


def arrays_of(variables: Mapping[str, Any]) -> dict[str, "np.ndarray[Any, Any]"]:
    """Copy variables to the host; string state (vocabularies) has no variable and is not among them."""
    return {key: np.asarray(keras.ops.convert_to_numpy(value)) for key, value in variables.items()}


def assign(variables: Mapping[str, Any], arrays: Arrays) -> None:
    """Put arrays into variables that were built first.

    Raises: RunRefused (checkpoint-mismatch) unless keys, dtypes and shapes agree exactly.
    """
    wanted = {key: (str(v.dtype), tuple(v.shape)) for key, v in variables.items()}
    found = {key: (str(a.dtype), tuple(a.shape)) for key, a in arrays.items()}
    if wanted != found:
        key = next(k for k in (*wanted, *found) if wanted.get(k) != found.get(k))
        raise RunRefused.because(
            "checkpoint-mismatch",
            f"the checkpoint does not fit the model: `{key}` is {_shown(found.get(key))} in the file "
            f"and {_shown(wanted.get(key))} in the model",
            help="the run's resolved.yaml and its checkpoints must come from the same run",
        )
    for key, variable in variables.items():
        variable.assign(arrays[key])


def load_weights(model: keras.Model, arrays: Arrays) -> None:
    """Put arrays into a model, and let layers with statistics compute what they derive from them.

    Raises: RunRefused (checkpoint-mismatch).
    """
    assign(model_variables(model), arrays)
    for layer in model._flatten_layers(include_self=False):
        if hasattr(layer, "finalize_state") and layer.built:
            layer.finalize_state()


def _shown(entry: tuple[str, tuple[int, ...]] | None) -> str:
    return "absent" if entry is None else f"{entry[0]}{list(entry[1])}"


def pack(arrays: Arrays, metadata: Mapping[str, Any] | None = None) -> bytes:
    """Return arrays and JSON metadata as safetensors: no pickle, sizes checked."""
    contiguous = {key: np.ascontiguousarray(a).reshape(a.shape) for key, a in arrays.items()}
    specs = {
        key: TensorSpec(dtype=a.dtype.name, shape=a.shape, data_ptr=a.ctypes.data, data_len=a.nbytes)
        for key, a in contiguous.items()
    }
    return bytes(serialize(specs, metadata={"kexp": json.dumps(metadata or {})}))


def unpack(data: bytes, name: str) -> dict[str, "np.ndarray[Any, Any]"]:
    """Return the arrays of safetensors bytes; `name` is what the error calls them.

    Raises: RunRefused (checkpoint-corrupt).
    """
    try:
        entries = deserialize(data)  # type: ignore[no-untyped-call]
        return {
            key: np.frombuffer(entry["data"], dtype=_DTYPES[entry["dtype"]]).reshape(entry["shape"])
            for key, entry in entries
        }
    except (SafetensorError, KeyError, ValueError) as error:
        raise RunRefused.because(
            "checkpoint-corrupt",
            f"`{name}` is not a whole checkpoint: {error}",
            help="choose another with `--checkpoint best` or `--checkpoint last`",
        ) from None


def weights_sha256(arrays: Arrays) -> str:
    """Return one hash over key, dtype, shape and data of all arrays, in their order."""
    digest = hashlib.sha256()
    for key, array in arrays.items():
        digest.update(f"{key}\0{array.dtype.name}\0{array.shape}\0".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
