"""Segments and Keras's own `fit` over the same batches leave the same bits, whatever is asked of them."""

import numpy as np
import pytest
from fakes import KERAS, machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kexp.data.lazy import Mapped

pytestmark = KERAS

SIZE, BATCH = 83, 16


@pytest.fixture(autouse=True)
def keras():
    machine()
    import keras

    yield keras
    keras.config.set_dtype_policy("float32")


def data(seed=0, size=SIZE):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(size, 6)).astype("float32"), rng.integers(0, 3, size)


def classifier(*more, optimizer=None, **options):
    """Return what makes a small network with something random in it."""

    def make():
        import keras
        from keras import layers

        model = keras.Sequential(
            [
                keras.Input((6,)),
                layers.Dense(8, "relu"),
                layers.BatchNormalization(),
                layers.Dropout(0.3, seed=1),
                *(layer() for layer in more),
                layers.Dense(3, "softmax"),
            ]
        )
        settings = {"metrics": ["accuracy"], "loss": "sparse_categorical_crossentropy", **options}
        model.compile(optimizer=optimizer() if optimizer else keras.optimizers.Adam(0.01), **settings)
        return model

    return make


def task(make=None, parts=None, validation=None, **options):
    """Return a small training of two epochs over shuffled rows, with a partial batch."""
    from fits import Task

    from kexp.train.engine.feed import Feed

    names = ("batch_size", "seed", "shuffle", "steps_per_epoch", "augmentation")
    order = {"batch_size": BATCH, "seed": 5, "shuffle": True} | {
        name: options.pop(name) for name in names if name in options
    }
    given = data() if parts is None else parts
    held = data(1, 37) if validation is None and parts is None else validation
    val = None if held is None else Feed(held, order["batch_size"])
    return Task(make or classifier(), Feed(given, **order), val, **options)


def check(*positional, **named):
    from fits import check_all_ways

    return check_all_ways(task(*positional, **named))


# ---------------------------------------------------------------- orders and data


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"shuffle": False},
        {"batch_size": 100},
        {"batch_size": 1, "steps_per_epoch": 20},
        {"steps_per_epoch": 13},
        {"shuffle": False, "steps_per_epoch": 4},
    ],
    ids=str,
)
def test_orders(order):
    from fits import check_all_ways

    ways = (("resident", None), ("resident", 1), ("resident", 3), ("streamed", None), ("streamed", 2))
    check_all_ways(task(epochs=3, **order), ways)


def test_dtypes_stay_what_they_are():
    """uint8 and int64 are what the model sees, and its own layers turn them into floats."""
    from keras import layers

    seen = []

    def make():
        import keras

        class Looking(keras.layers.Layer):
            def call(self, x):
                seen.append(keras.backend.standardize_dtype(x.dtype))
                return x

        image, number = keras.Input((4, 4), dtype="uint8"), keras.Input((1,), dtype="int64")
        flat = layers.Flatten()(layers.Rescaling(1 / 255)(Looking(dtype="uint8")(image)))
        both = layers.Concatenate()([flat, layers.Flatten()(layers.Embedding(5, 3)(number))])
        model = keras.Model([image, number], layers.Dense(1)(both))
        model.compile("sgd", "mse")
        return model

    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (SIZE, 4, 4)).astype("uint8")
    check(make, parts=((images, rng.integers(0, 5, (SIZE, 1))), rng.normal(size=(SIZE, 1)).astype("float32")))
    assert set(seen) == {"uint8"}


def test_columns_that_are_read_when_asked_for(keras):
    from fits import fitted

    x, y = data()
    lazy, plain = (task(parts=(column, y), validation=(column, y)) for column in (Mapped(x), x))
    assert fitted(lazy, "streamed") == fitted(lazy, "single") == fitted(plain, "single")


def test_sample_weights():
    x, y = data()
    check(classifier(weighted_metrics=["accuracy"]), parts=(x, y, np.linspace(0, 2, SIZE, dtype="float32")))


def test_weights_of_classes():
    from fits import fitted

    x, y = data()
    by_class = {0: 0.5, 1: 1.0, 2: 3.0}
    weights = np.array([by_class[number] for number in y], np.float32)
    usual = fitted(task(parts=(x, y), options={"class_weight": by_class}), "single")
    assert fitted(task(parts=(x, y, weights)), "resident") == usual


