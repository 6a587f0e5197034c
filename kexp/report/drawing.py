"""A spec's graph as boxes and arrows: blocks and repeats collapsed, unless turns name what others read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kexp.errors import UsageError
from kexp.report.boxes import Drawing, Edge, Kind, Node
from kexp.report.labels import arguments, collapsed, computed, detail, heading, shape, times, title, turns
from kexp.spec.types import Block, Component, Experiment, Expr, Graph, Group, Operand, Port, Reuse, Step, Use

_MOST_UNROLLED = 48
_MOST_PARTS = 5000


def drawing(experiment: Experiment) -> Drawing:
    """Return the graph of a spec, and the blocks that it uses.

    Raises: UsageError (too-large-to-draw).
    """
    model = experiment.model
    _check_size([*_graphs(model).values(), *(block.graph for block in experiment.blocks.values())])
    parts = [_block(name, block) for name, block in experiment.blocks.items()]
    if isinstance(model, Component):
        graphs = _graphs(model)
        rest = {name: value for name, value in (model.options or {}).items() if name not in graphs}
        node = Node("model", "layer", title(model), arguments(rest, {}, None))
        drawn = [_Drawer(name).graph(graph, name) for name, graph in graphs.items()]
        return Drawing(experiment.name, (node,), (), (*drawn, *parts))
    return replace(_Drawer("model").graph(model, experiment.name), parts=tuple(parts))


def _graphs(model: Graph | Component) -> dict[str, Graph]:
    """Return the graphs of a model by name: its own, or those that it is made of."""
    given = {"": model} if isinstance(model, Graph) else model.options or {}
    return {name: value for name, value in given.items() if isinstance(value, Graph)}


def _check_size(graphs: list[Graph]) -> None:
    number = sum(map(_extent, graphs))
    if number > _MOST_PARTS:
        raise UsageError.because(
            "too-large-to-draw",
            f"the model has {number:,} steps and names to draw, and at most {_MOST_PARTS:,} fit a picture",
            help="`--graph text` lists them",
        )


def _block(name: str, block: Block) -> Drawing:
    return _Drawer(f"block_{name}").graph(block.graph, heading(name, block))


@dataclass(slots=True)
class _Drawer:
    """Draws one scope; names that it does not know are its parent's, or inputs that the data gives."""

    prefix: str
    values: dict[str, Any] = field(default_factory=dict)
    parent: "_Drawer | None" = None
    nodes: list[Node] = field(default_factory=list)
    edges: dict[Edge, None] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)
    outside: dict[str, None] = field(default_factory=dict)
    enters: bool = False
    previous: str | None = None

    def graph(self, graph: Graph, name: str) -> Drawing:
        for port in graph.inputs or ():
            self._input(port)
        self.steps(graph.steps)
        outputs = graph.outputs
        if outputs is None:
            self._mark(self.previous, "")
        else:
            keyed = outputs if isinstance(outputs, Mapping) else {name: name for name in outputs}
            for key, tensor in keyed.items():
                self._mark(self._tensor(tensor), key)
        return Drawing(name, tuple(self.nodes), tuple(self.edges))

    def _input(self, port: Port) -> str:
        dtype = "" if port.dtype == "float32" else port.dtype
        node = self._add("input", port.name, f"{shape(port.shape)} {dtype}".strip())
        self.inputs.append(node)
        self.names[port.name] = node
        return node

    def _mark(self, node: str | None, output: str) -> None:
        self.nodes = [replace(each, output=output) if each.id == node else each for each in self.nodes]

    def _add(
        self, kind: Kind, words: str, detail: str = "", name: str = "", inside: Drawing | None = None
    ) -> str:
        node = Node(f"{self.prefix}_{len(self.nodes)}", kind, words, detail, name, None, inside)
        self.nodes.append(node)
        return node.id

    # ------------------------------------------------------------ steps

    def steps(self, steps: tuple[Step, ...]) -> None:
        for step in steps:
            self._step(step)

    def _step(self, step: Step) -> None:
        found = turns(step, self.values) if step.repeat is not None else None
        if found is None or not _names_turns(step) or len(found) * _size(step) > _MOST_UNROLLED:
            self._once(step)
            return
        values = self.values
        for turn in found:
            self.values = {**values, **turn}
            self._once(replace(step, repeat=None))
        self.values = values

    def _once(self, step: Step) -> None:
        what = step.what
        if isinstance(what, Group) and step.repeat is None:
            if step.takes:
                self.previous = next(self._tensors(step.takes.positional), self.previous)
            self.steps(what.steps)
            self._name(step, self.previous)
        elif isinstance(what, Expr) and what.is_name:
            self.previous = self._tensor(what.text.strip())
            self._name(step, self.previous)
        elif isinstance(what, Group):
            self._group(step, what)
        else:
            self._draw(step)

    def _draw(self, step: Step) -> None:
        what, values = step.what, {**self.values, **collapsed(step, self.values)}
        kinds: dict[type, Kind] = {Use: "block", Reuse: "reuse", Expr: "expr", Graph: "model"}
        kind = kinds.get(type(what), "layer")
        takes = list(self._tensors(step.takes.positional)) or (
            [] if step.takes.positional else [self._above()]
        )
        named = [
            (key, node) for key, operand in step.takes.keywords.items() for node in self._tensors((operand,))
        ]
        words = what.text.strip() if isinstance(what, Expr) else title(what)
        inside = None
        if isinstance(what, Graph):
            inside = _Drawer(f"{self.prefix}_{len(self.nodes)}", values).graph(what, "")
        name = ", ".join(computed(given, self.values) for given in step.gives if given != "_")
        described = "" if isinstance(what, Expr) else detail(step, values)
        node = self._add(
            kind, f"{words} {times(step, self.values)}".strip(), described, step.layer_name or name, inside
        )
        for label, source in [*(("", source) for source in takes), *named]:
            self._connect(source, node, label)
        self._name(step, node)

    def _group(self, step: Step, group: Group) -> None:
        """Draw a repeated group as one box with its steps inside."""
        values = {**self.values, **collapsed(step, self.values)}
        inner = _Drawer(f"{self.prefix}_{len(self.nodes)}", values, self)
        above = next(self._tensors(step.takes.positional), None) or self._above()
        inner.steps(group.steps)
        sources = dict.fromkeys([*([above] if inner.enters else ()), *inner.outside])
        inside = Drawing("", tuple(inner.nodes), tuple(inner.edges))
        node = self._add("group", times(step, self.values), inside=inside)
        for source in sources:
            self._connect(source, node)
        self.names |= dict.fromkeys(inner.names, node)
        self._name(step, node)

    def _connect(self, source: str, target: str, label: str = "") -> None:
        if source:
            self.edges[Edge(source, target, label)] = None

    def _name(self, step: Step, node: str | None) -> None:
        if node is not None:
            self.names |= {computed(name, self.values): node for name in step.gives if name != "_"}
        self.previous = node

    # ------------------------------------------------------------ tensors

    def _above(self) -> str:
        """Return the step above; nothing at the top of a group, whose box it is that takes it."""
        if self.previous is None and self.parent is not None:
            self.enters = True
            return ""
        return self.previous if self.previous is not None else self._only_input()

    def _only_input(self) -> str:
        if self.parent is not None:
            return self._from_outside(self.parent._only_input())
        return self.inputs[0] if self.inputs else self._input(Port("input", "input"))

    def _from_outside(self, node: str) -> str:
        self.outside[node] = None
        return ""

    def _tensors(self, operands: tuple[Operand, ...]) -> Iterator[str]:
        for operand in operands:
            if isinstance(operand, tuple):
                yield from self._tensors(operand)
            elif operand is not None:
                yield self._tensor(operand)

    def _tensor(self, name: str) -> str:
        """Return the node that gives a tensor; a name that nobody gives is an input that the data has."""
        if name == "prev":
            return self._above()
        if name == "input" and "input" not in self.names:
            return self._only_input()
        found = self._known(computed(name, self.values))
        if found is not None:
            return found
        if self.parent is not None:
            return self._from_outside(self.parent._tensor(name))
        return self._input(Port(name, name))

    def _known(self, name: str) -> str | None:
        if name in self.names:
            return self.names[name]
        stem = name.partition("$")[0] if "$" in name else None
        near = (node for given, node in reversed(self.names.items()) if _is_turn(given, name, stem))
        return next(near, None)


