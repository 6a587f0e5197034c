"""What Keras measures -> numbers, in the order in which they are read."""

from typing import Any

import numpy as np

from kexp.diagnostics import Diagnostic
from kexp.errors import SpecError


def as_number(name: str, value: Any) -> float:
    """Return a metric's value.

    Raises: SpecError (metric-not-a-number).
    """
    array = np.asarray(value)
    if array.size != 1:
        raise SpecError(
            Diagnostic(
                "metric-not-a-number",
                f"`{name}` gives {array.size} numbers, and a metric is one",
                "train.metrics",
                help="`average: macro` makes one of F1Score's and FBetaScore's",
            )
        )
    return float(array.item())


def reading_order(name: str) -> tuple[bool, bool]:
    """Sort names of metrics: training before validation, the loss before the others."""
    return name.startswith("val_"), name.removeprefix("val_") != "loss"
