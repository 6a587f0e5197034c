"""Objects of Keras put to use on a little data, for what they refuse only then."""

import inspect
from typing import Any

import numpy as np

RANDOM = np.random.default_rng(0)


def floats(*shape: int) -> Any:
    return RANDOM.random(shape, dtype="float32")


def whole(below: int, *shape: int) -> Any:
    return RANDOM.integers(0, below, shape).astype("int32")


def shares(*shape: int) -> Any:
    values = floats(*shape) + 0.1
    return values / values.sum(-1, keepdims=True)


def one_hot(classes: int, number: int) -> Any:
    return np.eye(classes, dtype="float32")[whole(classes, number)]


def images() -> Any:
    return floats(2, 8, 8, 3) * 255


def use(namespace: str, name: str, made: Any) -> None:
    """Let an object do what it is for, once."""
    _USES[namespace](name, made)


# ---------------------------------------------------------------- layers


def _layer(name: str, made: Any) -> None:
    training = {"training": True} if "training" in inspect.signature(made.call).parameters else {}
    made(*inputs_of(name), **training)
    assert made.losses is not None


def inputs_of(name: str) -> tuple[Any, ...]:
    """Return what a layer is called with, by its name and its rank."""
    if name in _INPUTS:
        given: tuple[Any, ...] = _INPUTS[name]()
        return given
    if name.startswith(("Random", "Aug", "Auto", "Center", "Contrast", "Equal", "Rand", "Resiz", "Solar")):
        return (images(),)
    rank = {"1": (8,), "2": (8, 8), "3": (6, 6, 6)}.get(name.removesuffix("Transpose")[-2:-1], ())
    return (floats(2, *rank, 4),)


_INPUTS: dict[str, Any] = {
    **{
        name: lambda: ([floats(2, 4), floats(2, 4)],)
        for name in ("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract", "Dot")
    },
    **{name: lambda: ([floats(2, 5, 4)] * 2,) for name in ("Attention", "AdditiveAttention")},
    **{name: lambda: (floats(2, 5, 4),) * 2 for name in ("MultiHeadAttention", "GroupQueryAttention")},
    **{
        name: lambda: (floats(2, 5, 4),)
        for name in (
            "GRU",
            "LSTM",
            "SimpleRNN",
            "RNN",
            "Bidirectional",
            "TimeDistributed",
            "Masking",
            "PReLU",
        )
    },
    **{name: lambda: (whole(10, 2, 5),) for name in ("Embedding", "ReversibleEmbedding")},
    **{name: lambda: (whole(3, 2, 3),) for name in ("CategoryEncoding", "Hashing", "IntegerLookup")},
    **{
        name: lambda: ({"images": images(), "labels": np.eye(2, dtype="float32")},)
        for name in ("CutMix", "MixUp")
    },
    "GRUCell": lambda: (floats(2, 4), [floats(2, 4)]),
    "SimpleRNNCell": lambda: (floats(2, 4), [floats(2, 4)]),
    "LSTMCell": lambda: (floats(2, 4), [floats(2, 4), floats(2, 4)]),
    "StackedRNNCells": lambda: (floats(2, 4), [[floats(2, 3)], [floats(2, 3), floats(2, 3)]]),
    "ConvLSTM1D": lambda: (floats(2, 3, 8, 4),),
    "ConvLSTM2D": lambda: (floats(2, 3, 6, 6, 4),),
    "ConvLSTM3D": lambda: (floats(1, 2, 5, 5, 5, 2),),
    "EinsumDense": lambda: (floats(2, 5, 3),),
    "GroupNormalization": lambda: (floats(2, 8, 32),),
    "HashedCrossing": lambda: ([whole(3, 2), whole(3, 2)],),
    "MaxNumBoundingBoxes": lambda: (
        {
            "images": images(),
            "bounding_boxes": {"boxes": floats(2, 5, 4), "labels": whole(2, 2, 5)},
            "labels": whole(2, 2),
        },
    ),
    "MelSpectrogram": lambda: (floats(2, 8000),),
    "Permute": lambda: (floats(2, 5, 4),),
    "Pipeline": lambda: (images(),),
    "SpectralNormalization": lambda: (floats(2, 4),),
    "STFTSpectrogram": lambda: (floats(2, 1200, 1),),
    "StringLookup": lambda: (_text([["a"], ["c"]]),),
    "TextVectorization": lambda: (_text(["a b", "c"]),),
}