def test_several_inputs_and_outputs_by_name():
    def make():
        import keras
        from keras import layers

        left, right = keras.Input((6,), name="left"), keras.Input((6,), name="right")
        both = layers.Concatenate()([layers.Dense(4)(left), layers.Dense(4)(right)])
        outputs = {"kind": layers.Dense(3, "softmax")(both), "size": layers.Dense(1)(both)}
        model = keras.Model([left, right], outputs)
        model.compile(
            "rmsprop",
            {"kind": "sparse_categorical_crossentropy", "size": "mae"},
            loss_weights={"kind": 1.0, "size": 0.3},
            metrics={"kind": ["accuracy"], "size": ["mse"]},
        )
        return model

    x, y = data()
    parts = ((x, x[::-1].copy()), {"kind": y, "size": x[:, :1].copy()})
    found = check(make, parts=parts, validation=parts)
    assert {"kind_accuracy", "size_mse", "val_kind_loss"} <= set(found.history)


def test_inputs_without_labels_and_a_loss_of_the_layers_own():
    def make():
        import keras

        class Spread(keras.layers.Layer):
            def call(self, x):
                self.add_loss(keras.ops.mean(keras.ops.square(x - 1)))
                return x

        model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(2), Spread()])
        model.compile("sgd")
        return model

    found = check(make, parts=(data()[0],))
    assert found.history["loss"][1] < found.history["loss"][0]


# ---------------------------------------------------------------- deep networks


def residual():
    import keras
    from keras import layers as L

    def convolved(x, strides=1):
        return L.BatchNormalization()(L.Conv2D(4, 3, strides, "same", use_bias=False)(x))

    image = keras.Input((8, 8, 1))
    x = L.ReLU()(convolved(image))
    for _ in range(2):
        x = L.ReLU()(x + convolved(L.ReLU()(convolved(x))))
    return keras.Model(image, L.Dense(3, "softmax")(L.GlobalAveragePooling2D()(x)))


def transformer():
    import keras
    from keras import layers as L

    x = given = keras.Input((12, 6))
    x = L.LayerNormalization()(x + L.MultiHeadAttention(2, 3, dropout=0.1, seed=1)(x, x))
    x = L.LayerNormalization()(x + L.Dropout(0.1, seed=2)(L.Dense(6)(L.Dense(9, "gelu")(x))))
    return keras.Model(given, L.Dense(3, "softmax")(L.GlobalAveragePooling1D()(x)))


@pytest.mark.parametrize("build", [residual, transformer])
def test_deep_networks(build, keras):
    """Batches of 50 rows: with their size known to the graph, these two would differ from `fit`.

    A first engine told the graph how many rows a batch has. Then TensorFlow's constant folding makes
    `x / 50` into `x * (1 / 50)`, which is another number wherever the size is no power of two: batch
    normalization differs by 1e-5 after four steps, and the loss of ResNet-20 by 1e-3 after eight. With
    constant folding off (`tf.config.optimizer`), batch normalization is the same again; a transformer is not,
    since gradients are traced differently too where the axes to sum over are known. So the size stays unknown
    to the graph, as it is to that of `fit`.
    """

    def make():
        model = build()
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, *build().input_shape[1:])).astype("float32")
    check(make, parts=(x, rng.integers(0, 3, 120)), batch_size=50)


# ---------------------------------------------------------------- what compile and callbacks offer


@pytest.mark.parametrize(
    "options",
    [
        {"use_ema": True, "ema_overwrite_frequency": 3},
        {"gradient_accumulation_steps": 4, "clipnorm": 0.1},
        {"global_clipnorm": 0.1, "weight_decay": 0.1, "loss_scale_factor": 8.0},
    ],
    ids=str,
)
def test_settings_of_an_optimizer(options, keras):
    check(classifier(optimizer=lambda: keras.optimizers.Adam(0.01, **options)))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "SGD",
        "RMSprop",
        "AdamW",
        "Adadelta",
        "Adagrad",
        "Adamax",
        "Adafactor",
        "Nadam",
        "Ftrl",
        "Lion",
        "Lamb",
    ],
)
def test_optimizers(name, keras):
    check(classifier(optimizer=lambda: getattr(keras.optimizers, name)(0.01)))


