"""Rows in the order of a column: what came first is trained on, what came last is tested on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kexp.data.arrays import is_text
from kexp.data.order import Indices
from kexp.errors import DataError
from kexp.spec.types import Fold


@dataclass(frozen=True, slots=True)
class Timeline:
    """Rows by rising moments of a column; rows of one moment are never parted."""

    name: str
    rows: Indices
    moments: NDArray[Any]

    def cut(self, sizes: Mapping[str, int]) -> dict[str, Indices]:
        """Return the rows by split, near to their sizes: the first of `sizes`, then the others from the end.

        Raises: too-few-dates.
        """
        first, *others = sizes
        names = [first, *reversed(others)]
        places = np.cumsum([sizes[name] for name in names])[:-1]
        return dict(zip(names, self.parts(places.tolist()), strict=True))

    def fold(self, fold: Fold, num_rows: int) -> dict[str, Indices]:
        """Return `train` and `val` of the first `num_rows`: fold 0 trains on the first of k + 1 parts.

        Raises: too-few-dates.
        """
        early = Timeline(self.name, self.rows[:num_rows], self.moments[:num_rows])
        places = [number * num_rows // (fold.k + 1) for number in range(1, fold.k + 1)]
        parts = early.parts(places)
        return {"train": np.concatenate(parts[: fold.index + 1]), "val": parts[fold.index + 1]}

    def parts(self, places: Sequence[int]) -> list[Indices]:
        """Cut near these places, each where one moment ends and another begins.

        Raises: too-few-dates.
        """
        changes = np.flatnonzero(self.moments[1:] != self.moments[:-1]) + 1
        if len(changes) < len(places):
            found, needed = len(changes) + 1, len(places) + 1
            raise DataError.because(
                "too-few-dates",
                f"`{self.name}` has {found} different values to cut between, and {needed} parts are wanted",
                path="data.split.order",
                help="take fewer parts, or order by a column that tells more moments apart",
            )
        chosen: list[int] = []
        first = 0
        for left, place in zip(range(len(places) - 1, -1, -1), places, strict=True):
            near = np.abs(changes[first : len(changes) - left] - place)
            first += len(near) - int(
                near[::-1].argmin()
            )  # of two as near, the one that leaves more to train on
            chosen.append(int(changes[first - 1]))
        return np.split(self.rows, chosen)


def by_time(keys: NDArray[Any], name: str) -> Timeline:
    """Return the rows by rising numbers or dates; equal ones keep the order of the data.

    Raises: not-a-date.
    """
    values = _dates(keys, name) if is_text(keys) else keys
    rows = np.argsort(values, kind="stable").astype(np.int64)
    return Timeline(name, rows, values[rows])


def _dates(keys: NDArray[Any], name: str) -> NDArray[np.float64]:
    seconds = np.empty(len(keys))
    first_rows: dict[bool, int] = {}
    for row, text in enumerate(keys.tolist()):
        try:
            moment = datetime.fromisoformat(text.strip())
        except ValueError:
            raise DataError.because(
                "not-a-date",
                f"row {row} of `{name}` (counted from 0) is `{text}`, neither a number nor a date",
                path="data.split.order",
                help="write dates as `2026-11-23` or `2026-11-23T09:14:55`, or order by another column",
            ) from None
        first_rows.setdefault(moment.utcoffset() is None, row)
        # Less the epoch first: in another zone, the last days of a calendar may lie beyond its end.
        seconds[row] = (moment.replace(tzinfo=None) - _EPOCH - (moment.utcoffset() or _NONE)).total_seconds()
    if len(first_rows) == 2:
        zoned, bare = first_rows[False], first_rows[True]
        raise DataError.because(
            "not-a-date",
            f"`{name}` has dates with a zone and without one, such as `{keys[zoned]}` in row {zoned}"
            f" and `{keys[bare]}` in row {bare} (counted from 0)",
            path="data.split.order",
            help="write the zone of every date, such as `2026-11-23T09:14:55+00:00`, or of none",
        )
    return seconds


_EPOCH = datetime(1970, 1, 1)
_NONE = _EPOCH - _EPOCH
