"""Names and values that a step can see: tensors and layers by name, values of blocks and repeats."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kexp.spec.formula import compute
from kexp.spec.types import Formula, Value


class NotStatic(Exception):
    """A value that only the data or the graph can give, needed before there is either."""


@dataclass(frozen=True, slots=True)
class View:
    """What the formulas of one step see: tensors' ids by name, and values by name."""

    names: Mapping[str, str] = field(default_factory=dict)
    values: "Mapping[str, Any]" = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bound:
    """A block's argument: a value of the caller, to be computed in the caller's view."""

    value: Value
    view: View


@dataclass(slots=True)
class Scope:
    """Grows as steps are laid out. A turn of a repeat sees its parent's names; a block sees only its own.

    `later` are names that steps below will give.
    """

    prefix: str
    values: dict[str, Any] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    layers: dict[str, str] = field(default_factory=dict)
    later: set[str] = field(default_factory=set)
    parent: "Scope | None" = None

    def tensor(self, name: str) -> str | None:
        found = self.names.get(name)
        return self.parent.tensor(name) if found is None and self.parent else found

    def layer(self, name: str) -> str | None:
        found = self.layers.get(name)
        return self.parent.layer(name) if found is None and self.parent else found

    def known_tensors(self) -> list[str]:
        above = self.parent.known_tensors() if self.parent else []
        return list(dict.fromkeys([*above, *(name for name in self.names if not name.startswith("#"))]))

    def known_layers(self) -> list[str]:
        above = self.parent.known_layers() if self.parent else []
        return list(dict.fromkeys([*above, *self.layers]))

    def comes_later(self, name: str) -> bool:
        return name in self.later or (self.parent is not None and self.parent.comes_later(name))

    def turn(self, prefix: str, values: Mapping[str, Any]) -> "Scope":
        """Return the scope of one turn, or of a group."""
        return Scope(prefix, {**self.values, **values}, parent=self)

    def keep(self, turn: "Scope") -> None:
        """Let a turn's names mean the last turn's from here on."""
        self.names.update(turn.names)
        self.layers.update(turn.layers)

    def view(self, previous: str | None = None) -> View:
        """Return what a step sees now; `previous` is what the step above gave."""
        names = {name: self.tensor(name) or "" for name in self.known_tensors()}
        return View({**names, "prev": previous} if previous else names, dict(self.values))


def static_value(value: Value, view: View) -> Any:
    """Return a value before there is data or graph.

    Raises: NotStatic, FormulaError.
    """
    match value:
        case Formula(text=text):
            return compute(text, _Statics(view))
        case tuple():
            return [static_value(item, view) for item in value]
        case _:
            return value


def static_text(text: str, view: View) -> str:
    """Return text with its `$` parts put in.

    Raises: NotStatic, FormulaError.
    """
    return str(compute(text, _Statics(view))) if "$" in text else text


class _Statics(Mapping[str, Any]):
    """A view's values, computed when asked for."""

    def __init__(self, view: View) -> None:
        self.view = view

    def __getitem__(self, name: str) -> Any:
        if name not in self.view.values:
            raise NotStatic(f"`${name}` is not known before the graph is built")
        value = self.view.values[name]
        return static_value(value.value, value.view) if isinstance(value, Bound) else value

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Any:
        return iter(self.view.values)

    def __len__(self) -> int:
        return len(self.view.values)