def _is_turn(given: str, name: str, stem: str | None) -> bool:
    """Tell whether a name with an open `$` may be the one that is looked for."""
    if stem is not None:
        return given.startswith(stem)
    return "$" in given and name.startswith(given.partition("$")[0])


def _names_turns(step: Step) -> bool:
    """Tell whether a step, or one inside it, gives or takes a name with `$`."""
    written = [*step.gives, *_operands((*step.takes.positional, *step.takes.keywords.values()))]
    inner = step.what.steps if isinstance(step.what, Group) else ()
    return any("$" in name for name in written) or any(_names_turns(each) for each in inner)


def _operands(operands: tuple[Operand, ...]) -> Iterator[str]:
    for operand in operands:
        if isinstance(operand, tuple):
            yield from _operands(operand)
        elif operand is not None:
            yield operand


def _extent(graph: Graph) -> int:
    """Return how many steps and names a graph is written with."""
    return 1 + len(graph.inputs or ()) + len(graph.outputs or ()) + sum(map(_step_extent, graph.steps))


def _step_extent(step: Step) -> int:
    what = step.what
    named = sum(1 for _ in _operands((*step.takes.positional, *step.takes.keywords.values())))
    if isinstance(what, Graph):
        return 1 + named + _extent(what)
    return 1 + named + (sum(map(_step_extent, what.steps)) if isinstance(what, Group) else 0)


def _size(step: Step) -> int:
    return sum(_size(inner) for inner in step.what.steps) if isinstance(step.what, Group) else 1
