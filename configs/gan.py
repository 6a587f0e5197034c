"""A generative adversarial network as a model class that receives its two graphs, for every backend."""

import keras
from keras import ops


class GAN(keras.Model):
    """A generator that learns to draw, against a critic whose descriptions tell drawings from images.

    Both learn in one step from one loss: the critic makes it small, and the generator, whose gradients come
    back reversed, makes it large.

    Source: Bellemare et al. 2017, The Cramer Distance as a Solution to Biased Wasserstein Gradients;
        Ganin and Lempitsky 2015, Unsupervised Domain Adaptation by Backpropagation.
    """

    def __init__(self, generator, critic, noise_size, seed):
        super().__init__()
        self.generator, self.critic, self.noise_size = generator, critic, noise_size
        self.seeds = keras.random.SeedGenerator(seed)

    def compile(self, penalty, **others):
        """Take what it costs the critic to tell two images further apart than they are."""
        super().compile(**others)
        self.penalty = penalty

    def call(self, image):
        """Return as many drawings as there are images."""
        noise = keras.random.normal((ops.shape(image)[0], self.noise_size), seed=self.seeds)
        return self.generator(noise)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Return how alike images and drawings are to the critic, and the penalty of its exaggerations.

        Weights of samples and losses of layers have no part in it.
        """
        image, drawing = x, y_pred
        likeness = -distance(self.critic(image), self.critic(_reversed(drawing)))
        return likeness + self.penalty * self._exaggeration(image, ops.stop_gradient(drawing))

    def _exaggeration(self, image, drawing):
        """Return how much further apart than the pixels are, the critic's descriptions of them are."""
        share = _length(self.critic(image) - self.critic(drawing)) / _length(image - drawing)
        return ops.mean(ops.relu(share - 1) ** 2)


def distance(a, b):
    """Return the energy distance between two batches: 0 where they are alike."""
    return 2 * _apart(a, b) - _apart(a, a) - _apart(b, b)


def _apart(a, b):
    """Return the mean distance between two samples, one of each batch."""
    return ops.mean(_length(ops.expand_dims(a, 1) - ops.expand_dims(b, 0), axes_before=2))


def _length(difference, axes_before=1):
    axes = tuple(range(axes_before, len(difference.shape)))
    return ops.sqrt(ops.sum(difference**2, axis=axes) + 1e-12)


def _reversed(tensor):
    """Return the same values, whose gradients change their sign."""
    return 2 * ops.stop_gradient(tensor) - tensor
