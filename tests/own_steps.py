"""Code of a user's own: a model class with its own steps on every backend, and a callback that draws."""

import os

MODEL = """
  "own.py:Own":
    body: {model: {layers: [{Rescaling: 0.0625}, {Dense: 8}, {Dropout: 0.2}, {Dense: 10}]}}
"""
TRAIN = "optimizer: {Adam: 1e-2}\n  compile: {second: {SGD: 0.01}}"
_CODE = """\
import random

import keras
import numpy as np
from keras import ops


class Body(keras.Model):
    def __init__(self, body):
        super().__init__()
        self.body = body
        self.noise = keras.random.SeedGenerator(5)
        self.tracker = keras.metrics.Mean(name="loss")
        self.error = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def call(self, x, training=False):
        if training:
            x = x + keras.random.normal(ops.shape(x), seed=self.noise)
        return self.body(x, training=training)

    def compile(self, optimizer, second):
        super().compile()
        self.optimizer, self.second = optimizer, second

    def test_step(self, data):
        x, y = data
        self.tracker.update_state(self.error(y, self(x)))
        return {"loss": self.tracker.result()}

    @property
    def metrics(self):
        return [self.tracker]


class Draws(keras.callbacks.Callback):
    \"\"\"Draws from all generators of the process, and has a memory and a generator of its own.\"\"\"

    def __init__(self, patience=2):
        super().__init__()
        self.patience, self.seen, self.own = patience, [], np.random.default_rng(1)
        self.table = {("a", 1): np.zeros(2)}

    def on_epoch_begin(self, epoch, logs=None):
        self.patience += 1
        self.seen.append((epoch, random.random(), np.random.rand(), self.own.random()))

    def on_epoch_end(self, epoch, logs=None):
        self.table["a", 1] = self.table["a", 1] + self.own.random(2)
        logs["drawn"] = float(np.random.rand() + random.random() + len(self.seen) + self.own.random())
        logs["noise"] = float(keras.random.uniform(()))
"""
_STEPS = {
    "tensorflow": """\


class Own(Body):
    def train_step(self, data):
        import tensorflow as tf

        x, y = data
        with tf.GradientTape(persistent=True) as tape:
            loss = self.error(y, self(x, training=True))
        first, last = self.trainable_variables[:2], self.trainable_variables[2:]
        self.optimizer.apply(tape.gradient(loss, first), first)
        self.second.apply(tape.gradient(loss, last), last)
        self.tracker.update_state(loss)
        return {"loss": self.tracker.result(), "last": loss}
""",
    "jax": """\


class Own(Body):
    def compile(self, optimizer, second):
        def of(variable):
            return second if variable.shape[-1] == 10 else optimizer

        super().compile(keras.optimizers.MultiOptimizer(of), None)

    def train_step(self, state, data):
        import jax

        trainable, others, optimizer, metrics = state
        (x, y), error = data, self.error

        def loss_of(trainable):
            found, changed = self.stateless_call(trainable, others, x, training=True)
            return error(y, found), changed

        (loss, others), gradients = jax.value_and_grad(loss_of, has_aux=True)(trainable)
        trainable, optimizer = self.optimizer.stateless_apply(optimizer, gradients, trainable)
        metrics = self.tracker.stateless_update_state(metrics, loss)
        logs = {"loss": self.tracker.stateless_result(metrics), "last": loss}
        return logs, (trainable, others, optimizer, metrics)

    def test_step(self, state, data):
        trainable, others, metrics = state
        x, y = data
        found, _ = self.stateless_call(trainable, others, x)
        metrics = self.tracker.stateless_update_state(metrics, self.error(y, found))
        return {"loss": self.tracker.stateless_result(metrics)}, (trainable, others, metrics)
""",
    "torch": """\


class Own(Body):
    def train_step(self, data):
        import torch

        x, y = data
        self.zero_grad()
        loss = self.error(y, self(x + 0.1 * torch.randn(x.shape), training=True))
        loss.backward()
        first, last = self.trainable_variables[:2], self.trainable_variables[2:]
        with torch.no_grad():
            self.optimizer.apply([v.value.grad for v in first], first)
            self.second.apply([v.value.grad for v in last], last)
            self.tracker.update_state(loss)
        return {"loss": self.tracker.result(), "last": loss.detach()}
""",
}
"""By backend; torch's draws from its global generator."""


def code() -> str:
    """Return `own.py` for the backend that KERAS_BACKEND names."""
    return _CODE + _STEPS[os.environ.get("KERAS_BACKEND", "tensorflow")]
