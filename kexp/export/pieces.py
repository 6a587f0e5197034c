"""What stands above the graph in a script: constants, functions for blocks and nested models."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kexp.export.layout import Code, code, keyword
from kexp.export.names import Sight, identifier, leaves
from kexp.export.naming import Naming
from kexp.export.objects import Objects
from kexp.export.weights import Sources
from kexp.graph.construct import Context
from kexp.spec.formula import names_in
from kexp.spec.types import Block, Component, Experiment, Formula, Graph, Operand, Operands, Step, Use, Value

_MADE_ANEW = ("layers", "applications", "initializers")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A block's parameter in Python; a factory is called wherever its value is used."""

    python: str
    default: Value
    is_required: bool
    is_factory: bool

    @property
    def expression(self) -> str:
        return f"{self.python}()" if self.is_factory else self.python


@dataclass(frozen=True, slots=True)
class Signature:
    """A block as a Python function; required parameters come first."""

    inputs: Mapping[str, str]
    params: Mapping[str, Parameter]


@dataclass(frozen=True, slots=True)
class Nested:
    """A function that makes a nested model; `is_like` says that it takes tensors to be shaped after."""

    function: str
    graph: Graph
    values: Mapping[str, str]
    label: str | None
    is_like: bool

    @property
    def arguments(self) -> list[Code]:
        """The values that the function needs, as it calls them too."""
        return [keyword(name, code(name)) for name in self.parameters]

    @property
    def parameters(self) -> list[str]:
        return [python.removesuffix("()") for python in self.values.values()]


class Pieces:
    def __init__(self, experiment: Experiment, context: Context, inputs: Sequence[str]) -> None:
        self.blocks, self.known = experiment.blocks, context.values
        self.naming = Naming(experiment, inputs, context.values)
        self.taken = {"model", *self.blocks}
        self.objects = Objects(context.folder, self.taken)
        self.sources = Sources(context.folder, self.taken)
        self.constants: dict[str, Any] = {}
        self.used_blocks: list[str] = []
        self.nested: list[Nested] = []
        self.uses_ops = False
        self.factories = _factories(experiment)

    def constant(self, name: str) -> str:
        """Return the Python name of a value that data and training give."""
        python = identifier(name.rstrip(")"))
        self.constants[python] = self.known[name]
        return python

    def block(self, name: str) -> Signature:
        """Return how a block is called, and see that it is written."""
        if name not in self.used_blocks:
            self.used_blocks.append(name)
        return self.signature(name)

    def signature(self, name: str) -> Signature:
        block = self.blocks[name]
        taken = set(self.taken)
        ports = [port.name for port in block.graph.inputs or ()] or ["input"]
        inputs: dict[str, str] = {}
        given = {name for step in leaves(block.graph.steps) for name in step.gives}
        for port in ports:
            alone = "inputs" if "x" in given else "x"
            inputs[port] = identifier(alone if port == "input" else port, taken)
            taken.add(inputs[port])
        params: dict[str, Parameter] = {}
        for param, default in sorted(block.params.items(), key=lambda item: item[0] not in block.required):
            python = identifier(param, taken)
            taken.add(python)
            is_factory = (name, param) in self.factories
            params[param] = Parameter(python, default, param in block.required, is_factory)
        return Signature(inputs, params)

    def nest(
        self,
        graph: Graph,
        name: str,
        values: Mapping[str, str],
        label: str | None = None,
        is_like: bool = True,
    ) -> Nested:
        """Have a nested model written as a function; only the values that it uses are passed."""
        function = identifier(f"make_{name.partition('$')[0].rstrip('_') or 'model'}", self.taken)
        self.taken.add(function)
        needed = set(_references(graph))
        used = {value: python for value, python in values.items() if value in needed}
        self.nested.append(Nested(function, graph, used, label, is_like))
        return self.nested[-1]

    def plain_sight(self) -> Sight:
        """Return what values outside any graph refer to."""
        return Sight(self.constant, lambda name: name, lambda graph, name: code("None"))


def _factories(experiment: Experiment) -> set[tuple[str, str]]:
    """Return the parameters of blocks that objects are given for, which must be made anew at every use."""
    blocks = experiment.blocks
    uses: list[tuple[str | None, Use]] = [
        (None, use) for use in _uses(experiment.graph.steps if experiment.graph else ())
    ]
    uses += [(name, use) for name, block in blocks.items() for use in _uses(block.graph.steps)]
    given = [(around, use.block, param, v) for around, use in uses for param, v in use.arguments.items()]
    given += [(None, name, param, v) for name, block in blocks.items() for param, v in block.params.items()]
    found: set[tuple[str, str]] = set()
    while True:
        more = {
            (block, param) for around, block, param, value in given if _is_made_anew(value, around, found)
        }
        if more <= found:
            return found
        found |= more


def _is_made_anew(value: Value, around: str | None, found: set[tuple[str, str]]) -> bool:
    if isinstance(value, Component):
        return value.is_custom or value.namespace in _MADE_ANEW
    return isinstance(value, Formula) and any((around, name) in found for name in names_in(value.text))


def _uses(steps: tuple[Step, ...]) -> Iterator[Use]:
    for step in leaves(steps):
        if isinstance(step.what, Use):
            yield step.what
        elif isinstance(step.what, Graph):
            yield from _uses(step.what.steps)


def _references(value: Any) -> Iterator[str]:
    """Give the names of the values that a piece of graph uses."""
    match value:
        case Formula(text=text):
            yield from names_in(text)
        case Mapping():
            yield from _references(tuple(value.values()))
        case tuple():
            for item in value:
                yield from _references(item)
        case Operands():
            for operand in (*value.positional, *value.keywords.values()):
                yield from _in_names(operand)
        case _ if dataclasses.is_dataclass(value):
            if isinstance(value, Step):
                yield from _in_names((*value.gives, value.layer_name))
            fields = (field.name for field in dataclasses.fields(value) if field.compare)
            yield from _references(tuple(getattr(value, name) for name in fields))


def _in_names(operand: Operand) -> Iterator[str]:
    if isinstance(operand, tuple):
        for inner in operand:
            yield from _in_names(inner)
    elif operand is not None and "$" in operand:
        yield from names_in(operand)


def used_in(blocks: Mapping[str, Block], used: list[str]) -> list[str]:
    """Return the used blocks in the order of the spec."""
    return [name for name in blocks if name in used]
