"""Data that stay on the device: they cross once, and each epoch only its order."""

from typing import Any

import keras

from kexp.train.engine.ahead import Ahead
from kexp.train.engine.feed import Feed, Schedule
from kexp.train.engine.interface import Backend, Portion


class Shelf:
    """Arrays on the device, each there once until the training ends."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.held: dict[int, tuple[Any, Any]] = {}

    def put(self, parts: Any) -> Any:
        return keras.tree.map_structure(self._put, parts)

    def _put(self, array: Any) -> Any:
        if id(array) not in self.held:
            self.held[id(array)] = array, self.backend.put(array)
        return self.held[id(array)][1]

    def clear(self) -> None:
        self.held.clear()


class Resident:
    """A split on the device; the next epoch's order is made while this epoch runs."""

    schedule: Schedule
    rows: Any

    def __init__(self, feed: Feed, shelf: Shelf) -> None:
        self.feed, self.put = feed, shelf.backend.put
        self.data = shelf.put(feed.parts)
        self.orders = Ahead(self._order)
        self.epoch = 0

    def begin(self, epoch: int) -> None:
        self.epoch = epoch
        self.schedule, self.rows = self.orders.take(epoch)
        if self.rows is not None:
            self.orders.prepare(epoch + 1)

    def _order(self, epoch: int) -> tuple[Schedule, Any]:
        schedule = self.feed.schedule(epoch)
        return schedule, None if schedule.rows is None else self.put(schedule.rows)

    def portion(self, first: int, length: int) -> Portion:
        bounds = self.schedule.bounds[first : first + length + 1]
        return Portion(self.data, self.rows, bounds, (self.feed.seed, self.epoch, first))

    def close(self) -> None:
        self.orders.close()
