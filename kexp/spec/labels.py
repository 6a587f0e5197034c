"""Layers' names: the user's, else the class in snake case with a counter that skips names already taken."""

import re
from collections.abc import Mapping, Sequence

from kexp.spec.types import Component, Expr, Group, Step, Use


class Labels:
    """The names that layers have or will have."""

    def __init__(self) -> None:
        self.taken: set[str] = set()
        self.counts: dict[tuple[str, int], int] = {}

    def reserve(self, prefix: str, steps: Sequence[Step]) -> None:
        """Keep the names that these steps bring along from being given to others."""
        self.taken |= {prefix + name for step in steps for name in _brought(step)}

    def fresh(self, prefix: str, step: Step, endings: Sequence[str]) -> str:
        """Return a name for an unnamed step that no layer has, with any of the endings."""
        base = prefix + snake_case(step.what)
        number = self.counts.get((base, len(endings)), 0)  # names below it are taken for good
        while True:
            label = f"{base}_{number}" if number else base
            number += 1
            if not self.taken.intersection(label + ending for ending in endings):
                self.taken.update(label + ending for ending in endings)
                self.counts[base, len(endings)] = number
                return label


def _brought(step: Step) -> list[str]:
    """Return the names that a step's layers will have for sure: its own, with a number for each turn."""
    name = own_name(step)
    if name is None or "$" in name:
        return []
    if isinstance(step.repeat, Mapping):
        lengths = [len(values) for values in step.repeat.values() if isinstance(values, tuple)]
        return [f"{name}_{turn}" for turn in range(max(lengths, default=0))]
    return [f"{name}_{turn}" for turn in range(step.repeat)] if isinstance(step.repeat, int) else [name]


def own_name(step: Step) -> str | None:
    """Return the name that the user gives a step's layer."""
    return step.layer_name or next((name for name in step.gives if name != "_"), None)


def snake_case(what: object) -> str:
    """Return the stem of an automatic name: `Conv2D` gives `conv2d`, `MaxPooling2D` `max_pooling2d`."""
    match what:
        case Component(name=name):
            name = name.rpartition(":")[2]
        case Use(block=name):
            pass
        case Group():
            name = "layers"
        case Expr():
            name = "expr"
        case _:
            name = "model"
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
