"""`call: {training: false}` that holds: Keras overrides the argument of a layer that a graph calls.

Source: keras 3.15 `Functional.call` puts its own `training` over every node's; inside a layer's `call` the
argument stays.
"""

from functools import partial
from typing import Any

import keras
from keras.src.models import Functional


@keras.saving.register_keras_serializable(package="kexp")
class FixedTraining(keras.layers.Wrapper):  # type: ignore[misc]
    """Calls a layer or model always in training mode, or never."""

    def __init__(self, layer: Any, training: bool, **options: Any) -> None:
        super().__init__(layer, **options)
        self.training = training
        self.supports_masking = True

    def build(self, input_shape: Any = None) -> None:
        self.built = True

    def call(self, *inputs: Any, **keywords: Any) -> Any:
        return self.layer(*inputs, training=self.training, **keywords)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> None:
        """Leave the masks that the layer's own call has put on its outputs."""

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "training": self.training}


def unwrapped(layer: Any) -> Any:
    """Return the layer that the user knows."""
    return layer.layer if isinstance(layer, FixedTraining) else layer


def plain(model: keras.Model) -> keras.Model:
    """Return the model, its weights shared, with layers of Keras alone, as far as predictions stay the same.

    A layer that never trains predicts as without its wrapper; one that always does needs it.
    """
    if not isinstance(model, Functional) or not _holds_fixed(model):
        return model
    clone = _clone(model, {})
    clone.output_names = model.output_names
    if model.compiled:
        clone.compile(**model._compile_config.config)
        clone.optimizer = model.optimizer
    return clone


def _holds_fixed(model: Functional) -> bool:
    return any(
        (isinstance(layer, FixedTraining) and not layer.training)
        or (isinstance(unwrapped(layer), Functional) and _holds_fixed(unwrapped(layer)))
        for layer in model.layers
    )


def _clone(model: Functional, made: dict[int, Any]) -> Functional:
    """Return the model on the same layers; `made` holds the nested models that were cloned."""

    def replaced(layer: Any) -> Any:
        if isinstance(layer, FixedTraining):
            return layer if layer.training else partial(replaced(layer.layer), training=False)
        if not isinstance(layer, Functional) or not _holds_fixed(layer):
            return layer
        if id(layer) not in made:
            made[id(layer)] = _clone(layer, made)
        return made[id(layer)]

    return keras.models.clone_model(model, clone_function=replaced)
