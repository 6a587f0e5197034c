"""`repeat`: the values that each turn of a step gets."""

from collections.abc import Callable, Mapping
from typing import Any

from kexp.spec.calls import Fault, Halt, count, names_of
from kexp.spec.types import Step, Value

MAX_STEPS = 20_000
"""How many steps a graph may come to, its repeats and blocks laid out."""


def turns(step: Step, value: Callable[[Value], Any]) -> list[dict[str, Any]]:
    """Return the values of each turn of a repeated step; `$i` counts from 0.

    Raises: Halt (bad-repeat, repeat-lengths, too-many-layers).
    """
    if isinstance(step.repeat, Mapping):
        lists = {name: value(values) for name, values in step.repeat.items()}
        length = _common_length(step, lists)
        return [{"i": i, **{name: values[i] for name, values in lists.items()}} for i in range(length)]
    number = value(step.repeat)
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        message = f"`repeat` must be a whole number of at least 1, found `{number}`"
        raise Halt(Fault("bad-repeat", message, step, span=step.places.get("repeat")))
    if number > MAX_STEPS:
        raise too_many(step)
    return [{"i": i} for i in range(number)]


def too_many(step: Step) -> Halt:
    message = f"with repeats and blocks laid out, the graph has more than {MAX_STEPS:,} layers"
    return Halt(Fault("too-many-layers", message, step))


def _common_length(step: Step, lists: Mapping[str, Any]) -> int:
    """Return how long the lists of a repeat are; the odd one out is at fault."""
    lengths = {name: len(values) for name, values in lists.items() if isinstance(values, (list, tuple))}
    not_list = next((name for name in lists if name not in lengths), None)
    if not_list is not None:
        raise _unequal(step, not_list, f"`{not_list}` must be a list with a value for each turn")
    found = list(lengths.values())
    usual = max(found, key=found.count, default=0)
    odd = next((name for name, length in lengths.items() if length != usual), None)
    if odd is not None:
        others = next(name for name, length in lengths.items() if length == usual)
        rest = f"`{others}` has {usual}" if len(lengths) == 2 else f"the others have {usual}"
        raise _unequal(step, odd, f"`{odd}` has {count(lengths[odd], 'value')}, and {rest}")
    if usual == 0:
        raise _unequal(step, next(iter(lists), ""), "`repeat` needs at least one turn, and has none")
    return usual


def _unequal(step: Step, name: str, message: str) -> Halt:
    span = step.places.get(f"repeat.{name}") or step.places.get("repeat")
    return Halt(Fault("repeat-lengths", message, step, span=span))


def parallel(step: Step) -> Fault | None:
    """Return the fault of turns that all take the same input and leave nothing but the last."""
    takes = list(names_of(step.takes))
    if not takes or any("$" in name or name == "prev" for name in (*takes, *step.gives)):
        return None
    return Fault(
        "parallel-repeat",
        "every turn takes the same input, so all turns but the last are lost",
        step,
        takes[0],
        f"put `- expr: {takes[0]}` above and take `prev`, or name each turn's output with `$i`",
    )
