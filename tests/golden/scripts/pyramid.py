"""The model `pyramid`, in plain Keras."""

import keras
from keras import layers

keras.utils.set_random_seed(1)

image = keras.Input((32, 32, 3), name="image")
scaled = layers.Normalization(axis=-1, name="scaled")(image)
fine_layer = keras.applications.MobileNetV2(
    include_top=False,
    weights=None,
    alpha=0.35,
    name="fine",
    input_shape=scaled.shape[1:],
)
fine_layer = keras.Model(
    fine_layer.inputs,
    [
        fine_layer.get_layer("block_3_expand_relu").output,
        fine_layer.get_layer("block_6_expand_relu").output,
    ],
    name="fine",
)
fine, coarse = fine_layer(scaled)
a = layers.GlobalAveragePooling2D(name="a")(fine)
b = layers.GlobalAveragePooling2D(name="b")(coarse)
body_layer = keras.applications.MobileNetV2(
    include_top=False,
    weights=None,
    alpha=0.35,
    pooling="avg",
    name="body",
    input_shape=scaled.shape[1:],
)
first_of_body_layer = body_layer.get_layer("block_16_expand")
for frozen in body_layer.layers[: body_layer.layers.index(first_of_body_layer)]:
    frozen.trainable = False
body = body_layer(scaled)
x = layers.Concatenate()([a, b, body])
head = layers.Dense(3, activation="softmax", name="head")(x)
model = keras.Model(image, head, name="pyramid")
model.compile(
    optimizer=keras.optimizers.Adam(1e-3), loss="sparse_categorical_crossentropy"
)

# The data comes from you; the training of the spec is:
# model.get_layer("scaled").adapt(x_train)
# model.get_layer("body").trainable = False
# model.compile(
#     optimizer=keras.optimizers.Adam(1e-3), loss="sparse_categorical_crossentropy"
# )
# model.fit(x_train, y_train, batch_size=32, epochs=2)
# model.get_layer("body").trainable = True
# model.compile(
#     optimizer=keras.optimizers.Adam(1e-5), loss="sparse_categorical_crossentropy"
# )
# model.fit(x_train, y_train, batch_size=32, epochs=3)
