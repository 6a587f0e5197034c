"""Which tensor goes where: names resolved, layers named, faults found. The builder only follows the calls."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kexp.diagnostics import Span
from kexp.errors import did_you_mean
from kexp.spec.types import Component, Graph, Operand, Operands, Reuse, Step


@dataclass(frozen=True, slots=True)
class Call:
    """One layer called on named tensors. `takes` and `gives` name tensors; `_` is given to nobody."""

    step: Step
    layer: str
    takes: Operands
    gives: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at a step; `name` is the word to underline in its key. No step: the graph's outputs.

    `span` is the place of a fault that does not stand in the key.
    """

    id: str
    message: str
    step: Step | None
    name: str = ""
    help: str | None = None
    after_arrow: bool = False
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Wiring:
    calls: tuple[Call, ...]
    outputs: tuple[str, ...] | Mapping[str, str]
    faults: tuple[Fault, ...]


def wire(graph: Graph, inputs: Sequence[str] | None, scope: str = "") -> Wiring:
    """Resolve every name of a graph. `inputs` None: not known yet, so an unknown name may be one of them.

    Tensors without a name of the user's get one that begins with `#`, which no user can write.
    """
    return _Wirer(graph, inputs, scope).wire()


def output_names(graph: Graph) -> tuple[str, ...] | None:
    """Return the names by which `loss` and `metrics` know the outputs; None for one output without a name."""
    if graph.outputs is not None:
        return tuple(graph.outputs)
    gives = graph.steps[-1].gives
    return gives[:1] if gives else None


