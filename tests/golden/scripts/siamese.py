"""The model `siamese`, in plain Keras."""

import keras
from keras import layers, ops

keras.utils.set_random_seed(1)

left = keras.Input((28, 28, 1), name="left")
right = keras.Input((28, 28, 1), name="right")
tower_model = keras.Sequential(
    [layers.Conv2D(8, 3), layers.Flatten(), layers.Dense(16)], name="tower"
)
tower = tower_model(left)
right_code = tower_model(right)
x = ops.abs(tower - right_code)
outputs = layers.Dense(1, activation="sigmoid")(x)
model = keras.Model([left, right], outputs, name="siamese")
model.compile(optimizer="adam", loss="mse")

# The data comes from you; the training of the spec is:
# model.fit(x_train, y_train, batch_size=32, epochs=1)
