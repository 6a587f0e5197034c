"""The model `nested`, in plain Keras."""

import keras
from keras import layers

keras.utils.set_random_seed(1)


def wide(x, units=4):
    inner_model = make_inner(x, units=units)
    inner = inner_model(x)
    x = inner_model(inner)
    return keras.Sequential([layers.Dense(units), layers.ReLU()])(x)


def make_fused(one_like, two_like):
    one = keras.Input(one_like.shape[1:], dtype=one_like.dtype)
    two = keras.Input(two_like.shape[1:], dtype=two_like.dtype)
    x = layers.Add()([one, two])
    s = layers.Dense(3)(x)
    t = layers.Dense(3)(one)
    return keras.Model([one, two], [s, t], name="fused")


def make_inner(like, units):
    inputs = keras.Input(like.shape[1:], dtype=like.dtype)
    a = layers.Dense(units)(inputs)
    x = layers.Dense(units * 2)(a)
    outputs = layers.Add()([x, inputs])
    return keras.Model(inputs, outputs)


x = keras.Input((8,), name="x")
y = keras.Input((8,), name="y")
h = wide(x, 4)
w = layers.Dense(8, name="w")(h)
fused = make_fused(w, y)
fused.trainable = False
s, t = fused([w, y])
u, v = fused([y, w])
h = layers.Concatenate()([s, t, u, v])
h = layers.Dense(4, trainable=False)(h)
outputs = layers.Dense(1)(h)
model = keras.Model([x, y], outputs, name="nested")
model.compile(optimizer="adam", loss="mse")

# The data comes from you; the training of the spec is:
# model.fit(x_train, y_train, batch_size=32, epochs=1)
