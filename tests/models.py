"""Models that are imported in tests, and how two models are compared. Import it only where Keras may load."""

import json
import random
from collections import Counter
from pathlib import Path

import keras
import numpy as np
from keras import layers as L

from kexp.document import parse_document
from kexp.graph import fixed
from kexp.graph.build import build_model
from kexp.graph.construct import Context
from kexp.graph.imports import experiment_of
from kexp.graph.opened import Opened
from kexp.graph.weights import finalize
from kexp.protocols import DataInfo, TensorInfo
from kexp.spec.canonical import canonical
from kexp.spec.parse import parse_experiment


def imported(model, name="m", folder=Path()):
    """Return the spec's text and the model that it builds, with the first model's weights."""
    opened = model if isinstance(model, Opened) else Opened(model, model.get_compile_config() or {})
    experiment = experiment_of(opened, name, "m.keras").experiment
    text = canonical(experiment, short=True)
    assert "keras.src" not in text
    return text, built_from(text, opened.model, folder)


def built_from(text, model, folder=Path()):
    """Return the model that a spec builds, with the weights of another; its own code lies in `folder`."""
    experiment = parse_experiment(parse_document(text.encode(), "m.yaml", folder))
    tensors = [TensorInfo(port.name, port.shape, port.dtype) for port in experiment.model.inputs]
    data = DataInfo(tuple(tensors), (), {}, {}, {"train": 1})
    built = build_model(experiment, data, Context(0, folder, {})).model
    built.set_weights(model.get_weights())
    finalize(built)
    return built


def check_equal(model, built):
    """Compare layers by class and config, weights by order, and the outputs on random inputs."""
    assert contents(fixed.plain(built)) == contents(fixed.plain(model))
    check_outputs(model, built)


def check_outputs(model, built):
    assert len(keras.tree.flatten(built.outputs)) == len(keras.tree.flatten(model.outputs))
    generator = np.random.default_rng(0)
    arrays = [some(tensor, generator) for tensor in model.inputs]
    given = arrays[0] if len(arrays) == 1 else arrays
    pairs = zip(keras.tree.flatten(model(given)), keras.tree.flatten(built(given)), strict=True)
    for one, other in pairs:  # two equal convolutions differ in the last bit on oneDNN, as clones do
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-6)


def some(tensor, generator):
    shape = (2, *(size or 64 for size in tensor.shape[1:]))
    if "int" in str(tensor.dtype):
        return generator.integers(0, 5, shape).astype(tensor.dtype)
    return generator.normal(size=shape).astype(tensor.dtype)


def contents(model):
    return Counter(
        (type(layer).__name__, json.dumps(config_of(layer), sort_keys=True, default=str))
        for layer in leaves(model)
    )


def config_of(layer):
    """Return a config without names; whether a layer without weights is trainable says nothing."""
    config = plain(layer.get_config())
    return config if layer.weights else {**config, "trainable": None}


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
        ignored = ("name", "seed", "build_config", "registered_name", "input_layers", "output_layers")
        named = {"keras_history": lambda value: value[1:]}  # the layer's name comes first
        kept = {key: value for key, value in config.items() if key not in ignored}
        return {key: plain(named.get(key, lambda value: value)(value)) for key, value in kept.items()}
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


def normalized():
    """Return a model that learnt of its data at its input, in a nested model and in a wrapper."""
    generator = np.random.default_rng(0)
    first, deep, wrapped = (L.Normalization(name=name) for name in ("first", "deep", "wrapped"))
    first.adapt(generator.normal(3, 2, (50, 4)).astype("float32"))
    deep.adapt(generator.normal(-1, 3, (50, 4)).astype("float32"))
    wrapped.adapt(generator.normal(5, 1, (50, 4)).astype("float32"))
    tower = keras.Sequential([keras.Input((4,)), L.Rescaling(0.5), deep, L.Dense(3)], name="tower")
    x = keras.Input((4,), name="x")
    steps = L.TimeDistributed(wrapped, name="each")(L.Reshape((1, 4))(x))
    return keras.Model(x, L.Dense(1)(L.Concatenate()([tower(first(x)), L.Flatten()(steps)])))


def looked_up():
    x, y = keras.Input((1,), dtype="int64", name="x"), keras.Input((1,), name="y")
    lookup, bins = L.IntegerLookup(), L.Discretization(num_bins=3)
    lookup.adapt(np.array([4, 5, 5, 9]))
    bins.adapt(np.arange(10.0))
    one_hot = [L.CategoryEncoding(5)(lookup(x)), L.CategoryEncoding(3)(bins(y))]
    return keras.Model([x, y], L.Dense(2)(L.Concatenate()(one_hot)))


