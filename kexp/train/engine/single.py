"""Steps one by one, as Keras's `fit` does them."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import keras

from kexp.train.engine.feed import Feed
from kexp.train.engine.interface import Leg


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """The batches of an epoch, each a pure function of (seed, epoch, step)."""

    def __init__(self, feed: Feed) -> None:
        super().__init__(workers=0)
        self.feed = feed
        self.leg = Leg(0)
        self.reads_skipped = keras.backend.backend() == "torch"
        self.schedule = lru_cache(maxsize=2)(feed.schedule)

    def begin(self, leg: Leg) -> None:
        """Settle which steps the next iteration runs."""
        self.leg = leg

    def __len__(self) -> int:
        return self.feed.steps

    def __getitem__(self, index: int) -> Any:
        if self.reads_skipped and index < self.leg.first:
            return self.feed.taken(slice(0, 0))
        # What Keras reads ahead may lie beyond the last step, and is never used.
        step = min(index if self.reads_skipped else self.leg.first + index, self.feed.steps - 1)
        batch = self.feed.taken(self.schedule(self.leg.epoch).rows_of(step, step + 1))
        if self.feed.augmentation is None:
            return batch
        return self.feed.augmentation.on_arrays(batch, (self.feed.seed, self.leg.epoch, step))


class Steps(keras.callbacks.CallbackList):  # type: ignore[misc]
    """Callbacks that hear of the steps that run, and let Keras count the others."""

    def __init__(self, batches: Any, model: keras.Model, **options: Any) -> None:
        super().__init__(add_history=True, verbose=0, steps=len(batches), model=model, **options)
        self.batches = batches

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        super().on_epoch_begin(epoch, logs)
        leg = self.batches.leg
        if leg.first:
            calls = math.ceil(leg.first / self.model.steps_per_execution)
            self.model.train_function = _skipping(self.model, calls, leg.logs)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if batch >= self.batches.leg.first:
            super().on_train_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch >= self.batches.leg.first:
            super().on_train_batch_end(batch, logs)


def _skipping(model: keras.Model, calls: int, logs: Any) -> Any:
    """Return what stands in for the train function until it was called so often."""
    own, left = model.train_function, calls

    def skip(*given: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0:
            model.train_function = own
        *state, _ = given  # JAX gives its state, and wants one back
        return (logs, *state) if state else logs

    return skip


class Single:
    """Keras's own functions over our batches."""

    def __init__(self, model: keras.Model, train: Feed, validation: Feed | None) -> None:
        self.model = model
        self.batches = Batches(train)
        self.validation = None if validation is None else Batches(validation)

    def callbacks(self, given: Sequence[Any], epochs: int) -> Steps:
        return Steps(self.batches, self.model, callbacks=list(given), epochs=epochs)

    def close(self) -> None:
        pass
