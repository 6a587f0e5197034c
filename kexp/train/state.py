"""The whole training state <-> one safetensors file."""

from collections.abc import Mapping
from typing import Any

import keras

from kexp.graph.weights import arrays_of, model_variables, named, pack


def training_state(model: keras.Model, metadata: Mapping[str, Any]) -> bytes:
    """Return model, optimizer and metric variables with what identifies them."""
    variables = {
        **model_variables(model),
        **dict(named("optimizer", model.optimizer.variables)),
        **dict(named("metrics", model.metrics_variables)),
    }
    return pack(arrays_of(variables), metadata)
