"""What laying out a graph gives: calls of layers on tensors, the faults found on the way, and names."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from kexp.diagnostics import Span
from kexp.spec.labels import snake_case
from kexp.spec.scopes import View
from kexp.spec.types import Operand, Operands, Step


@dataclass(frozen=True, slots=True)
class Call:
    """One layer called on tensors. `takes` and `gives` are tensors' ids; `_` is given to nobody.

    `view` is what the step's formulas may refer to.
    """

    step: Step
    layer: str
    takes: Operands
    gives: tuple[str, ...]
    view: View = field(default_factory=View, compare=False)


@dataclass(frozen=True, slots=True)
class Used:
    """Marks where a block's calls end: who used it, and what it gave."""

    step: Step
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at a step; `name` is the word to underline in its key. No step: the graph's outputs.

    `span` is the place of a fault that does not stand in the key, `use` the step that uses the block.
    """

    id: str
    message: str
    step: Step | None
    name: str = ""
    help: str | None = None
    after_arrow: bool = False
    span: Span | None = None
    use: Step | None = None


@dataclass(frozen=True, slots=True)
class Wiring:
    """`outputs` are tensors' ids; by the user's keys where the graph has such."""

    calls: tuple[Call, ...]
    outputs: tuple[str, ...] | Mapping[str, str]
    faults: tuple[Fault, ...]


class Halt(Exception):
    """What follows has no meaning: after a fault, or (None) for want of a value that data or graph give."""

    def __init__(self, fault: Fault | None) -> None:
        super().__init__()
        self.fault = fault


def subject(step: Step) -> str:
    """Return what a message calls a step: its key as it is written."""
    return step.key.text if step.key is not None else snake_case(step.what)


def count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def names_of(takes: Operands) -> Iterator[str]:
    """Yield every tensor that is taken, brackets opened and gaps left out."""
    return flat((*takes.positional, *takes.keywords.values()))


def flat(operands: Iterable[Operand]) -> Iterator[str]:
    for operand in operands:
        if isinstance(operand, tuple):
            yield from flat(operand)
        elif operand is not None:
            yield operand
