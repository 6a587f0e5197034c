"""Names and values that a step can see: tensors and layers by name, values of blocks and repeats."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from kexp.spec.types import Value


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

    `names` holds every tensor that a name has meant, with the moment from which it did. `later` are names
    that steps below will give.
    """

    prefix: str
    values: Mapping[str, Any] = field(default_factory=dict)
    names: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    layers: dict[str, str] = field(default_factory=dict)
    later: set[str] = field(default_factory=set)
    parent: "Scope | None" = None
    moment: int = 0

    def give(self, name: str, tensor: str) -> None:
        """Let a name mean a tensor from now on."""
        self.moment += 1
        self.names.setdefault(name, []).append((self.moment, tensor))

    def tensor(self, name: str, moment: int | None = None) -> str | None:
        """Return what a name means, now or at an earlier moment."""
        history = self.names.get(name, [])
        known = len(history) if moment is None else bisect_right(history, moment, key=itemgetter(0))
        if known:
            return history[known - 1][1]
        return self.parent.tensor(name, moment) if self.parent else None

    def layer(self, name: str) -> str | None:
        found = self.layers.get(name)
        return self.parent.layer(name) if found is None and self.parent else found

    def known_tensors(self) -> list[str]:
        above = self.parent.known_tensors() if self.parent else []
        return list(dict.fromkeys([*above, *self.names]))

    def known_layers(self) -> list[str]:
        above = self.parent.known_layers() if self.parent else []
        return list(dict.fromkeys([*above, *self.layers]))

    def comes_later(self, name: str) -> bool:
        return name in self.later or (self.parent is not None and self.parent.comes_later(name))

    def turn(self, prefix: str, values: Mapping[str, Any]) -> "Scope":
        """Return the scope of one turn, or of a group."""
        return Scope(prefix, _Over(values, self.values), parent=self, moment=self.moment)

    def keep(self, turn: "Scope") -> None:
        """Let a turn's names mean the last turn's from here on."""
        self.moment = max(self.moment, turn.moment)
        for name, history in turn.names.items():
            self.give(name, history[-1][1])
        self.layers.update(turn.layers)

    def view(self, previous: str | None = None) -> View:
        """Return what a step sees now; `previous` is what the step above gave."""
        return View(_Seen(self, self.moment, previous), self.values)


class _Over(Mapping[str, Any]):
    """The values of one turn over those around it."""

    def __init__(self, own: Mapping[str, Any], around: Mapping[str, Any]) -> None:
        self.own, self.around = own, around

    def __getitem__(self, name: str) -> Any:
        return self.own[name] if name in self.own else self.around[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self.around, *self.own]))

    def __len__(self) -> int:
        return sum(1 for _ in self)


class _Seen(Mapping[str, str]):
    """The names of a scope as they were at one moment."""

    def __init__(self, scope: Scope, moment: int, previous: str | None) -> None:
        self.scope, self.moment, self.previous = scope, moment, previous

    def __getitem__(self, name: str) -> str:
        found = self.scope.tensor(name, self.moment)
        if found is None and name == "prev":
            found = self.previous
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return (name for name in self.scope.known_tensors() if name in self)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __len__(self) -> int:
        return sum(1 for _ in self)