def test_a_schedule(keras):
    decay = keras.optimizers.schedules.CosineDecay(0.1, 9)
    check(classifier(optimizer=lambda: keras.optimizers.SGD(decay, momentum=0.9, nesterov=True)))


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(policy, keras):
    keras.config.set_dtype_policy(policy)
    check()


def test_xla():
    found = check(classifier(jit_compile=True))
    assert np.isfinite(found.history["val_loss"]).all()


def test_regularisation_and_constraints(keras):
    def penalised():
        return keras.layers.Dense(
            5, kernel_regularizer="l2", kernel_constraint=keras.constraints.MaxNorm(1.0)
        )

    check(classifier(penalised, metrics=["accuracy", "sparse_top_k_categorical_accuracy"]))


def test_layers_that_draw_and_remember(keras):
    def noise():
        return keras.layers.GaussianNoise(0.5, seed=3)

    def spectral():
        return keras.layers.SpectralNormalization(keras.layers.Dense(4))

    check(classifier(noise, spectral))


def test_validation_after_some_epochs():
    found = check(epochs=3, options={"validation_freq": [1, 3]})
    assert len(found.history["val_loss"]) == 2


def test_callbacks_of_keras(keras):
    def callbacks():
        return [
            keras.callbacks.ReduceLROnPlateau("loss", 0.5, patience=1, min_delta=9.0),
            keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
            keras.callbacks.EarlyStopping("val_loss", patience=2, min_delta=9.0, restore_best_weights=True),
            keras.callbacks.TerminateOnNaN(),
        ]

    found = check(epochs=6, callbacks=callbacks)
    assert len(found.history["loss"]) == 3
    assert found.history["learning_rate"] == pytest.approx([0.009, 0.00405, 0.0018225])


def test_averaged_weights_that_are_validated(keras):
    make = classifier(optimizer=lambda: keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.5))
    check(make, epochs=3, callbacks=lambda: [keras.callbacks.SwapEMAWeights(swap_on_epoch=True)])


