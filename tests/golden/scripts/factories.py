"""The model `factories`, in plain Keras."""

import keras
from keras import layers

keras.utils.set_random_seed(1)


def cell(
    x,
    layer=lambda: layers.Dense(4),
    start=lambda: keras.initializers.HeNormal(3),
    act="relu",
    penalty=keras.regularizers.L2(1e-4),
):
    x = layers.TimeDistributed(layer())(x)
    x = layers.Dense(
        4, activation=act, kernel_initializer=start(), kernel_regularizer=penalty
    )(x)
    return layers.TimeDistributed(layer())(x)


def outer(x, inner=layers.BatchNormalization):
    x = cell(x, inner)
    return cell(x, inner, act="tanh", start=lambda: "zeros")


x = keras.Input((3, 4), name="x")
y = outer(x)
y = outer(y, layers.LayerNormalization)
y = cell(y, lambda: layers.Dense(4), penalty="l1")
y = layers.RNN(
    [
        layers.LSTMCell(3),
        layers.GRUCell(
            2,
            kernel_initializer=keras.initializers.VarianceScaling(
                scale=2.0, mode="fan_out"
            ),
        ),
    ]
)(y)
y = layers.Reshape((1, 2))(y)
bidirectional = layers.Bidirectional(layers.GRU(3), merge_mode="sum")
bidirectional.trainable = False
outputs = bidirectional(y)
model = keras.Model(x, outputs, name="factories")
model.compile(
    optimizer="adam",
    loss=keras.losses.Huber(2.0),
    metrics=["mae", keras.metrics.R2Score(name="r2")],
)

# The data comes from you; the training of the spec is:
# model.fit(x_train, y_train, batch_size=32, epochs=1)
