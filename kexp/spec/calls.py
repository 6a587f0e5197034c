"""What laying out a graph gives: calls of layers on tensors, the faults found on the way, and names."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from kexp.diagnostics import Span
from kexp.errors import did_you_mean
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


def by_port(step: Step, names: Sequence[str], takes: Operands) -> dict[str, str]:
    """Return the tensors by the inputs of a block or nested model, in declared order.

    Raises: Halt (unknown-input, wrong-inputs).
    """
    name = snake_case(step.what)
    for keyword in takes.keywords:
        if keyword not in names:
            help = did_you_mean(keyword, names) or f"its inputs are {', '.join(f'`{n}`' for n in names)}"
            raise Halt(Fault("unknown-input", f"`{name}` has no input `{keyword}`", step, keyword, help))
    given: dict[str, Operand] = {**dict(zip(names, takes.positional, strict=False)), **takes.keywords}
    number = len(takes.positional) + len(takes.keywords)
    complete = len(given) == number == len(names)
    if not complete or not all(isinstance(tensor, str) for tensor in given.values()):
        message = f"`{name}` takes {count(len(names), 'input')}, and is given {number}"
        help = f"write `{', '.join(names)} -> {name}` with the tensors' names"
        raise Halt(Fault("wrong-inputs", message, step, help=help))
    return {name: str(given[name]) for name in names}


def flat(operands: Iterable[Operand]) -> Iterator[str]:
    for operand in operands:
        if isinstance(operand, tuple):
            yield from flat(operand)
        elif operand is not None:
            yield operand