def decoder():
    x, mask = keras.Input((6, 8), name="x"), keras.Input((6,), dtype="bool", name="seen")
    y = x
    for index in range(3):
        mixed = L.MultiHeadAttention(2, 4, name=f"decoder_{index}_mix")(y, y, key_mask=mask)
        y = L.LayerNormalization(name=f"decoder_{index}_norm")(L.Add(name=f"decoder_{index}_sum")([y, mixed]))
        more = L.Dense(8, name=f"decoder_{index}_down")(L.Dense(16, name=f"decoder_{index}_up")(y))
        y = L.LayerNormalization(name=f"decoder_{index}_out")(L.Add(name=f"decoder_{index}_all")([y, more]))
    return keras.Model([x, mask], y)


def doubling():
    x = keras.Input((3,))
    return keras.Model(x, L.Lambda(lambda t: t * 2, name="twice")(x))


# ---------------------------------------------------------------- any graph


class Chance:
    """Makes graphs on sequences (5, 8) at random: chains, branches, shared layers, models in models."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def model(self, depth=0):
        inputs = [
            keras.Input((5, 8), name=f"in_{depth}_{index}") for index in range(self.random.randint(1, 2))
        ]
        known, shared = list(inputs), []
        for _ in range(self.random.randint(2, 4)):
            known += self.stretch(known, shared, depth)
        count = self.random.choice([1, 1, 2, 3])
        outputs = [
            known[-1],
            *self.random.sample(known[len(inputs) :], min(count, len(known) - len(inputs)) - 1),
        ]
        taken = inputs[0] if len(inputs) == 1 else inputs
        if self.random.random() < 0.2:
            return keras.Model(taken, {f"out_{index}": tensor for index, tensor in enumerate(outputs)})
        return keras.Model(taken, outputs[0] if len(outputs) == 1 else outputs)

    def stretch(self, known, shared, depth):
        """Return the tensors of one pattern, repeated on what came before."""
        pattern = [self.random.choice(PATTERNS) for _ in range(self.random.randint(1, 4))]
        widths = self.random.choice([[8], [8, 4], [4, 8, 16]])
        made = []
        for turn in range(self.random.choice([1, 1, 2, 3, 4])):
            x = made[-1] if made else self.random.choice(known)
            start = x
            for make in pattern:
                x = make(self, x, start, widths[turn % len(widths)], shared)
            if depth < 2 and self.random.random() < 0.1:
                inner = self.model(depth + 1)
                given = [self.random.choice([*known, x]) for _ in inner.inputs]
                results = keras.tree.flatten(inner(given[0] if len(given) == 1 else given))
                made += results
                x = results[0]
            made.append(x)
        return made

    def dense(self, x, start, width, shared):
        return L.Dense(8)(L.Dense(width, activation=self.random.choice(["relu", "tanh"]))(x))

    def norm(self, x, start, width, shared):
        return L.LayerNormalization()(x)

    def drop(self, x, start, width, shared):
        return L.Dropout(0.1 * self.random.randint(1, 3))(x)

    def add(self, x, start, width, shared):
        return L.Add()([start, x]) if x is not start else L.ReLU()(x)

    def join(self, x, start, width, shared):
        return L.Dense(8)(L.Concatenate()([x, L.Dense(width)(start), start]))

    def attend(self, x, start, width, shared):
        return L.MultiHeadAttention(2, 4)(x, start, use_causal_mask=self.random.random() < 0.5)

    def remember(self, x, start, width, shared):
        sequence, h, c = L.LSTM(8, return_sequences=True, return_state=True)(x)
        return L.LSTM(8, return_sequences=True)(start, initial_state=[h, c]) if width == 4 else sequence

    def compute(self, x, start, width, shared):
        one, two = keras.ops.split(x, 2, axis=-1)
        return keras.ops.concatenate([keras.ops.tanh(one) * 2.0, two - start[..., :4]], axis=-1)

    def share(self, x, start, width, shared):
        if not shared or self.random.random() < 0.3:
            shared.append(L.Dense(8, name=f"shared_{self.random.randint(0, 10**9)}"))
        return self.random.choice(shared)(x)


PATTERNS = [
    *(Chance.dense, Chance.dense, Chance.norm, Chance.drop, Chance.add, Chance.add, Chance.join),
    *(Chance.attend, Chance.remember, Chance.compute, Chance.share),
]
