"""Steps compiled together, a quarter of a second at a time, behind Keras's `fit`."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras.src.trainers.data_adapters.data_adapter import DataAdapter

from kexp.train.engine.interface import Leg, StepLoop, Supply
from kexp.train.engine.tempo import Tempo


@dataclass(frozen=True, slots=True)
class Running(Iterator[Any]):
    """An epoch's logs, told from the iterators that Keras makes itself."""

    logs: Iterator[Any]

    def __next__(self) -> Any:
        return next(self.logs)


class Segments(DataAdapter):  # type: ignore[misc]
    """The steps of a split: Keras counts them all, and at the first step of a segment the whole of it runs.

    Iterating gives each step the logs of its segment.
    """

    def __init__(self, supply: Supply, loop: StepLoop, num_steps: int, tempo: Tempo) -> None:
        self.supply, self.loop, self.num_steps, self.tempo = supply, loop, num_steps, tempo
        self.leg = Leg(0)
        self.end = 0

    def begin(self, leg: Leg) -> None:
        """Settle which steps the next iteration runs."""
        self.leg, self.end = leg, leg.first

    @property
    def num_batches(self) -> int:
        return self.num_steps

    def get_tf_dataset(self) -> "Segments":
        return self

    def get_jax_iterator(self) -> Iterator[tuple[()]]:
        """Give nothing for each step: on a GPU, Keras reads one ahead."""
        self.loop.turns = self._logs()
        for _ in range(self.num_steps):
            yield ()

    def __iter__(self) -> "Running":
        return Running(self._logs())

    def _logs(self) -> Iterator[Any]:
        self.end = self.leg.first
        self.supply.begin(self.leg.epoch)
        for _ in range(self.end):
            yield self.leg.logs
        while self.end < self.num_steps:
            began = time.perf_counter()
            length = min(self.tempo.length, self.leg.until_stop(self.end) or self.num_steps)
            logs, done = self.loop.run(self.supply.portion(self.end, length))
            self.tempo.took(done, time.perf_counter() - began)
            self.end += done
            for _ in range(done):
                yield logs

    def begins_at(self, step: int) -> bool:
        return step in (self.leg.first, self.end)

    def ends_at(self, step: int) -> bool:
        return step >= self.leg.first and step + 1 == self.end


class SegmentCallbacks(keras.callbacks.CallbackList):  # type: ignore[misc]
    """Callbacks that hear of batches once per segment, as with Keras's `steps_per_execution`."""

    def __init__(self, train: Segments, validation: Segments | None, **options: Any) -> None:
        super().__init__(add_history=True, verbose=0, steps=train.num_steps, **options)
        self.train, self.validation = train, validation

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if self.train.begins_at(batch):
            super().on_train_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.train.ends_at(batch):
            super().on_train_batch_end(batch, logs)

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        if self.validation is None or self.validation.begins_at(batch):
            super().on_test_batch_begin(batch, logs)

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.validation is None or self.validation.ends_at(batch):
            super().on_test_batch_end(batch, logs)


class Segmented:
    """Segments instead of a model's own train and test functions, until it is closed."""

    def __init__(self, model: keras.Model, train: Segments, validation: Segments | None) -> None:
        self.model, self.batches, self.validation = model, train, validation
        self.steps_per_execution = model.steps_per_execution
        model.steps_per_execution = 1
        train.loop.build(train.supply.feed.taken(slice(0, train.supply.feed.batch_size)))

    def callbacks(self, given: Sequence[Any], epochs: int) -> SegmentCallbacks:
        return SegmentCallbacks(
            self.batches, self.validation, callbacks=list(given), model=self.model, epochs=epochs
        )

    def close(self) -> None:
        for segments in filter(None, (self.batches, self.validation)):
            segments.supply.close()
            segments.loop.close()
        self.model.steps_per_execution = self.steps_per_execution
