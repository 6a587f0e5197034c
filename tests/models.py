"""Models that are imported in tests, and how two models are compared. Import it only where Keras may load."""

import json
from collections import Counter
from pathlib import Path

import keras
import numpy as np
from keras import layers as L

from kexp.document import parse_document
from kexp.graph.build import build_model
from kexp.graph.construct import Context
from kexp.graph.imports import experiment_of
from kexp.protocols import DataInfo, TensorInfo
from kexp.spec.canonical import canonical
from kexp.spec.parse import parse_experiment


def imported(model, name="m"):
    """Return the spec's text and the model that it builds, with the first model's weights."""
    experiment = experiment_of(model, name)
    text = canonical(experiment, short=True)
    if "keras.src" not in text:  # the parser takes these for names of the language
        assert parse_experiment(parse_document(text.encode(), "m.yaml", Path())) == experiment
    ports = experiment.model.inputs
    data = DataInfo(tuple(TensorInfo(p.name, p.shape, p.dtype) for p in ports), (), {}, {}, {"train": 1})
    built = build_model(experiment, data, Context(0, Path(), {})).model
    built.set_weights(model.get_weights())
    return text, built


def check_equal(model, built):
    """Compare layers by class and config, weights by order, and the outputs on random inputs."""
    assert contents(built) == contents(model)
    assert len(keras.tree.flatten(built.outputs)) == len(keras.tree.flatten(model.outputs))
    random = np.random.default_rng(0)
    arrays = [some(tensor, random) for tensor in model.inputs]
    given = arrays[0] if len(arrays) == 1 else arrays
    pairs = zip(keras.tree.flatten(model(given)), keras.tree.flatten(built(given)), strict=True)
    for one, other in pairs:  # two equal convolutions differ in the last bit on oneDNN, as clones do
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-6)


def some(tensor, random):
    shape = (2, *(size or 64 for size in tensor.shape[1:]))
    if "int" in str(tensor.dtype):
        return random.integers(0, 5, shape).astype(tensor.dtype)
    return random.normal(size=shape).astype(tensor.dtype)


def contents(model):
    return Counter(
        (type(layer).__name__, json.dumps(plain(layer.get_config()), sort_keys=True, default=str))
        for layer in leaves(model)
    )