def _text(values: Any) -> Any:
    import tensorflow

    return tensorflow.constant(values)


# ---------------------------------------------------------------- training


def _optimizer(name: str, made: Any) -> None:
    import keras

    weights = [
        keras.Variable(np.ones((3, 3), "float32"), name="kernel"),
        keras.Variable(np.ones(3), name="b"),
    ]
    made.build(weights)
    for _ in range(3):
        gradients = [keras.ops.convert_to_tensor(floats(*weight.shape)) for weight in weights]
        made.apply_gradients(zip(gradients, weights, strict=True))
    made.finalize_variable_values(weights)
    made.scale_loss(1.0)


def _schedule(name: str, made: Any) -> None:
    assert [float(made(step)) for step in (0, 1, 5, 25)]


def _loss(name: str, made: Any) -> None:
    np.asarray(made(*_targets(name, 4)))


def _metric(name: str, made: Any) -> None:
    made.update_state(*([floats(3)] if name in ("Mean", "Sum") else _targets(name, 6)))
    np.asarray(made.result())


def _targets(name: str, number: int) -> tuple[Any, Any]:
    """Return what a loss or metric compares, by its name."""
    if name == "CTC":
        return whole(3, 2, 3) + 1, floats(2, 6, 5)
    if name == "Circle":
        return whole(3, number), floats(number, 3)
    if name in ("IoU", "MeanIoU"):
        return whole(2, number), whole(2, number)
    if name == "BinaryIoU":
        return whole(2, number), floats(number)
    if name.startswith("Sparse") or name == "CategoricalGeneralizedCrossEntropy":
        return whole(3, number), shares(number, 3)
    if "Categorical" in name or name.startswith(("OneHot", "F1", "FBeta")):
        return one_hot(3, number), shares(number, 3)
    if name.startswith("Binary") or name in ("Dice", "Tversky"):
        return whole(2, number, 3).astype("float32"), floats(number, 3)
    if name.endswith(("AUC", "Precision", "Recall", "Positives", "Negatives", "city", "tivity")):
        return whole(2, number, 1).astype("float32"), floats(number, 1)
    return floats(number, 3) + 0.1, floats(number, 3) + 0.1


def _callback(name: str, made: Any) -> None:
    import keras

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(use_ema=name == "SwapEMAWeights"), "mse")
    model.optimizer.build(model.trainable_variables)
    made.set_params({"epochs": 3, "steps": 2, "verbose": 0})
    made.set_model(model)
    made.on_train_begin({})
    for epoch in range(4):
        made.on_epoch_begin(epoch, {})
        made.on_train_batch_begin(0, {})
        made.on_train_batch_end(0, {"loss": 1.0})
        made.on_epoch_end(epoch, {"loss": 1.0, "val_loss": 1.0 + epoch})
    made.on_train_end({})


# ---------------------------------------------------------------- weights


def _initializer(name: str, made: Any) -> None:
    np.asarray(made((16, 1, 9) if name == "STFT" else (4, 4)))


def _of_weights(name: str, made: Any) -> None:
    import keras

    np.asarray(made(keras.ops.ones((4, 4))))


_USES = {
    "layers": _layer,
    "optimizers": _optimizer,
    "schedules": _schedule,
    "losses": _loss,
    "metrics": _metric,
    "callbacks": _callback,
    "initializers": _initializer,
    "regularizers": _of_weights,
    "constraints": _of_weights,
}
