"""Samples -> batches in kexp's own order, as a Keras data set that any backend can drive."""

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import keras
import numpy as np

from kexp.data.order import epoch_order


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches of one epoch; a batch is a pure function of (seed, epoch, step).

    With `steps_per_epoch`, steps go on through pass after pass; the last batch of a pass may be partial.
    """

    def __init__(
        self,
        arrays: tuple[Any, ...],
        batch_size: int,
        seed: int,
        shuffle: bool,
        steps_per_epoch: int | None = None,
    ) -> None:
        super().__init__(workers=0)
        self.arrays = arrays
        self.size = len(_first(arrays[0]))
        self.batch_size = batch_size
        self.steps_per_pass = math.ceil(self.size / batch_size)
        self.steps_per_epoch = steps_per_epoch or self.steps_per_pass
        self.epoch = 0
        self._order = lru_cache(maxsize=2)(lambda number: epoch_order(seed, number, self.size, shuffle))

    def __len__(self) -> int:
        return self.steps_per_epoch

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        number, step = divmod(self.epoch * self.steps_per_epoch + index, self.steps_per_pass)
        rows = self._order(number)[step * self.batch_size : (step + 1) * self.batch_size]
        return tuple(_taken(part, rows) for part in self.arrays)


def _first(part: Any) -> "np.ndarray[Any, Any]":
    if isinstance(part, tuple):
        return _first(part[0])
    return _first(next(iter(part.values()))) if isinstance(part, Mapping) else part


def _taken(part: Any, rows: "np.ndarray[Any, Any]") -> Any:
    if isinstance(part, tuple):
        return tuple(_taken(item, rows) for item in part)
    return (
        {name: _taken(item, rows) for name, item in part.items()} if isinstance(part, Mapping) else part[rows]
    )
