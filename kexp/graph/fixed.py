"""`call: {training: false}` that holds: Keras overrides the argument of a layer that a graph calls.

Source: keras 3.15 `Functional.call` puts its own `training` over every node's; inside a layer's `call` the
argument stays.
"""

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="kexp")
class FixedTraining(keras.layers.Wrapper):  # type: ignore[misc]
    """Calls a layer or model always in training mode, or never."""

    def __init__(self, layer: Any, training: bool, **options: Any) -> None:
        super().__init__(layer, **options)
        self.training = training

    def build(self, input_shape: Any = None) -> None:
        self.built = True

    def call(self, *inputs: Any, **keywords: Any) -> Any:
        return self.layer(*inputs, training=self.training, **keywords)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "training": self.training}
