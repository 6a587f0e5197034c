"""The model `cifar-resnet20`, in plain Keras."""

import keras
from keras import layers

keras.utils.set_random_seed(0)


def conv_bn(x, filters=16, kernel=3, stride=1):
    x = layers.Conv2D(
        filters, kernel, strides=stride, padding="same", use_bias=False
    )(x)
    return layers.BatchNormalization()(x)


def res(x, filters=16):
    y = conv_bn(x, filters)
    y = layers.ReLU()(y)
    y = conv_bn(y, filters)
    y = layers.Add()([y, x])
    return layers.ReLU()(y)


def res_down(x, filters=32):
    shortcut = conv_bn(x, filters, kernel=1, stride=2)
    y = conv_bn(x, filters, stride=2)
    y = layers.ReLU()(y)
    y = conv_bn(y, filters)
    y = layers.Add()([y, shortcut])
    return layers.ReLU()(y)


image = keras.Input((32, 32, 3), name="image")
x = layers.Rescaling(0.00392156862745098)(image)
x = conv_bn(x, 16)
x = layers.ReLU()(x)
for _ in range(3):
    x = res(x, 16)
x = res_down(x, 32)
for _ in range(2):
    x = res(x, 32)
x = res_down(x, 64)
for _ in range(2):
    x = res(x, 64)
x = layers.GlobalAveragePooling2D()(x)
outputs = layers.Dense(10, kernel_regularizer=keras.regularizers.L2(1e-4))(x)
model = keras.Model(image, outputs, name="cifar-resnet20")
model.compile(
    optimizer=keras.optimizers.SGD(learning_rate=0.1, momentum=0.9, nesterov=True),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(k=5, name="top5")],
)

# The data comes from you; the training of the spec is:
# model.fit(
#     x_train, y_train, batch_size=128, epochs=100, validation_data=(x_val, y_val)
# )
