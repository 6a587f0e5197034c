"""A generative adversarial network as a model class that receives its two graphs."""

import keras
import tensorflow as tf
from keras import ops


class GAN(keras.Model):
    """A generator that learns to draw what a critic, who learns too, takes for real: a Wasserstein GAN.

    Units: `distance` is the energy distance between drawings and real images, 0 where they are alike.
    Source: Gulrajani et al. 2017, Improved Training of Wasserstein GANs.
    """

    def __init__(self, generator, critic, noise_size, seed):
        super().__init__()
        self.generator, self.critic, self.noise_size = generator, critic, noise_size
        self.seeds = keras.random.SeedGenerator(seed)
        self.means = {name: keras.metrics.Mean(name) for name in ("loss", "gap", "distance")}

    def compile(self, generator_optimizer, critic_optimizer, critic_steps, penalty):
        """Take the critic's steps per step of the generator, and what a slope other than 1 costs it."""
        super().compile()
        self.generator_optimizer, self.critic_optimizer = generator_optimizer, critic_optimizer
        self.critic_steps, self.penalty = critic_steps, penalty

    def call(self, image):
        """Return as many drawings as there are images."""
        noise = keras.random.normal((ops.shape(image)[0], self.noise_size), seed=self.seeds)
        return self.generator(noise)

    def train_step(self, data):
        """Let the critic learn to part real images from drawings, then the generator to please it."""
        image, _ = data
        for _ in range(self.critic_steps):
            with tf.GradientTape() as tape:
                drawing = self(image)
                gap = ops.mean(self.critic(image)) - ops.mean(self.critic(drawing))
                loss = self.penalty * self._steepness(image, drawing) - gap
            _learn(self.critic, self.critic_optimizer, tape, loss)
        with tf.GradientTape() as tape:
            loss = -ops.mean(self.critic(self(image)))
        _learn(self.generator, self.generator_optimizer, tape, loss)
        return self._told(loss=loss, gap=gap)

    def test_step(self, data):
        """Compare as many drawings with these real images."""
        image, _ = data
        drawing = self(image)
        distance = 2 * _apart(image, drawing) - _apart(image, image) - _apart(drawing, drawing)
        return self._told(loss=-ops.mean(self.critic(drawing)), distance=distance)

    def _told(self, **values):
        """Return the mean of each value over the epoch so far."""
        for name, value in values.items():
            self.means[name].update_state(value)
        return {name: self.means[name].result() for name in values}

    def _steepness(self, image, drawing):
        """Return how far the critic's slope is from 1 somewhere between an image and a drawing."""
        share = keras.random.uniform((ops.shape(image)[0], 1, 1, 1), seed=self.seeds)
        between = share * image + (1 - share) * drawing
        with tf.GradientTape() as tape:
            tape.watch(between)
            verdict = self.critic(between)
        slope = ops.norm(ops.reshape(tape.gradient(verdict, between), (-1, 64)) + 1e-12, axis=-1)
        return ops.mean((slope - 1) ** 2)


def _learn(graph, optimizer, tape, loss):
    optimizer.apply(tape.gradient(loss, graph.trainable_variables), graph.trainable_variables)


def _apart(a, b):
    """Return the mean distance between two images, one of each batch."""
    difference = ops.expand_dims(a, 1) - ops.expand_dims(b, 0)
    return ops.mean(ops.sqrt(ops.sum(difference**2, axis=(2, 3, 4)) + 1e-12))