class _Wirer:
    def __init__(self, graph: Graph, inputs: Sequence[str] | None, scope: str) -> None:
        self.graph, self.inputs, self.scope = graph, inputs, scope
        self.tensors: dict[str, Step | None] = dict.fromkeys(inputs or (), None)
        self.layers: dict[str, str] = {}
        self.taken = {name for step in graph.steps for name in (*step.gives, step.layer_name) if name}
        self.taken |= set(inputs or ())
        self.later = {name for step in graph.steps for name in step.gives} - {"_"}
        self.counts: Counter[str] = Counter()
        self.faults: list[Fault] = []

    def wire(self) -> Wiring:
        calls: list[Call] = []
        previous: str | None = None
        for step in self.graph.steps:
            call = self._call(step, previous)
            calls.append(call)
            previous = next((name for name in call.gives if name != "_"), None)
        outputs = self._outputs(previous)
        if not self.faults:
            self._find_dangling(calls, outputs)
        return Wiring(tuple(calls), outputs, tuple(self.faults))

    def _call(self, step: Step, previous: str | None) -> Call:
        layer = self._layer_name(step)
        takes = self._takes(step, previous)
        gives = step.gives or (f"#{len(self.tensors)}#{layer}",)
        for name in gives:
            if name != "_":
                self._define(step, name)
        return Call(step, layer, takes, gives)

    def _define(self, step: Step, name: str) -> None:
        if name in self.tensors:
            first = self.tensors[name]
            help = (
                "the model has an input of this name"
                if first is None
                else f"first named in `{_shown(first)}`"
            )
            self.faults.append(
                Fault("duplicate-name", f"the name `{name}` is given twice", step, name, help, True)
            )
        self.tensors[name] = step

    def _layer_name(self, step: Step) -> str:
        if isinstance(step.what, Reuse):
            return self._reused(step, step.what)
        own = step.layer_name or next((name for name in step.gives if name != "_"), None)
        name = self.scope + own if own else self._fresh(snake_case(step.what))
        if own:
            self.layers[own] = name
        return name

    def _reused(self, step: Step, reuse: Reuse) -> str:
        name = reuse.name
        if name and name not in self.layers:
            message = f"`reuse` finds no layer called `{name}` above"
            help = did_you_mean(name, self.layers) or "a layer gets its name by an arrow: `Dense -> name: 64`"
            self.faults.append(Fault("unknown-layer-name", message, step, "", help, span=reuse.span))
        return self.layers.get(name, name)

    def _fresh(self, base: str) -> str:
        while True:
            count = self.counts[base]
            self.counts[base] += 1
            name = f"{base}_{count}" if count else base
            if name not in self.taken:
                return self.scope + name

    def _takes(self, step: Step, previous: str | None) -> Operands:
        if not step.takes.positional:
            first = previous if previous is not None else self._only_input(step)
            positional: tuple[Operand, ...] = (first,) if first is not None else ()
        else:
            positional = tuple(self._operand(o, step, previous) for o in step.takes.positional)
        return Operands(
            positional, {k: self._operand(o, step, previous) for k, o in step.takes.keywords.items()}
        )

    def _operand(self, operand: Operand, step: Step, previous: str | None) -> Operand:
        if operand is None:
            return None
        if isinstance(operand, tuple):
            return tuple(self._operand(o, step, previous) for o in operand)
        if operand == "prev" and previous is not None:
            return previous
        if operand in ("prev", "input") and operand not in self.tensors:
            return self._only_input(step)
        if (operand not in self.tensors and self.inputs is not None) or operand in self.later - set(
            self.tensors
        ):
            self._unknown(operand, step)
        return operand

    def _only_input(self, step: Step) -> str | None:
        if self.inputs is None:
            return "input"
        if len(self.inputs) == 1:
            return self.inputs[0]
        listed = ", ".join(f"`{name}`" for name in self.inputs)
        self.faults.append(
            Fault(
                "which-input",
                f"the step must say which input it takes: {listed}",
                step,
                "",
                f"write `{self.inputs[0]} -> {_shown(step)}`" if self.inputs else None,
            )
        )
        return None

    def _unknown(self, name: str, step: Step) -> None:
        if name in self.later:
            fault = Fault(
                "name-too-early",
                f"`{name}` is used before the step that gives it",
                step,
                name,
                "move the step below it",
            )
        else:
            known = [n for n in self.tensors if not n.startswith("#")]
            help = did_you_mean(name, known) or (
                f"known here: {', '.join(f'`{n}`' for n in known)}" if known else None
            )
            fault = Fault("unknown-name", f"no tensor is called `{name}`", step, name, help)
        self.faults.append(fault)

    def _outputs(self, previous: str | None) -> tuple[str, ...] | Mapping[str, str]:
        outputs = self.graph.outputs
        if outputs is None:
            return (previous,) if previous is not None else ()
        for name in outputs.values() if isinstance(outputs, Mapping) else outputs:
            if name not in self.tensors:
                help = did_you_mean(name, [n for n in self.tensors if not n.startswith("#")])
                self.faults.append(Fault("unknown-output", f"no tensor is called `{name}`", None, name, help))
        return outputs

    def _find_dangling(self, calls: list[Call], outputs: tuple[str, ...] | Mapping[str, str]) -> None:
        reached = set(outputs.values() if isinstance(outputs, Mapping) else outputs)
        for call in reversed(calls):
            if reached & set(call.gives):
                reached |= set(_names(call.takes))
            else:
                self.faults.append(
                    Fault(
                        "dangling-step",
                        f"the output of `{_shown(call.step)}` reaches no output of the graph",
                        call.step,
                        "",
                        "use its output in a later step, list it under `outputs:`, or remove the step",
                    )
                )


def _shown(step: Step) -> str:
    return step.key.text if step.key is not None else snake_case(step.what)


def _names(takes: Operands) -> Iterator[str]:
    def flat(operands: Iterable[Operand]) -> Iterator[str]:
        for operand in operands:
            if isinstance(operand, tuple):
                yield from flat(operand)
            elif operand is not None:
                yield operand

    yield from flat((*takes.positional, *takes.keywords.values()))


def snake_case(what: object) -> str:
    """Return the stem of an automatic name: `Conv2D` gives `conv2d`, `MaxPooling2D` `max_pooling2d`."""
    name = what.name.rpartition(":")[2] if isinstance(what, Component) else "model"
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
