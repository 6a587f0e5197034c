"""Tensors of one graph by their Python names; a dict stands for those that every turn names anew."""

from collections.abc import Mapping

from kexp.export.layout import Code, code, lines, sequence
from kexp.export.names import formula, identifier, leaves, prefix_of, split_template, text_literal
from kexp.export.pieces import Pieces
from kexp.spec.types import Graph, Group, Operand, Operands, Step

_RUNNING = ("x", "y", "h", "z", "x_")
_ALL = "tensors"


class Tensors:
    """`previous` is the tensor of the step above; `running` the variable of tensors without a name."""

    def __init__(
        self, pieces: Pieces, graph: Graph, inputs: Mapping[str, str], values: Mapping[str, str], depth: int
    ) -> None:
        self.pieces, self.graph, self.inputs, self.values = pieces, graph, inputs, dict(values)
        self.depth, self.is_top = depth, depth == 0
        self.statements: list[str] = []
        self.previous: str | None = None
        self.waiting: list[str] = []
        self.in_loop = False
        self._families: dict[str, str] = {}
        self._name_tensors()

    def _name_tensors(self) -> None:
        given = dict.fromkeys(name for step in leaves(self.graph.steps) for name in step.gives if name != "_")
        self.taken = {*self.pieces.taken, *self.values.values(), *self.inputs.values(), *self.pieces.known}
        self.names = dict(self.inputs)
        for name in given:
            if "$" not in name:
                self.names[name] = self.variable(name)
        self.prefixes = [prefix_of(name) for name in given if "$" in name]
        is_free = (
            list(self.inputs.values()) == ["x"] and not self.is_top and not _reads_input_later(self.graph)
        )
        self.running = "x" if is_free else next(name for name in _RUNNING if name not in self.taken)
        self.taken.add(self.running)

    def variable(self, name: str) -> str:
        """Return a new Python name."""
        made = identifier(name, self.taken)
        self.taken.add(made)
        return made

    def emit(self, statement: Code) -> None:
        self.statements += lines(statement, self.depth)

    def constant(self, name: str) -> str:
        """Return the Python for a value."""
        return self.values.get(name) or self.pieces.constant(name)

    def tensor(self, name: str) -> str:
        """Return the Python for a tensor."""
        if name == "prev" and self.previous is not None:
            return self.previous
        if name in self.names:
            return self.names[name]
        return self.incoming if name in ("prev", "input") else self.member(name)

    @property
    def incoming(self) -> str:
        """The only input."""
        return next(iter(self.inputs.values()))

    @property
    def above(self) -> str:
        return self.incoming if self.previous is None else self.previous

    def target(self, name: str) -> str:
        if name == "_":
            return name
        return self.member(name) if "$" in name else self.names[name]

    def is_tensor(self, name: str) -> bool:
        return name in ("prev", "input", *self.names) or any(name.startswith(p) for p in self.prefixes)

    def operand(self, operand: Operand) -> Code:
        if isinstance(operand, tuple):
            return sequence(tuple(self.operand(inner) for inner in operand))
        return code("None" if operand is None else self.tensor(operand))

    def first(self, takes: Operands) -> str:
        """Return what a group or a repeat begins with."""
        return next((self.tensor(name) for name in takes.positional if isinstance(name, str)), self.above)

    # ------------------------------------------------------------ one name for every turn

    def member(self, name: str, ending: str = "") -> str:
        """Return the entry of a dict for a name such as `enc_$i`, or for `enc_2` where turns gave it."""
        if "$" in name:
            prefix, _, key = self._split(name)
            return f"{self._family(prefix, ending)}[{key}]"
        prefix = next((p for p in self.prefixes if p and name.startswith(p)), "")
        rest = name.removeprefix(prefix)
        return f"{self._family(prefix, ending)}[{rest if rest.isdigit() else text_literal(rest)}]"

    def _split(self, template: str) -> tuple[str, str, str]:
        found = split_template(template)
        prefix, rest = found if found is not None else ("", template)
        return prefix, rest, formula(rest, self.sight())  # type: ignore[attr-defined]

    def _family(self, prefix: str, ending: str) -> str:
        name = f"{prefix.strip('_') or _ALL}{ending}"
        if name not in self._families:
            self._families[name] = self.variable(name)
            beginning = f"{self._families[name]} = {{}}"
            if self.in_loop:
                self.waiting.append(beginning)
            else:
                self.emit(code(beginning))
        return self._families[name]


def _reads_input_later(graph: Graph) -> bool:
    """Tell whether a step below the first one names the graph's input."""
    wanted = {"input", *(port.name for port in graph.inputs or ())}
    first = graph.steps[0]
    while isinstance(first.what, Group) and first.repeat is None:
        first = first.what.steps[0]
    outputs = graph.outputs.values() if isinstance(graph.outputs, Mapping) else graph.outputs or ()
    read = {
        name for step in leaves(graph.steps) if step is not first or step.repeat for name in _read_by(step)
    }
    shapes = (f"dim({name}" for name in wanted)
    return bool(wanted & {*read, *outputs}) or any(shape in repr(graph.steps) for shape in shapes)


def _read_by(step: Step) -> list[str]:
    found: list[str] = []
    waiting: list[Operand] = [*step.takes.positional, *step.takes.keywords.values()]
    while waiting:
        operand = waiting.pop()
        if isinstance(operand, tuple):
            waiting += operand
        elif operand is not None:
            found.append(operand)
    return found
