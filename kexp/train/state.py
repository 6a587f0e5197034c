"""The whole training state <-> one immutable safetensors file."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from kexp.errors import RunRefused
from kexp.graph.checkpoint import Arrays, open_checkpoint, pack
from kexp.graph.weights import assign, model_variables, weights_sha256
from kexp.record.files import Pieces
from kexp.train.backends.interface import Backend

_BEST = "best/"
_CALLBACKS = "callbacks/"


@dataclass(frozen=True, slots=True)
class State:
    """What a training goes on from: arrays under our keys, and `record`, which is JSON.

    `offset` counts the steps that are done of the epoch after `epoch`.
    """

    record: Mapping[str, Any]
    arrays: Arrays

    @property
    def step(self) -> int:
        return int(self.record["step"])

    @property
    def offset(self) -> int:
        return int(self.record["offset"])

    @property
    def best_arrays(self) -> Arrays | None:
        """The best weights so far; those of the model where this epoch is the best."""
        if self.record["best"] is None:
            return None
        prefix = "" if self.record["is_best"] else _BEST
        wanted = f"{prefix}model/"
        return {k.removeprefix(prefix): a for k, a in self.arrays.items() if k.startswith(wanted)}

    def packed(self) -> Pieces:
        """Return the file in pieces, with a hash of all that is in it."""
        return pack(self.arrays, {**self.record, "sha256": _digest(self.record, self.arrays)})


def with_best(arrays: Arrays, best: Arrays | None) -> Arrays:
    """Return a state's arrays with the best weights beside them."""
    return {**arrays, **{f"{_BEST}{key}": array for key, array in (best or {}).items()}}


def read_state(path: Path) -> State:
    """Read a state and compare it with its hash.

    Raises: RunRefused (checkpoint-corrupt).
    """
    with open_checkpoint(path) as checkpoint:
        arrays = {key: checkpoint.array(key) for key in checkpoint.places}
        written = checkpoint.metadata.get("kexp", "{}")
    try:
        record = json.loads(written)
        digest = record.pop("sha256")
        is_whole = digest == _digest(record, arrays)
    except (ValueError, KeyError, AttributeError, RecursionError):
        is_whole = False
    if not is_whole:
        raise RunRefused.because("checkpoint-corrupt", f"`{path.name}` does not hold what was written to it")
    return State(record, arrays)


def _digest(record: Mapping[str, Any], arrays: Arrays) -> str:
    """Hash a state; arrays are taken in the order of their names, since files have one of their own."""
    content = weights_sha256(dict(sorted(arrays.items())))
    return hashlib.sha256(f"{content}{json.dumps(record, sort_keys=True)}".encode()).hexdigest()


def state_variables(model: keras.Model) -> dict[str, Any]:
    """Return the variables of model, optimizers and metrics; seed generators are among the model's."""
    variables = model_variables(model)
    optimizers = [
        pair
        for role, optimizer in optimizers_of(model).items()
        for pair in _optimizer_variables(role, optimizer, variables)
    ]
    metrics = {
        f"metrics/{position}/{index}": variable
        for position, metric in enumerate(model.metrics)
        for index, variable in enumerate(metric.variables)
    }
    return {**variables, **dict(optimizers), **metrics}


def put_into(model: keras.Model, state: State, apart: frozenset[str] = frozenset()) -> None:
    """Set all variables, which were built before; those `apart` keep what they are.

    Raises: RunRefused (checkpoint-mismatch) unless keys, dtypes and shapes agree exactly.
    """
    variables = {key: v for key, v in state_variables(model).items() if not _is_among(key, apart)}
    held = {
        key: array
        for key, array in state.arrays.items()
        if not _is_among(key, apart) and not key.startswith((_BEST, _CALLBACKS))
    }
    assign(variables, held)


def _is_among(key: str, apart: frozenset[str]) -> bool:
    return any(key.startswith(name) or key.endswith(name) for name in apart)


def build_state(model: keras.Model, backend: Backend, batch: Any) -> None:
    """Make the variables that Keras, or a model class of the user's own, makes at its first step."""
    if type(model).train_step is keras.Model.train_step:
        model._symbolic_build(data_batch=batch)
    else:
        backend.build_steps(model, batch)


def optimizers_of(model: keras.Model) -> dict[str, keras.Optimizer]:
    """Return the optimizers by the attribute that holds them; a model class may have several."""
    found = {name: value for name, value in vars(model).items() if isinstance(value, keras.Optimizer)}
    compiled = getattr(model, "optimizer", None)
    return {"optimizer": compiled, **found} if isinstance(compiled, keras.Optimizer) else found


def _optimizer_variables(
    role: str, optimizer: keras.Optimizer, model_keys: Mapping[str, Any]
) -> Iterator[tuple[str, Any]]:
    """Key an optimizer's variables by slot and model variable, the others by their names.

    Source: keras 3.15 `Optimizer.add_variable_from_reference` names a slot after its variable's path.
    """
    by_path = sorted(
        ((variable.path.replace("/", "_"), key) for key, variable in model_keys.items()),
        key=lambda item: -len(item[0]),
    )
    taken: set[str] = set()
    for index, variable in enumerate(optimizer.variables):
        name = variable.path.rpartition("/")[2]
        owner = next(((path, key) for path, key in by_path if name.startswith(f"{path}_")), None)
        key = f"{role}/{name}" if owner is None else f"{role}/{name[len(owner[0]) + 1 :]}/{owner[1]}"
        key = key if key not in taken else f"{key}/{index}"
        taken.add(key)
        yield key, variable
