"""What the steps of a split take: its columns, some rows at a time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import keras
import numpy as np

from kexp.data.order import Indices, steps_order
from kexp.protocols import Column


class Augmentation(Protocol):
    """Changes a batch at random, as a function of its place: (seed, epoch, step)."""

    def __call__(self, batch: Any, place: Any, /) -> Any:
        """Return a batch of tensors changed."""

    def on_arrays(self, batch: Any, place: tuple[int, int, int], /) -> Any:
        """Return a batch of arrays changed."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The steps of an epoch: step i takes `rows[bounds[i] : bounds[i + 1]]`.

    No `rows`: the columns are in the order of the steps.
    """

    rows: Indices | None
    bounds: Indices

    def rows_of(self, first: int, last: int) -> slice | Indices:
        """Return the rows of the steps from `first` up to `last`."""
        start, end = self.bounds[first], self.bounds[last]
        return slice(start, end) if self.rows is None else self.rows[start:end]


@dataclass(frozen=True, slots=True)
class Feed:
    """Inputs, labels and weights of a split, nested as `fit` takes them, and how steps go through them.

    With `steps_per_epoch`, steps go on through pass after pass; the last batch of a pass may be partial.
    """

    parts: tuple[Any, ...]
    batch_size: int
    seed: int = 0
    shuffle: bool = False
    steps_per_epoch: int | None = None
    augmentation: Augmentation | None = None

    @property
    def columns(self) -> Sequence[Column]:
        columns: Sequence[Column] = keras.tree.flatten(self.parts)
        return columns

    @property
    def size(self) -> int:
        return len(self.columns[0])

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return self.steps_per_epoch or math.ceil(self.size / self.batch_size)

    @property
    def size_bytes(self) -> int:
        return sum(column.nbytes for column in self.columns)

    @property
    def is_in_memory(self) -> bool:
        return all(isinstance(column, np.ndarray) for column in self.columns)

    @property
    def is_in_order(self) -> bool:
        """Whether every epoch takes all rows as they lie."""
        return not self.shuffle and self.steps_per_epoch is None

    def schedule(self, epoch: int) -> Schedule:
        """Return the steps of an epoch: a pure function of the seed and its number."""
        if self.is_in_order:
            return Schedule(None, np.minimum(np.arange(self.steps + 1) * self.batch_size, self.size))
        first = epoch * self.steps
        batches = list(steps_order(self.seed, first, self.steps, self.batch_size, self.size, self.shuffle))
        return Schedule(np.concatenate(batches), np.cumsum([0, *map(len, batches)]))

    def taken(self, rows: slice | Indices) -> Any:
        """Return some rows of every column, nested as they are."""
        return keras.tree.map_structure(lambda column: column[rows], self.parts)
