"""`repeat` -> the head of a `for` loop."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from kexp.export.layout import Code, call, code, sequence, several
from kexp.export.names import Sight, identifier
from kexp.export.objects import Objects
from kexp.spec.types import Expr, Group, Step, Value


@dataclass(frozen=True, slots=True)
class Head:
    """A loop whose body is not written yet; `values` are Python's names for what the turns give."""

    values: Mapping[str, str]
    turns: Code
    is_number: bool

    def code(self, body: str) -> Code:
        """Return `for … in …` for a body that has been written."""
        counter = self.values["i"]
        counts = re.search(rf"\b{re.escape(counter)}\b", body) is not None
        names = [python for name, python in self.values.items() if name != "i"]
        if self.is_number:
            return (f"for {counter if counts else '_'} in ", *call(code("range"), self.turns))
        listed = ", ".join(names)
        if not counts:
            return (f"for {listed} in ", *self.turns)
        inner = listed if len(names) == 1 else f"({listed})"
        return (f"for {counter}, {inner} in ", *call(code("enumerate"), self.turns))


def header(step: Step, sight: Sight, taken: Collection[str], objects: Objects) -> Head:
    """Return how a step's turns are counted, or the lists that they go through."""
    repeat = step.repeat
    counter = next(name for name in ("i", "j", "k", "i_") if name not in taken)
    if not isinstance(repeat, Mapping):
        assert repeat is not None
        return Head({"i": counter}, objects.value(repeat, sight), is_number=True)
    names = {name: identifier(name, {*taken, counter}) for name in repeat}
    return Head({**names, "i": counter}, _rows(repeat, sight, objects), is_number=False)


def _rows(lists: Mapping[str, Value], sight: Sight, objects: Objects) -> Code:
    columns = list(lists.values())
    if not all(isinstance(column, tuple) for column in columns):
        written = tuple(objects.value(column, sight, is_keras=False) for column in columns)
        return written[0] if len(written) == 1 else call(code("zip"), *written)
    if len(columns) == 1:
        return objects.value(columns[0], sight, is_keras=False)
    rows = zip(*(column for column in columns if isinstance(column, tuple)), strict=True)
    return sequence(
        tuple(several(tuple(objects.value(item, sight, is_keras=False) for item in row)) for row in rows)
    )


def reads_previous(step: Step) -> bool:
    """Tell whether a turn begins with what the turn before it gave."""
    if step.takes:
        return not step.takes.positional or "prev" in step.takes.positional
    if isinstance(step.what, Group):
        return reads_previous(step.what.steps[0])
    return not isinstance(step.what, Expr)


def carried(step: Step) -> str | None:
    """Return the name of what a turn gives, where it has one that every turn shares."""
    own = next((name for name in step.gives if name != "_"), None)
    if own is None and isinstance(step.what, Group):
        return carried(step.what.steps[-1])
    return own if own is not None and "$" not in own else None
