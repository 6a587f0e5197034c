"""The whole training state <-> one safetensors file."""

from collections.abc import Iterator, Mapping
from typing import Any

import keras

from kexp.graph.weights import arrays_of, model_variables, pack
from kexp.train.session import Session


def training_state(model: keras.Model, metadata: Mapping[str, Any]) -> bytes:
    """Return model, optimizer and metric variables with what identifies them."""
    variables = model_variables(model)
    for role, optimizer in optimizers_of(model).items():
        variables |= dict(_optimizer_variables(role, optimizer, variables))
    for metric in model.metrics:
        variables |= {f"metrics/{metric.name}/{index}": v for index, v in enumerate(metric.variables)}
    return pack(arrays_of(variables), metadata)


def state_metadata(session: Session) -> dict[str, Any]:
    """Return what tells one state of a run from another."""
    progress = session.progress
    return {
        "run": session.run.id,
        "identity": session.identity,
        "step": progress.step,
        "epoch": progress.epoch,
        "best": progress.best,
    }


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
