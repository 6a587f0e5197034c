"""Rows in the order of a column: what came first is trained on, what came last is tested on."""

from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kexp.data.arrays import is_text
from kexp.data.order import Indices
from kexp.errors import DataError


def by_time(keys: NDArray[Any], name: str) -> Indices:
    """Return the rows by rising numbers or dates; equal ones keep the order of the data.

    Raises: not-a-date.
    """
    values = _dates(keys, name) if is_text(keys) else keys
    return np.argsort(values, kind="stable").astype(np.int64)


def _dates(keys: NDArray[Any], name: str) -> NDArray[np.float64]:
    seconds = np.empty(len(keys))
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
        # Dates without a zone are compared among themselves: any fixed zone does.
        seconds[row] = (moment.replace(tzinfo=None) - (moment.utcoffset() or _NONE) - _EPOCH).total_seconds()
    return seconds


_EPOCH = datetime(1970, 1, 1)
_NONE = _EPOCH - _EPOCH