def test_a_callback_that_measures_and_trains_by_itself(keras):
    x, y = data(2, 20)

    class Curious(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["elsewhere"] = self.model.evaluate(x, y, batch_size=7, verbose=0)[0]
            logs["once"] = float(np.sum(self.model.train_on_batch(x, y)))
            logs["sum"] = float(self.model.predict(x, verbose=0).sum())

    check(epochs=3, callbacks=lambda: [Curious()])


def test_a_training_stopped_within_an_epoch_by_a_callback(keras):
    from fits import fitted

    class Stops(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    asked = task(epochs=3, callbacks=lambda: [Stops()])
    assert fitted(asked, "resident", 1) == fitted(asked, "single")


def test_a_lost_loss_ends_the_segment_with_its_step(keras):
    """No later step is done, so that what the loss was lost by can be looked at."""

    def callbacks():
        return [keras.callbacks.TerminateOnNaN()]

    x, y = data()
    x[40:] = np.float32(3e38)
    check(
        classifier(optimizer=lambda: keras.optimizers.SGD(1.0)),
        parts=(x, y),
        shuffle=False,
        callbacks=callbacks,
        stops_at_nan=True,
    )


# ---------------------------------------------------------------- steps of one's own


def test_a_step_of_ones_own_that_tells_what_it_likes(keras):
    import tensorflow as tf

    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(3)
            self.seeds = keras.random.SeedGenerator(4)

        def call(self, x):
            return self.dense(x)

        def train_step(self, batch):
            x, y = batch
            with tf.GradientTape() as tape:
                noise = keras.random.normal(keras.ops.shape(x), seed=self.seeds)
                noise += tf.random.normal(tf.shape(x))
                loss = keras.ops.mean((self(x + noise) - keras.ops.one_hot(y, 3)) ** 2)
            self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
            return {"last": loss, "rows": keras.ops.shape(x)[0]}

        def test_step(self, batch):
            return {"mean": keras.ops.mean(self(batch[0]))}

    def make():
        model = Own()
        model.compile("adam")
        return model

    found = check(make)
    assert found.history["rows"] == [83 % 16, 83 % 16]
    assert set(found.history) == {"last", "rows", "val_mean"}


def test_an_augmentation_changes_batches_by_their_place(keras):
    import tensorflow as tf

    class Shift:
        def __call__(self, batch, place):
            x, y = batch
            moved = tf.random.stateless_normal(tf.shape(x), tf.stack([place[1], place[2]]))
            return x + moved * tf.cast(place[0], tf.float32), y

        def on_arrays(self, batch, place):
            changed = self(tuple(map(tf.constant, batch)), tf.constant(place, tf.int64))
            return tuple(tensor.numpy() for tensor in changed)

    from fits import fitted

    assert check(augmentation=Shift()) != fitted(task(), "single")
    compiled = task(classifier(jit_compile=True), augmentation=Shift())
    assert fitted(compiled, "resident", 2) == fitted(compiled, "single")


# ---------------------------------------------------------------- random graphs

LAYERS = {
    "dense": lambda L: [L.Dense(5, "tanh")],
    "normal": lambda L: [L.BatchNormalization()],
    "layer-normal": lambda L: [L.LayerNormalization()],
    "dropout": lambda L: [L.Dropout(0.4, seed=2)],
    "recurrent": lambda L: [L.Reshape((-1, 1)), L.LSTM(3)],
    "convolution": lambda L: [L.Reshape((-1, 1)), L.Conv1D(4, 3, padding="same"), L.GlobalMaxPooling1D()],
    "attention": lambda L: [L.Reshape((-1, 1)), Self(L), L.Flatten()],
    "activity": lambda L: [L.ActivityRegularization(l2=0.01)],
}


def Self(L):
    import keras

    class SelfAttention(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.attention = L.MultiHeadAttention(2, 3, dropout=0.1, seed=9)

        def build(self, shape):
            self.attention.build(shape, shape)

        def call(self, x, training=None):
            return self.attention(x, x, training=training)

    return SelfAttention()


graphs = st.fixed_dictionaries(
    {
        "layers": st.lists(st.sampled_from(sorted(LAYERS)), max_size=4),
        "skip": st.booleans(),
        "optimizer": st.sampled_from(["adam", "sgd", "rmsprop", "lion"]),
        "size": st.integers(1, 70),
        "batch_size": st.integers(1, 40),
        "steps_per_epoch": st.none() | st.integers(1, 6),
        "shuffle": st.booleans(),
        "weighted": st.booleans(),
        "validated": st.booleans(),
        "outputs": st.integers(1, 2),
        "policy": st.sampled_from(["float32", "mixed_bfloat16"]),
        "plateau": st.booleans(),
        "mode": st.sampled_from(["resident", "streamed"]),
        "segment_steps": st.none() | st.integers(1, 5),
    }
).filter(lambda spec: spec["policy"] == "float32" or "activity" not in spec["layers"])
"""Keras adds no loss of a layer in bfloat16 to one in float32."""


def made(spec):
    import keras
    from keras import layers

    x = y = keras.Input((6,))
    for name in spec["layers"]:
        for layer in LAYERS[name](layers):
            y = layer(y)
    y = layers.Concatenate()([x, y]) if spec["skip"] else y
    names = [f"output_{number}" for number in range(spec["outputs"])]
    outputs = [layers.Dense(3, "softmax", dtype="float32", name=name)(y) for name in names]
    model = keras.Model(x, outputs)
    model.compile(
        spec["optimizer"],
        ["sparse_categorical_crossentropy"] * spec["outputs"],
        weighted_metrics=[["accuracy"]] * spec["outputs"],
    )
    return model


def check_graph(spec):
    import keras
    from fits import fitted

    def plateau():
        return [keras.callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=9.0)]

    x, y = data(3, spec["size"])
    labels = (y,) * spec["outputs"] if spec["outputs"] > 1 else y
    weights = (np.linspace(0.5, 2, spec["size"], dtype="float32"),) if spec["weighted"] else ()
    asked = task(
        lambda: made(spec),
        parts=(x, labels, *weights),
        validation=(x, labels, *weights) if spec["validated"] else None,
        callbacks=plateau if spec["plateau"] else tuple,
        **{name: spec[name] for name in ("batch_size", "steps_per_epoch", "shuffle")},
    )
    keras.config.set_dtype_policy(spec["policy"])
    assert fitted(asked, spec["mode"], spec["segment_steps"]) == fitted(asked, "single")


RARE = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]


@settings(max_examples=4, deadline=None, suppress_health_check=RARE)
@given(graphs)
def test_random_graphs(spec):
    check_graph(spec)


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=RARE)
@given(graphs)
def test_many_random_graphs(spec):
    check_graph(spec)
