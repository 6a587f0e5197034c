"""Steps compiled together, a quarter of a second at a time, behind Keras's `fit`."""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import keras
from keras.src.trainers.data_adapters.data_adapter import DataAdapter

from kexp.train.engine.interface import Leg, StepLoop, Supply
from kexp.train.engine.tempo import Tempo


class Segments(DataAdapter, Iterator[Any]):  # type: ignore[misc]
    """The steps of a split, which Keras takes for a single one: an epoch's segments run in it.

    `between` tells callbacks, if there are any, that a segment has ended and the next one begins; it returns
    whether it does.
    """

    num_batches = 1

    def __init__(self, supply: Supply, loop: StepLoop, num_steps: int, tempo: Tempo) -> None:
        self.supply, self.loop, self.num_steps, self.tempo = supply, loop, num_steps, tempo
        loop.epochs = self
        self.between: Callable[[Any], bool] = lambda logs: True
        self.begin(Leg(0))

    def begin(self, leg: Leg) -> None:
        """Settle which steps run next."""
        self.leg = leg
        self.end = self.told = leg.first

    def __next__(self) -> Any:
        """Run what is left of the epoch; return the logs of the last step."""
        logs = self.leg.logs
        self.supply.begin(self.leg.epoch)
        while self.is_left:
            logs = self._segment()
            if self.is_left:
                with self.loop.laid_open():
                    goes_on = self.between(logs)
                if not goes_on:
                    break
        return logs

    def _segment(self) -> Any:
        began = time.perf_counter()
        length = min(self.tempo.length, self.leg.until_stop(self.end) or self.num_steps)
        logs, done = self.loop.run(self.supply.portion(self.end, length))
        self.tempo.took(done, time.perf_counter() - began)
        self.end += done
        return logs

    @property
    def is_left(self) -> bool:
        return self.end < self.num_steps

    def heard(self) -> bool:
        """Tell, once for each segment, whether one has ended."""
        is_news, self.told = self.end > self.told, self.end
        return is_news

    # ---------------------------------------------------------------- what Keras asks for

    def on_epoch_begin(self) -> None:
        self.begin(self.leg)

    def get_tf_dataset(self) -> "Segments":
        return self

    def get_jax_iterator(self) -> Sequence[tuple[()]]:
        """Give a batch of nothing: on a GPU, Keras would put it there."""
        return [()]


class SegmentCallbacks(keras.callbacks.CallbackList):  # type: ignore[misc]
    """Callbacks that hear of batches once per segment, as with Keras's `steps_per_execution`."""

    def __init__(
        self, model: keras.Model, train: Segments, validation: Segments | None, **options: Any
    ) -> None:
        super().__init__(add_history=True, verbose=0, steps=train.num_steps, model=model, **options)
        self.train, self.validation = train, validation
        # Asked of the model itself: through `self.model`, JAX would put its whole state back each time.
        train.between = partial(
            _between, self.on_train_batch_end, self.on_train_batch_begin, lambda: model.stop_training
        )
        if validation is not None:
            validation.between = partial(
                _between, self.on_test_batch_end, self.on_test_batch_begin, lambda: model.stop_evaluating
            )

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if self.train.is_left:
            super().on_train_batch_begin(self.train.end, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.train.heard():
            super().on_train_batch_end(self.train.end - 1, logs)

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        assert self.validation is not None
        super().on_test_batch_begin(self.validation.end, logs)

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        assert self.validation is not None
        if self.validation.heard():
            super().on_test_batch_end(self.validation.end - 1, logs)


def _between(
    end: Callable[[int, Any], None], begin: Callable[[int], None], stops: Callable[[], bool], logs: Any
) -> bool:
    """Tell that a segment has ended and, unless a callback stops there, that the next one begins."""
    end(0, logs)
    if stops():
        return False
    begin(0)
    return True


class Segmented:
    """Segments instead of a model's own train and test functions, until it is closed."""

    def __init__(self, model: keras.Model, train: Segments, validation: Segments | None) -> None:
        self.model, self.batches, self.validation = model, train, validation
        self.steps_per_execution = model.steps_per_execution
        model.steps_per_execution = 1
        train.loop.build(train.supply.feed.taken(slice(0, train.supply.feed.batch_size)))

    def callbacks(self, given: Sequence[Any], epochs: int) -> SegmentCallbacks:
        return SegmentCallbacks(
            self.model, self.batches, self.validation, callbacks=list(given), epochs=epochs
        )

    def close(self) -> None:
        for segments in filter(None, (self.batches, self.validation)):
            segments.supply.close()
            segments.loop.close()
        self.model.steps_per_execution = self.steps_per_execution
