"""The model `outputs`, in plain Keras."""

import keras
from keras import layers

keras.utils.set_random_seed(1)

title = keras.Input((20,), dtype="int32", name="title")
body = keras.Input((200,), dtype="int32", name="body")
age = keras.Input((1,), name="age")
words_layer = layers.Embedding(10000, 64, name="words")
words = words_layer(title)
title_vec = layers.GlobalAveragePooling1D(name="title_vec")(words)
x = words_layer(body)
body_vec = layers.Bidirectional(layers.LSTM(32), name="body_vec")(x)
x = layers.Concatenate()([title_vec, body_vec, age])
features = layers.Dense(64, activation="relu", name="features")(x)
priority = layers.Dense(1, activation="sigmoid", name="priority")(features)
department = layers.Dense(4, activation="softmax", name="department")(features)
model = keras.Model([title, body, age], [priority, department], name="outputs")
model.compile(
    optimizer=keras.optimizers.AdamW(
        learning_rate=keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=1e-3, decay_steps=1000
        ),
        weight_decay=1e-4,
    ),
    loss={
        "priority": "binary_crossentropy",
        "department": "sparse_categorical_crossentropy",
    },
    loss_weights={"priority": 1.0, "department": 0.2},
    metrics={"priority": [keras.metrics.AUC()], "department": ["accuracy"]},
)

# The data comes from you; the training of the spec is:
# model.fit(
#     x_train,
#     y_train,
#     batch_size=64,
#     epochs=10,
#     callbacks=[
#         keras.callbacks.EarlyStopping(
#             monitor="loss", patience=5, restore_best_weights=True
#         )
#     ],
# )
