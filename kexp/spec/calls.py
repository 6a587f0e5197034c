"""What laying out a graph gives: calls of layers on tensors, the faults found on the way, and names."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from kexp.diagnostics import Span
from kexp.errors import did_you_mean
from kexp.spec.labels import snake_case
from kexp.spec.scopes import View
from kexp.spec.types import Graph, Operand, Operands, Reuse, Step


@dataclass(frozen=True, slots=True)
class Call:
    """One layer called on tensors. `takes` and `gives` are tensors' ids; `_` is given to nobody.

    `view` is what the step's formulas may refer to, `use` the step that uses the block it is in.
    """

    step: Step
    layer: str
    takes: Operands
    gives: tuple[str, ...]
    view: View = field(default_factory=View, compare=False)
    use: Step | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Used:
    """Marks where a block's calls end: who used it, and what it gave."""

    step: Step
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at a step; `name` is the word to underline in its key. No step: the graph's outputs.

    `span` is the place of a fault that stands below the key at `below`, `use` the step that uses the block.
    """

    id: str
    message: str
    step: Step | None
    name: str = ""
    help: str | None = None
    after_arrow: bool = False
    span: Span | None = None
    use: Step | None = None
    below: str = ""

    @property
    def path(self) -> str:
        """Where the step stands, or what is below it."""
        above = self.step.path if self.step is not None else ""
        return f"{above}.{self.below}" if self.below else above


@dataclass(frozen=True, slots=True)
class Wiring:
    """`outputs` are tensors' ids; by the user's keys where the graph has such.

    `is_whole`: nothing waits for a value that data or graph give.
    """

    calls: tuple[Call, ...]
    outputs: tuple[str, ...] | Mapping[str, str]
    faults: tuple[Fault, ...]
    is_whole: bool = True


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
    name = step.what.name if isinstance(step.what, Reuse) else snake_case(step.what)
    for keyword in takes.keywords:
        if keyword not in names:
            help = did_you_mean(keyword, names) or f"its inputs are {', '.join(f'`{n}`' for n in names)}"
            raise Halt(Fault("unknown-input", f"`{name}` has no input `{keyword}`", step, keyword, help))
    given: dict[str, Operand] = {**dict(zip(names, takes.positional, strict=False)), **takes.keywords}
    number = len(takes.positional) + len(takes.keywords)
    found = next((_SHAPES[type(t)] for t in given.values() if not isinstance(t, str)), str(number))
    if len(given) != number or number != len(names) or found in _SHAPES.values():
        message = f"`{name}` takes {count(len(names), 'input')}, and is given {found}"
        what = f"reuse: {name}" if isinstance(step.what, Reuse) else name
        help = f"write `{', '.join(names)} -> {what}` with the tensors' names"
        if names == UNNAMED_INPUT:
            help = f"declare its `inputs`, one name for each tensor that `{name}` is given"
        raise Halt(Fault("wrong-inputs", message, step, help=help))
    return {name: str(given[name]) for name in names}


UNNAMED_INPUT = ("input",)
"""The inputs of a block or nested model that declares none."""
_SHAPES: dict[type, str] = {tuple: "a list of them", type(None): "`null`"}


@dataclass(frozen=True, slots=True)
class Arity:
    """The inputs of a block or nested model, and its number of outputs; None: known when it is built."""

    inputs: tuple[str, ...]
    outputs: int | None


def arity_of(graph: Graph, outputs_of: tuple[str, ...] = ()) -> Arity:
    """Return what a graph takes and gives; an inner layer of `outputs_of` may give several tensors."""
    inputs = tuple(port.name for port in graph.inputs or ()) or UNNAMED_INPUT
    return Arity(inputs, None if outputs_of else len(graph.outputs or (None,)))


def check_outputs(step: Step, number: int | None) -> None:
    """Compare the names that a step gives with how many tensors it has.

    Raises: Halt (wrong-outputs).
    """
    if number is None or len(step.gives) == number or (number == 1 and not step.gives):
        return
    named = f"names {len(step.gives)}" if step.gives else "names none of them"
    message = f"`{snake_case(step.what)}` has {count(number, 'output')}, and the step {named}"
    help = f"name each output: `-> {', '.join('abcdefgh'[:number])}`; `_` ignores one"
    raise Halt(Fault("wrong-outputs", message, step, help="give it one name" if number == 1 else help))


def flat(operands: Iterable[Operand]) -> Iterator[str]:
    for operand in operands:
        if isinstance(operand, tuple):
            yield from flat(operand)
        elif operand is not None:
            yield operand
