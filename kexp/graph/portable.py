"""What one backend can train and another cannot."""

import inspect
from typing import Any

import keras

from kexp.diagnostics import Diagnostic
from kexp.errors import SpecError
from kexp.graph.beside import BY_TENSORFLOW
from kexp.spec.types import Component, Step


def check_step(model: keras.Model, component: Component) -> None:
    """Refuse a step that was written for another backend.

    Raises: SpecError (other-backend-step).
    """
    backend = keras.backend.backend()
    given = ("state", "data") if backend == "jax" else ("data",)
    try:
        inspect.signature(model.train_step).bind(*given)
    except TypeError:
        message = (
            f"on {backend}, Keras gives `train_step` {' and '.join(f'`{name}`' for name in given)}, "
            f"and that of `{type(model).__name__}` takes something else"
        )
        help = "`runtime.backend` chooses the backend that it was written for"
        raise SpecError(
            Diagnostic("other-backend-step", message, component.path, component.span, help=help)
        ) from None


def check_traceable(layer: Any, step: Step) -> None:
    """Refuse what JAX cannot compile into a step.

    Raises: SpecError (not-on-jax).
    """
    if keras.backend.backend() == "jax" and isinstance(layer, BY_TENSORFLOW):
        message = f"`{type(layer).__name__}` computes by TensorFlow, which no model on JAX can hold"
        help = "put it under `preprocess`, which runs by TensorFlow on every backend"
        raise SpecError(Diagnostic("not-on-jax", message, step.path, step.key, help=help))
