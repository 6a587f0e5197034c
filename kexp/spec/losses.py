"""Losses by what they compare, however they are spelt."""

from kexp.spec.types import Component, Objective

CLASS_LOSSES = ("sparsecategoricalcrossentropy", "categoricalcrossentropy", "categoricalfocalcrossentropy")
"""Take a probability for each class, of which one is right."""
BINARY_LOSSES = ("binarycrossentropy", "binaryfocalcrossentropy")
VALUE_LOSSES = (
    *("meansquarederror", "mse", "meanabsoluteerror", "mae", "meanabsolutepercentageerror", "mape"),
    *("meansquaredlogarithmicerror", "msle", "huber", "logcosh"),
)


def kind_of(loss: Objective) -> str:
    """Return a loss's name as one word: `sparsecategoricalcrossentropy`."""
    name = name_of(loss)
    return {"bce": "binarycrossentropy"}.get(name.lower(), name.replace("_", "").lower())


def name_of(loss: Objective) -> str:
    """Return what a spec calls a loss."""
    return loss.name if isinstance(loss, Component) else loss
