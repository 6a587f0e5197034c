"""One model fitted in every way the engine knows, to the bit. Import it only where Keras may load."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from kexp.custom import load_reference
from kexp.train.engine import BACKENDS
from kexp.train.engine.choice import Choice, Mode
from kexp.train.engine.feed import Feed
from kexp.train.engine.interface import Leg
from kexp.train.engine.resident import Shelf
from kexp.train.engine.start import start

Way = tuple[Mode, int | None]
"""A mode, and the length of its segments where that is given."""


@dataclass(frozen=True, slots=True)
class Task:
    """A model that can be made again, what it is trained on and how."""

    make: Callable[[], keras.Model]
    train: Feed
    validation: Feed | None = None
    epochs: int = 2
    callbacks: Callable[[], Sequence[Any]] = tuple
    stops_at_nan: bool = False
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that a fit leaves: the history, and every variable of model, optimizers and metrics."""

    history: dict[str, list[float]]
    arrays: list[Any]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Outcome) and not [*self.differences(other)]

    def differences(self, other: "Outcome") -> Iterator[str]:
        for name in {**self.history, **other.history}:
            one, two = self.history.get(name), other.history.get(name)
            if not np.array_equal(one, two, equal_nan=True):
                yield f"{name}: {one} and {two}"
        for number, (one, two) in enumerate(zip(self.arrays, other.arrays, strict=True)):
            if one.dtype != two.dtype or not np.array_equal(one, two, equal_nan=one.dtype.kind == "f"):
                yield f"variable {number}: by {np.abs(one.astype(float) - two.astype(float)).max()}"


def fitted(task: Task, mode: Mode, steps: int | None = None) -> Outcome:
    """Make the model anew and fit it one way."""
    keras.utils.set_random_seed(7)
    model = task.make()
    shelf = Shelf(load_reference(BACKENDS[keras.backend.backend()])())
    engine = start(Choice(mode, "", steps), model, (task.train, task.validation), shelf, task.stops_at_nan)
    try:
        history = model.fit(
            engine.batches,
            epochs=task.epochs,
            shuffle=False,
            verbose=0,
            validation_data=engine.validation,
            callbacks=engine.callbacks([Epochs(engine.batches), *task.callbacks()], task.epochs),
            **task.options,
        ).history
    finally:
        engine.close()
    return outcome_of(model, history)


def outcome_of(model: keras.Model, history: dict[str, list[float]]) -> Outcome:
    optimizers = [value for value in vars(model).values() if isinstance(value, keras.Optimizer)]
    owners = (model, *optimizers, *model.metrics)
    return Outcome(history, [np.array(v) for owner in owners for v in owner.variables])


class Epochs(keras.callbacks.Callback):
    """Tells the batches which epoch begins, as `Pace` does."""

    def __init__(self, batches: Any) -> None:
        super().__init__()
        self.batches = batches

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.batches.begin(Leg(epoch))


def check_all_ways(task: Task, ways: Sequence[Way] = (("resident", 2), ("streamed", None))) -> Outcome:
    """Fit by Keras's own steps and in other ways, which must come to the same; return the outcome."""
    expected = fitted(task, "single")
    for mode, steps in ways:
        differences = [*fitted(task, mode, steps).differences(expected)]
        if differences:
            raise AssertionError(
                "\n".join([f"{mode}, segments of {steps or 'any number of'} steps", *differences])
            )
    return expected
