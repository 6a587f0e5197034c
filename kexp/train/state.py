"""The whole training state <-> one safetensors file."""

from collections.abc import Mapping
from typing import Any

import keras

from kexp.graph.weights import arrays_of, model_variables, named, pack


def training_state(model: keras.Model, metadata: Mapping[str, Any]) -> bytes:
    """Return model, optimizer and metric variables with what identifies them."""
    variables = {**model_variables(model), **dict(named("metrics", model.metrics_variables))}
    for role, optimizer in optimizers_of(model).items():
        variables.update(named(role, optimizer.variables))
    return pack(arrays_of(variables), metadata)


def optimizers_of(model: keras.Model) -> dict[str, keras.Optimizer]:
    """Return the optimizers by the attribute that holds them; a model class may have several."""
    found = {name: value for name, value in vars(model).items() if isinstance(value, keras.Optimizer)}
    compiled = getattr(model, "optimizer", None)
    return {"optimizer": compiled, **found} if isinstance(compiled, keras.Optimizer) else found
