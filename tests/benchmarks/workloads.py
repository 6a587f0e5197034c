"""Small trainings of every kind, over data of real sets' shapes, and clocks for them. Imports Keras."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import keras
import numpy as np
from keras import layers as L

from kexp.custom import load_reference
from kexp.train.engine import BACKENDS
from kexp.train.engine.choice import choose
from kexp.train.engine.feed import Feed
from kexp.train.engine.interface import Leg
from kexp.train.engine.resident import Shelf
from kexp.train.engine.start import start


@dataclass(frozen=True, slots=True)
class Work:
    """What makes a compiled model, and what it is trained on; a round takes `epochs` of it.

    `usual` makes the model that a person would compile by hand, where it is another one.
    """

    make: Callable[[], keras.Model]
    x: "np.ndarray[Any, Any]"
    y: "np.ndarray[Any, Any]"
    batch_size: int
    epochs: int = 1
    usual: Callable[[], keras.Model] | None = None


def works() -> dict[str, Work]:
    """Return them by name; a GPU, which is done with an epoch sooner, gets more rows."""
    more = 1 if on_cpu() else 8
    return {
        "digits MLP, batch 32": Work(_compiled(_digits), *_images(1257, (64,), 17), 32, 10),
        "digits MLP without dropout, XLA": Work(
            _compiled(_bare_digits, jit_compile=True),
            *_images(1257, (64,), 17),
            32,
            20,
            _compiled(_bare_digits),
        ),
        "Fashion-MNIST MLP, batch 128": Work(_compiled(_mlp), *_images(more * 12_800, (28, 28)), 128, 2),
        "Fashion-MNIST CNN, batch 128": Work(_compiled(_cnn), *_images(more * 2560, (28, 28)), 128),
        "LSTM, batch 64": Work(_compiled(_lstm), *_images(more * 3200, (28, 28)), 64),
        "transformer, batch 64": Work(_compiled(_transformer), *_images(more * 1280, (64,)), 64),
        "ResNet-20, batch 128": Work(_compiled(_resnet20), *_images(more * 512, (32, 32, 3)), 128),
    }


def large_works() -> dict[str, Work]:
    """Return those whose products are large, and one of nothing else."""
    named = {name: work for name, work in works().items() if "digits" not in name and "LSTM" not in name}
    wide = Work(_compiled(_wide), *_images(1024 if on_cpu() else 65_536, (1024,)), 1024)
    return {**named, "MLP of 4 x 4,096 units, batch 1024": wide}


def on_cpu() -> bool:
    return not any("gpu" in name for name in map(str.lower, keras.distribution.list_devices()))


def _images(size: int, shape: tuple[int, ...], most: int = 256) -> Any:
    random = np.random.default_rng(0)
    return random.integers(0, most, (size, *shape), np.uint8), random.integers(0, 10, size)


def _compiled(build: Callable[[], keras.Model], **options: Any) -> Callable[[], keras.Model]:
    def make() -> keras.Model:
        model = build()
        loss = "sparse_categorical_crossentropy"
        model.compile(keras.optimizers.Adam(1e-3), loss, metrics=["accuracy"], **options)
        return model

    return make


def _digits() -> keras.Model:
    body = [L.Rescaling(1 / 16), L.Dense(64, "relu"), L.Dropout(0.2), L.Dense(10, "softmax")]
    return keras.Sequential([keras.Input((64,)), *body])


def _bare_digits() -> keras.Model:
    """XLA draws random numbers on a CPU a hundred times slower than TensorFlow's own kernels."""
    return keras.Sequential(
        [keras.Input((64,)), L.Rescaling(1 / 16), L.Dense(64, "relu"), L.Dense(10, "softmax")]
    )


def _mlp() -> keras.Model:
    body = [L.Rescaling(1 / 255), L.Flatten(), L.Dense(128, "relu"), L.Dense(10, "softmax")]
    return keras.Sequential([keras.Input((28, 28)), *body])


def _wide() -> keras.Model:
    hidden = [L.Dense(4096, "relu") for _ in range(4)]
    return keras.Sequential([keras.Input((1024,)), L.Rescaling(1 / 255), *hidden, L.Dense(10, "softmax")])


