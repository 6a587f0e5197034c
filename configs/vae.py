"""The layer that makes an autoencoder variational."""

import keras
from keras import ops


class Sampling(keras.layers.Layer):
    """Draws a code from a normal distribution, and adds its divergence from the standard one to the loss."""

    def __init__(self, weight=1.0, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.weight, self.seed = weight, seed
        self.seeds = keras.random.SeedGenerator(seed)

    def call(self, mean, log_variance, training=False):
        """Return mean + deviation * noise; the mean alone outside training.

        Shapes: mean and log_variance (batch, size).
        """
        divergence = ops.sum(ops.exp(log_variance) + mean**2 - 1 - log_variance, axis=-1) / 2
        self.add_loss(self.weight * ops.mean(divergence))
        if not training:
            return mean
        return mean + ops.exp(log_variance / 2) * keras.random.normal(ops.shape(mean), seed=self.seeds)

    def get_config(self):
        return {**super().get_config(), "weight": self.weight, "seed": self.seed}
