"""Rows that a thread brings while a segment runs: of data too large for the device, or not gathered there."""

from dataclasses import replace
from functools import lru_cache

from kexp.train.engine.ahead import Ahead
from kexp.train.engine.feed import Feed
from kexp.train.engine.interface import Backend, Portion

MOST_BYTES = 128 << 20
"""What the rows of a segment may take; there are two segments at a time."""


class Streamed:
    """A split read as it is used. Where it `is_repeated`, the next epoch's first rows are read in time."""

    def __init__(self, feed: Feed, backend: Backend, is_repeated: bool = True) -> None:
        self.feed, self.backend, self.is_repeated = feed, backend, is_repeated
        step_bytes = feed.size_bytes * feed.batch_size // feed.size
        self.most_steps = min(feed.steps, max(1, MOST_BYTES // max(1, step_bytes)))
        self.length = 1
        self.epoch = 0
        self.schedule = lru_cache(maxsize=2)(feed.schedule)
        self.portions = Ahead(self._read)

    def begin(self, epoch: int) -> None:
        self.epoch = epoch

    def portion(self, first: int, length: int) -> Portion:
        """Return steps from `first` on, as many as were read ahead, and no more than `length`."""
        self.length = min(length, self.most_steps)
        portion = self.portions.take(self.epoch, first)
        portion = replace(portion, bounds=portion.bounds[: length + 1])
        last = first + len(portion.bounds) - 1
        if last < self.feed.steps:
            self.portions.prepare(self.epoch, last)
        elif self.is_repeated:
            self.portions.prepare(self.epoch + 1, 0)
        return portion

    def _read(self, epoch: int, first: int) -> Portion:
        schedule = self.schedule(epoch)
        last = min(first + self.length, self.feed.steps)
        rows = self.feed.taken(schedule.rows_of(first, last))
        data = self.backend.put_rows(rows, self.most_steps * self.feed.batch_size)
        bounds = schedule.bounds[first : last + 1] - schedule.bounds[first]
        return Portion(data, None, bounds, (self.feed.seed, epoch, first))

    def close(self) -> None:
        self.portions.close()
