"""The model `unet`, in plain Keras."""

import keras
from keras import layers

keras.utils.set_random_seed(1)


def conv_block(x, filters=16):
    x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    return layers.Conv2D(filters, 3, padding="same", activation="relu")(x)


image = keras.Input((32, 32, 3), name="image")
x = image
enc = {}
for i, f in enumerate([16, 32, 64]):
    enc[i] = conv_block(x, f)
    x = layers.MaxPooling2D()(enc[i])
x = conv_block(x, 128)
for i, f in enumerate([64, 32, 16]):
    x = layers.Conv2DTranspose(f, 2, strides=2)(x)
    x = layers.Concatenate()([x, enc[2 - i]])
    x = conv_block(x, f)
outputs = layers.Conv2D(1, 1, activation="sigmoid")(x)
model = keras.Model(image, outputs, name="unet")
model.compile(optimizer="adam", loss="mse")

# The data comes from you; the training of the spec is:
# model.fit(x_train, y_train, batch_size=32, epochs=1)