def _cnn() -> keras.Model:
    body = [L.Conv2D(16, 3, activation="relu"), L.MaxPooling2D(), L.Conv2D(32, 3, activation="relu")]
    head = [L.MaxPooling2D(), L.Flatten(), L.Dense(10, "softmax")]
    return keras.Sequential(
        [keras.Input((28, 28)), L.Rescaling(1 / 255), L.Reshape((28, 28, 1)), *body, *head]
    )


def _lstm() -> keras.Model:
    return keras.Sequential([keras.Input((28, 28)), L.Rescaling(1 / 255), L.LSTM(64), L.Dense(10, "softmax")])


def _transformer() -> keras.Model:
    tokens = keras.Input((64,), dtype="uint8")
    x = L.Embedding(256, 64)(tokens)
    for _ in range(2):
        x = L.LayerNormalization()(x + L.MultiHeadAttention(4, 16)(x, x))
        x = L.LayerNormalization()(x + L.Dense(64)(L.Dense(256, "relu")(x)))
    return keras.Model(tokens, L.Dense(10, "softmax")(L.GlobalAveragePooling1D()(x)))


def _resnet20() -> keras.Model:
    def convolved(x: Any, filters: int, strides: int = 1) -> Any:
        return L.BatchNormalization()(L.Conv2D(filters, 3, strides, "same", use_bias=False)(x))

    image = keras.Input((32, 32, 3))
    x = L.ReLU()(convolved(L.Rescaling(1 / 255)(image), 16))
    for number, filters in enumerate((16, 16, 16, 32, 32, 32, 64, 64, 64)):
        strides = 2 if number in (3, 6) else 1
        skip = x if strides == 1 else L.Conv2D(filters, 1, 2, use_bias=False)(x)
        x = L.ReLU()(skip + convolved(L.ReLU()(convolved(x, filters, strides)), filters))
    return keras.Model(image, L.Dense(10, "softmax")(L.GlobalAveragePooling2D()(x)))


# ---------------------------------------------------------------- the two ways, with a clock


class Clock(keras.callbacks.Callback):  # type: ignore[misc]
    """Times epochs from their begin to their end; `between`: from one end to the next."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []
        self.between: list[float] = []
        self.began = self.ended = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.began = perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        now = perf_counter()
        self.seconds.append(now - self.began)
        if epoch:
            self.between.append(now - self.ended)
        self.ended = now


class Plain:
    """Keras's `fit` on arrays, as anybody writes it."""

    def __init__(self, work: Work) -> None:
        self.work, self.model = work, (work.usual or work.make)()

    def epochs(self, number: int) -> Sequence[float]:
        """Train; return the seconds of each epoch."""
        clock = Clock()
        given = {"batch_size": self.work.batch_size, "epochs": number, "verbose": 0}
        self.model.fit(self.work.x, self.work.y, callbacks=[clock], **given)
        return clock.seconds

    def close(self) -> None:
        pass


class Segmented:
    """The engine with its default settings, without the rest of a run."""

    def __init__(self, work: Work) -> None:
        backend = load_reference(BACKENDS[keras.backend.backend()])()
        self.model, self.shelf = work.make(), Shelf(backend)
        feed = Feed((work.x, work.y), work.batch_size, shuffle=True)
        choice = choose(self.model, [], [feed], "auto", backend)
        self.engine = start(choice, self.model, (feed, None), self.shelf, stops_at_nan=True)
        self.done = 0

    def epochs(self, number: int) -> Sequence[float]:
        """Train; return the seconds of each epoch."""
        clock, first = Clock(), self.done
        self.done += number
        callbacks = self.engine.callbacks([Teller(self.engine.batches), clock], self.done)
        fit = {"initial_epoch": first, "epochs": self.done, "shuffle": False, "verbose": 0}
        self.model.fit(self.engine.batches, callbacks=callbacks, **fit)
        return clock.seconds

    def close(self) -> None:
        self.engine.close()
        self.shelf.clear()


class Teller(keras.callbacks.Callback):  # type: ignore[misc]
    """Tells the batches which epoch begins."""

    def __init__(self, batches: Any) -> None:
        super().__init__()
        self.batches = batches

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.batches.begin(Leg(epoch))
