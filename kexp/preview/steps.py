"""The first steps of a training, as far as `augment` changes them; no model is built."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from kexp.graph.assemble import Assembly, context_of
from kexp.graph.augment import build_augmentation
from kexp.graph.augmentation import Augmentation, Change, Item
from kexp.graph.ports import in_shape, match_ports
from kexp.preparation import Prepared
from kexp.protocols import Column, Samples
from kexp.spec.phases import phases
from kexp.spec.types import Experiment, Port
from kexp.train.engine.feed import Feed
from kexp.train.engine.interface import Leg
from kexp.train.engine.single import Batches

_MOST_EPOCHS = 20
"""How far a training is looked through for the steps that take a sample."""

Place = tuple[int, str]
"""A column: 0 and an input's name, or 1 and a target's."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A sample as a step of a training sees it."""

    epoch: int
    step: int
    values: Mapping[Place, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of a training's first phase: its order and its random numbers, on the columns it changes."""

    changes: tuple[Change, ...]
    feed: Feed
    num_epochs: int

    def first_rows(self, number: int) -> list[int]:
        """Return the first of the rows that the first step takes."""
        order, bounds = self._order(0)
        return [int(row) for row in order[: min(number, bounds[1])]]

    def before(self, epoch: int, step: int) -> dict[Place, NDArray[Any]]:
        """Return what a step takes before it is changed."""
        return _batch(replace(self.feed, augmentation=None), epoch, step)

    def after(self, epoch: int, step: int) -> dict[Place, NDArray[Any]]:
        """Return what a step sees."""
        return _batch(self.feed, epoch, step)

    def seen(self, rows: Sequence[int], most: int) -> dict[int, list[Seen]]:
        """Return each of the rows as the first steps that take it see it."""
        wanted: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
        for row, epoch, step, place in self._visits(rows, most):
            wanted[epoch, step].append((row, place))
        found: dict[int, list[Seen]] = {row: [] for row in rows}
        for (epoch, step), visits in sorted(wanted.items()):
            batch = self.after(epoch, step)
            for row, place in visits:
                values = {name: np.array(array[place]) for name, array in batch.items()}
                found[row].append(Seen(epoch, step, values))
        return found

    def _visits(self, rows: Sequence[int], most: int) -> Iterator[tuple[int, int, int, int]]:
        """Yield row, epoch, step, and place in the batch."""
        left = dict.fromkeys(rows, most)
        for epoch in range(min(self.num_epochs, _MOST_EPOCHS)):
            if not any(left.values()):
                return
            order, bounds = self._order(epoch)
            for row in rows:
                for at in np.flatnonzero(order == row)[: left[row]]:
                    step = int(np.searchsorted(bounds, at, side="right")) - 1
                    left[row] -= 1
                    yield row, epoch, step, int(at - bounds[step])

    def _order(self, epoch: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        schedule = self.feed.schedule(epoch)
        order = np.arange(self.feed.size) if schedule.rows is None else schedule.rows
        return order, schedule.bounds


def first_steps(experiment: Experiment, made: Prepared, folder: Path) -> Steps | None:
    """Return the steps of a training; None where `augment` says nothing.

    Raises: SpecError, as `build_augmentation` and `match_ports` do.
    """
    if not experiment.augment:
        return None
    info, train = made.datasets.info, phases(experiment)[0].experiment.train
    ports = match_ports(experiment.graph, info)
    targets = {target.name: target for target in info.targets}
    context = context_of(experiment, info, folder)
    # Where an output stands in a batch is the model's affair; here the columns stand by their names.
    assembly = Assembly(keras.Model(), ports, targets, context)
    built = build_augmentation(experiment, assembly, info)
    assert built is not None
    changes = tuple(
        replace(change, items=tuple(replace(item, places=(place_of(item),)) for item in change.items))
        for change in built.changes
    )
    feed = Feed(
        _parts(changes, ports, made.datasets.splits["train"]),
        train.batch_size,
        experiment.seed or 0,
        train.shuffle,
        train.steps_per_epoch,
        Augmentation(changes, context),
    )
    return Steps(changes, feed, train.epochs)


def place_of(item: Item) -> Place:
    return int(item.places[0][0]), item.tensor.name


def _parts(changes: Sequence[Change], ports: Sequence[Port], train: Samples) -> tuple[dict[str, Column], ...]:
    """Return the inputs and the targets that layers change."""
    places = dict.fromkeys(place_of(item) for change in changes for item in change.items)
    by_column = {port.column: port for port in ports}
    return (
        {name: in_shape(train.inputs[name], by_column[name]) for kind, name in places if kind == 0},
        {name: train.targets[name] for kind, name in places if kind == 1},
    )


def _batch(feed: Feed, epoch: int, step: int) -> dict[Place, NDArray[Any]]:
    batches = Batches(feed)
    batches.begin(Leg(epoch))
    return {
        (kind, name): np.asarray(array)
        for kind, part in enumerate(batches[step])
        for name, array in part.items()
    }
