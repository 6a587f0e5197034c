"""What tells a transformer where in a sequence something stands."""

import keras


class AddPositions(keras.layers.Layer):
    """Adds a learned vector to every place of a sequence.

    Shapes: (batch, length, size), as it came.
    """

    def build(self, shape):
        self.vectors = self.add_weight(shape=shape[1:], initializer="random_normal", name="vectors")

    def call(self, sequence):
        return sequence + self.vectors
