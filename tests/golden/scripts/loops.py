"""The model `loops`, in plain Keras."""

import keras
from keras import layers

keras.utils.set_random_seed(1)


def mlp(main, side, out, widths=(8, 8), act="relu", norm=layers.LayerNormalization):
    first = layers.Dense(widths[0])(main)
    h = first
    for w in widths:
        h = layers.Dense(w, activation=act)(h)
    x = layers.TimeDistributed(norm())(h)
    x = layers.Add()([x, side])
    last = layers.Dense(out)(x)
    return last, first


def pair(x, n=2):
    y = x
    for _ in range(n):
        d = layers.Dense(8)(y)
        y = layers.Add()([d, x])
    y = layers.Dense(d.shape[-1] * 2)(y)
    return layers.Dense(x.shape[-1])(y)


image = keras.Input((3, 8), name="image")
branch = {}
for i in range(3):
    branch[i] = layers.Dense(4 + 4 * i)(image)
z = layers.Dense(8, name="z")(branch[1])
p, q = mlp(z, image, 8, act="tanh")
stack = p
for _ in range(2):
    stack = layers.Dense(8)(stack)
x = stack
for i, (u, w) in enumerate([(3, 1), (4, 2)]):
    x = layers.Dense(u + i)(x)
    for j, v in enumerate([1, 2]):
        x = layers.Dense(v * j + 1)(x)
        x = layers.Dense(u + j)(x)
    x = layers.Dense(u + i)(x)
x = layers.Dense(8)(x)
x = pair(x, 3)
pair_out = pair(x)
q8 = layers.Dense(8, name="q8")(q)
b0 = layers.Dense(8, name="b0")(branch[0])
b2 = layers.Dense(8, name="b2")(branch[2])
summed = layers.Add(name="summed")([stack, q8, b0, b2])
grouped = summed
for _ in range(2):
    x = layers.Dense(8)(grouped)
    x = layers.Add()([x, image])
    grouped = x
outputs = layers.Add()([grouped, pair_out])
model = keras.Model(image, outputs, name="loops")
model.compile(optimizer="adam", loss="mse")

# The data comes from you; the training of the spec is:
# model.fit(x_train, y_train, batch_size=32, epochs=1)