def leaves(model):
    """Yield the layers; a nested Sequential becomes a Functional, so only what is inside counts."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from leaves(layer)
        elif not isinstance(layer, L.InputLayer):
            yield layer


def plain(config):
    if isinstance(config, (list, tuple)):
        return [plain(item) for item in config]
    if isinstance(config, dict) and config.get("class_name") == "DTypePolicy":
        return config["config"]["name"]
    if isinstance(config, dict):
        ignored = ("name", "seed", "build_config", "registered_name")
        return {key: plain(value) for key, value in config.items() if key not in ignored}
    return config


# ---------------------------------------------------------------- structures


def several_inputs():
    title = keras.Input((20,), dtype="int32", name="title")
    body = keras.Input((30,), dtype="int32", name="body")
    age = keras.Input((1,), name="age")
    words = L.Embedding(50, 8, name="words")
    text = L.Bidirectional(L.LSTM(6))(words(body))
    both = L.Concatenate()([L.GlobalAveragePooling1D()(words(title)), text, age])
    features = L.Dense(
        16, activation="relu", name="features", kernel_regularizer=keras.regularizers.L2(1e-4)
    )(both)
    outputs = [
        L.Dense(1, activation="sigmoid", name="priority")(features),
        L.Dense(4, activation="softmax", name="department")(features),
    ]
    model = keras.Model([title, body, age], outputs)
    model.compile(
        keras.optimizers.AdamW(3e-3),
        {"priority": "binary_crossentropy", "department": keras.losses.SparseCategoricalCrossentropy()},
        metrics={"priority": ["AUC"], "department": ["accuracy"]},
        loss_weights={"priority": 1.0, "department": 0.5},
    )
    return model


def siamese():
    tower = keras.Sequential([keras.Input((8, 8, 1)), L.Conv2D(4, 3), L.Flatten(), L.Dense(6)], name="tower")
    left, right = keras.Input((8, 8, 1), name="left"), keras.Input((8, 8, 1), name="right")
    return keras.Model([left, right], L.Dense(1)(keras.ops.abs(tower(left) - tower(right))))


def states_and_masks():
    source, target = keras.Input((7,), dtype="int32"), keras.Input((5,), dtype="int32")
    _, h, c = L.LSTM(6, return_state=True)(L.Embedding(20, 8, mask_zero=True)(source))
    decoded = L.LSTM(6, return_sequences=True)(
        L.Embedding(20, 8, mask_zero=True)(target), initial_state=[h, c]
    )
    return keras.Model([source, target], L.TimeDistributed(L.Dense(20))(decoded))


def attention():
    x = keras.Input((10, 16))
    v = x
    for _ in range(4):
        n = L.LayerNormalization(epsilon=1e-6)(v)
        mixed, scores = L.MultiHeadAttention(2, 8)(n, n, use_causal_mask=True, return_attention_scores=True)
        v = L.Add()([v, mixed])
        v = L.Add()([v, L.Dense(16)(L.Dense(64, activation="gelu")(L.LayerNormalization()(v)))])
    return keras.Model(x, {"out": L.Dense(3)(v[:, 0]), "scores": scores})


def operations():
    x = keras.Input((6, 8))
    ops = keras.ops
    a, b = ops.split(x, 2, axis=-1)
    scores = ops.softmax(ops.einsum("bij,bkj->bik", a, b), axis=-1)
    flat = ops.reshape(ops.matmul(scores, b), (-1, 24))
    return keras.Model(x, [flat, ops.top_k(flat, 3)[0], flat])


def wrappers():
    x = keras.Input((7, 9))
    y = L.RNN([L.LSTMCell(4), L.GRUCell(5)], return_sequences=True)(x)
    backward = L.GRU(3, return_sequences=True, go_backwards=True)
    y = L.Bidirectional(L.GRU(3, return_sequences=True), backward_layer=backward, merge_mode="sum")(y)
    y = L.TimeDistributed(keras.Sequential([L.Dense(4), L.ReLU()]))(y)
    y = L.SpectralNormalization(L.Dense(3))(y)
    fan_out = keras.initializers.VarianceScaling(2.0, "fan_out")
    last = L.Dense(2, kernel_initializer=fan_out, kernel_constraint=keras.constraints.MaxNorm(3))
    return keras.Model(x, last(y))


def frozen_application():
    base = keras.applications.MobileNetV2(
        weights=None, include_top=False, input_shape=(32, 32, 3), alpha=0.35
    )
    base.trainable = False
    x = keras.Input((32, 32, 3))
    features = base(L.Rescaling(1 / 127.5, offset=-1)(x), training=False)
    return keras.Model(x, L.Dense(5, activation="softmax")(L.GlobalAveragePooling2D()(features)))


def unused_outputs():
    x, mask = keras.Input((5, 4)), keras.Input((5,), dtype="bool")
    _, state = L.GRU(3, return_sequences=True, return_state=True)(x)
    frozen = L.Dense(2, dtype="float64", trainable=False)(state)
    return keras.Model([x, mask], [frozen, L.LSTM(3)(x, mask=mask), x])


def stages():
    x = keras.Input((8, 8, 3))
    y = x
    for filters, count in ((8, 4), (16, 2)):
        for _ in range(count):
            skip = L.Conv2D(filters, 1)(y)
            y = L.Conv2D(filters, 3, padding="same", activation="relu")(y)
            y = L.Conv2D(filters, 3, padding="same")(y)
            y = L.Add()([skip, L.BatchNormalization()(y)])
    return keras.Model(x, y)


def doubling():
    x = keras.Input((3,))
    return keras.Model(x, L.Lambda(lambda t: t * 2, name="twice")(x))


class Own(keras.Model):
    def call(self, x):
        return x
