"""The model `inner`, in plain Keras."""

import keras
from keras import layers

keras.utils.set_random_seed(1)


def scaled(x, units=4):
    x = layers.Normalization(name="a_normalization_layer")(x)
    return layers.Dense(units)(x)


def make_body(like):
    inputs = keras.Input(like.shape[1:], dtype=like.dtype)
    first = layers.Dense(8, name="first")(inputs)
    x = first
    for _ in range(2):
        x = layers.Dense(8)(x)
        x = layers.ReLU()(x)
    outputs = layers.Dense(6, name="dense_layer")(x)
    return keras.Model(inputs, outputs, name="body")


def make_low(like):
    inputs = keras.Input(like.shape[1:], dtype=like.dtype)
    p = layers.Dense(8, name="p")(inputs)
    x = layers.Dense(6)(p)
    q = layers.Dense(5, name="q")(x)
    return keras.Model(inputs, q, name="low")


left = keras.Input((8,), name="left")
right = keras.Input((8,), name="right")
a = scaled(left)
b = layers.Normalization(name="b")(right)
x = layers.Concatenate()([a, b])
body_model = make_body(x)
first_of_body_model = body_model.get_layer("dense_layer")
for frozen in body_model.layers[: body_model.layers.index(first_of_body_model)]:
    frozen.trainable = False
body = body_model(x)
low_model = make_low(body)
low_model = keras.Model(
    low_model.inputs,
    [low_model.get_layer("p").output, low_model.get_layer("q").output],
    name="low",
)
low, high = low_model(body)
x = layers.Concatenate()([low, high])
x = layers.Dense(3, name="dense_layer")(x)
head = layers.Dense(10, activation="softmax", name="head")(x)
model = keras.Model([left, right], head, name="inner")
model.compile(
    optimizer=keras.optimizers.Adam(1e-3), loss="sparse_categorical_crossentropy"
)

# The data comes from you; the training of the spec is:
# model.get_layer("a_normalization_layer").adapt(left_train)
# model.get_layer("b").adapt(right_train)
# model.get_layer("body").trainable = False
# model.get_layer("low").trainable = False
# model.get_layer("dense_layer").trainable = False
# model.compile(
#     optimizer=keras.optimizers.Adam(1e-3), loss="sparse_categorical_crossentropy"
# )
# model.fit(x_train, y_train, batch_size=32, epochs=1)
# model.get_layer("body").get_layer("first").trainable = True
# <the layer that is `body/layers_1_dense` in the spec>.trainable = True
# model.compile(
#     optimizer=keras.optimizers.SGD(0.1), loss="sparse_categorical_crossentropy"
# )
# model.fit(x_train, y_train, batch_size=32, epochs=2)
