"""Which tensor goes where: blocks and repeats laid out, names resolved, layers named, faults found.

The builder only follows the calls. Values that need data or graph stay formulas, each with the view it is
computed in.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kexp.diagnostics import Span
from kexp.errors import did_you_mean, nearest
from kexp.spec.formula import FormulaError
from kexp.spec.scopes import Bound, NotStatic, Scope, View, static_text, static_value
from kexp.spec.types import Block, Component, Expr, Graph, Group, Operand, Operands, Reuse, Step, Use

MAX_CALLS = 20_000


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
    """`outputs` are tensors' ids; by the user's keys where the graph has such."""

    calls: tuple[Call, ...]
    outputs: tuple[str, ...] | Mapping[str, str]
    faults: tuple[Fault, ...]


def wire(
    graph: Graph,
    inputs: Sequence[str] | None,
    scope: str = "",
    blocks: Mapping[str, Block] | None = None,
    view: View | None = None,
) -> Wiring:
    """Resolve every name of a graph. `inputs` None: not known yet, so an unknown name may be one of them.

    Tensors without a name of the user's get an id that begins with `#`, which no user can write.
    `view` None: data and graph are not known yet, so a value may still be missing; otherwise it holds the
    values around the graph, and a missing one is a fault.
    """
    return _Wirer(blocks or {}, view is not None).wire(graph, inputs, scope, view or View())


def output_names(graph: Graph) -> tuple[str, ...] | None:
    """Return the names by which `loss` and `metrics` know the outputs; None for one output without a name."""
    if graph.outputs is not None:
        return tuple(graph.outputs)
    gives = graph.steps[-1].gives
    return gives[:1] if gives else None


class _Halt(Exception):
    """A fault that makes what follows it meaningless."""


@dataclass(frozen=True, slots=True)
class _Used:
    """Marks where a block's calls end: who used it, and what it gave."""

    step: Step
    outputs: tuple[str, ...]


class _Wirer:
    def __init__(self, blocks: Mapping[str, Block], final: bool) -> None:
        self.blocks, self.final = blocks, final
        self.entries: list[Call | _Used] = []
        self.faults: list[Fault] = []
        self.taken: set[str] = set()
        self.inputs: Sequence[str] | None = None

    def wire(self, graph: Graph, inputs: Sequence[str] | None, prefix: str, view: View) -> Wiring:
        self.inputs = inputs
        scope = Scope(prefix, dict(view.values), {name: prefix + name for name in inputs or ()})
        outputs: tuple[str, ...] | Mapping[str, str] = ()
        try:
            outputs = self._outputs(graph, scope, self._steps(graph.steps, scope, None))
            if not self.faults:
                self._find_dangling(outputs)
        except _Halt:
            pass
        calls = tuple(entry for entry in self.entries if isinstance(entry, Call))
        return Wiring(calls, outputs, tuple(self.faults))

    # ------------------------------------------------------------ steps and turns

    def _steps(self, steps: Sequence[Step], scope: Scope, previous: str | None) -> str | None:
        scope.later |= {name for step in steps for name in step.gives} - {"_"}
        self.taken |= {scope.prefix + name for step in steps if (name := _own_name(step)) and "$" not in name}
        for step in steps:
            previous = self._step(step, scope, previous)
        return previous

    def _step(self, step: Step, scope: Scope, previous: str | None) -> str | None:
        own = _own_name(step)
        if step.repeat is None:
            label = scope.prefix + self._text(own, scope, step) if own else self._fresh(step, scope, [""])
            return self._once(step, scope, scope, label, previous)
        turns = self._turns(step, scope)
        endings = [f"_{number}" for number in range(len(turns))]
        base = scope.prefix + own if own else self._fresh(step, scope, endings)
        for ending, values in zip(endings, turns, strict=True):
            turn = scope.turn(f"{base}{ending}_", values)
            label = base + ending
            if own and "$" in own:
                label = scope.prefix + self._text(own, turn, step)
                turn.prefix = f"{label}_"
            previous = self._once(step, turn, scope, label, previous)
            scope.keep(turn)
        return previous

    def _turns(self, step: Step, scope: Scope) -> list[dict[str, object]]:
        """Return the values of each turn; `$i` counts from 0."""
        self._refuse_parallel(step)
        if isinstance(step.repeat, Mapping):
            lists: dict[str, Any] = {
                name: self._static(values, scope, step) for name, values in step.repeat.items()
            }
            count = self._common_length(step, lists)
            return [{"i": i, **{name: values[i] for name, values in lists.items()}} for i in range(count)]
        number = self._static(step.repeat, scope, step)
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            message = f"`repeat` must be a whole number of at least 1, found `{number}`"
            raise self._halt("bad-repeat", message, step, span=step.places.get("repeat"))
        if number > MAX_CALLS:
            raise self._too_many(step)
        return [{"i": i} for i in range(number)]

    def _refuse_parallel(self, step: Step) -> None:
        """Refuse turns that all take the same input and leave nothing but the last."""
        takes = list(_names(step.takes))
        if not takes or any("$" in name or name == "prev" for name in (*takes, *step.gives)):
            return
        self.faults.append(
            Fault(
                "parallel-repeat",
                "every turn takes the same input, so all turns but the last are lost",
                step,
                takes[0],
                f"put `- expr: {takes[0]}` above and take `prev`, or name each turn's output with `$i`",
            )
        )

    def _common_length(self, step: Step, lists: Mapping[str, object]) -> int:
        """Return how long the lists of a repeat are; the odd one out is at fault."""
        lengths = {name: len(values) for name, values in lists.items() if isinstance(values, (list, tuple))}
        not_list = next((name for name in lists if name not in lengths), None)
        counts = list(lengths.values())
        usual = max(counts, key=counts.count, default=0)
        odd = not_list or next((name for name, length in lengths.items() if length != usual), None)
        if not_list is not None:
            message = f"`{not_list}` must be a list with a value for each turn"
        elif odd is not None:
            message = f"`{odd}` has {_count(lengths[odd], 'value')}, and the others have {usual}"
        elif usual == 0:
            message = "`repeat` has no turns"
        else:
            return usual
        raise self._halt("repeat-lengths", message, step, span=step.places.get(f"repeat.{odd}"))

    def _once(self, step: Step, scope: Scope, outer: Scope, label: str, previous: str | None) -> str | None:
        """Lay out one turn of a step; names with `$` are given in `outer`, the others in `scope`."""
        if len(self.entries) > MAX_CALLS:
            raise self._too_many(step)
        takes = self._takes(step, scope, previous)
        match step.what:
            case Use():
                outputs = self._block(step, step.what, scope, label, takes)
            case Group(steps=steps):
                inner = scope.turn(f"{label}_", {}) if scope is outer else scope
                last = self._steps(steps, inner, next(_flat(takes.positional), None))
                if inner is not scope:
                    scope.keep(inner)
                outputs = () if last is None else (last,)
            case Expr(text=text) if step.what.is_name:
                outputs = (str(self._operand(text.strip(), step, scope, previous)),)
            case _:
                return self._call(step, scope, outer, label, (takes, previous))
        return self._name_outputs(step, scope, outer, outputs)

    def _call(
        self, step: Step, scope: Scope, outer: Scope, label: str, given: tuple[Operands, str | None]
    ) -> str | None:
        takes, previous = given
        layer = label
        if isinstance(step.what, Reuse):
            layer = self._reused(step, step.what, scope)
        else:
            self.taken.add(label)
        if not isinstance(step.what, (Reuse, Expr)):
            own = _own_name(step)
            if own:
                (outer if "$" in own else scope).layers[self._text(own, scope, step)] = label
        unnamed = f"#{len(self.entries)}#{layer}"
        gives = tuple(self._define(step, name, scope, outer, None) for name in step.gives) or (unnamed,)
        self.entries.append(Call(step, layer, takes, gives, scope.view(previous)))
        return next((name for name in gives if name != "_"), None)

    def _name_outputs(self, step: Step, scope: Scope, outer: Scope, outputs: tuple[str, ...]) -> str | None:
        """Give the outputs of a block, group or alias the step's names; return the first that is kept."""
        if len(step.gives or outputs[:1]) != len(outputs):
            named = f"names {len(step.gives)}" if step.gives else "names none of them"
            raise self._halt(
                "wrong-outputs",
                f"`{_subject(step)}` has {_count(len(outputs), 'output')}, and the step {named}",
                step,
                help=f"name each output: `-> {', '.join('abcdefgh'[: len(outputs)])}`; `_` ignores one",
            )
        for name, tensor in zip(step.gives, outputs, strict=False):
            self._define(step, name, scope, outer, tensor)
        kept = [t for n, t in zip(step.gives or outputs, outputs, strict=True) if n != "_"]
        return kept[0] if kept else None

    # ------------------------------------------------------------ blocks

    def _block(self, step: Step, use: Use, scope: Scope, label: str, takes: Operands) -> tuple[str, ...]:
        block = self.blocks[use.block]
        view = scope.view()
        values = {name: Bound(value, view) for name, value in {**block.params, **use.arguments}.items()}
        inner = Scope(f"{label}_", dict(values), self._block_inputs(step, block, takes))
        outside, self.inputs = self.inputs, list(inner.names)
        last = self._steps(block.graph.steps, inner, None)
        outputs = self._outputs(block.graph, inner, last)
        self.inputs = outside
        tensors = tuple(outputs.values()) if isinstance(outputs, Mapping) else outputs
        self.entries.append(_Used(step, tensors))
        return tensors

    def _block_inputs(self, step: Step, block: Block, takes: Operands) -> dict[str, str]:
        names = [port.name for port in block.graph.inputs or ()] or ["input"]
        subject = _subject(step)
        for name in takes.keywords:
            if name not in names:
                help = did_you_mean(name, names) or f"its inputs are {', '.join(f'`{n}`' for n in names)}"
                raise self._halt("unknown-input", f"`{subject}` has no input `{name}`", step, name, help=help)
        given: dict[str, Operand] = {**dict(zip(names, takes.positional, strict=False)), **takes.keywords}
        count = len(takes.positional) + len(takes.keywords)
        if count != len(names) or len(given) != count or not all(isinstance(t, str) for t in given.values()):
            raise self._halt(
                "wrong-inputs",
                f"`{subject}` takes {_count(len(names), 'input')}, and is given {count}",
                step,
                help=f"write `{', '.join(names)} -> {subject}` with the tensors' names",
            )
        return {name: str(given[name]) for name in names}

    # ------------------------------------------------------------ names

    def _fresh(self, step: Step, scope: Scope, endings: Sequence[str]) -> str:
        """Return a name for an unnamed step that no layer has, with any of the endings."""
        base = scope.prefix + snake_case(step.what)
        number = 0
        while True:
            label = f"{base}_{number}" if number else base
            if not self.taken.intersection(label + ending for ending in endings):
                self.taken.update(label + ending for ending in endings)
                return label
            number += 1

    def _define(self, step: Step, name: str, scope: Scope, outer: Scope, tensor: str | None) -> str:
        """Give a tensor its name; `tensor` None makes a new one. Return its id."""
        if name == "_":
            return name
        target = outer if "$" in name else scope
        text = self._text(name, scope, step)
        if text in target.names:
            self._complain_twice(step, name, text)
        target.names[text] = tensor or target.prefix + text
        return target.names[text]

    def _complain_twice(self, step: Step, name: str, text: str) -> None:
        named = (entry.step for entry in self.entries if text in entry.step.gives)
        first = next((other for other in named if other is not step), None)
        help = (
            "the model has an input of this name" if first is None else f"first named in `{_subject(first)}`"
        )
        self.faults.append(
            Fault("duplicate-name", f"the name `{text}` is given twice", step, name, help, after_arrow=True)
        )

    def _reused(self, step: Step, reuse: Reuse, scope: Scope) -> str:
        name = self._text(reuse.name, scope, step)
        layer = scope.layer(name)
        if layer is None and reuse.name:
            message = f"`reuse` finds no layer called `{name}` above"
            is_block = any(isinstance(e, _Used) and name in e.step.gives for e in self.entries)
            help = did_you_mean(name, scope.known_layers()) or (
                "a block has fresh weights at every use; make it a nested `model` to reuse it"
                if is_block
                else "a layer gets its name by an arrow: `Dense -> name: 64`"
            )
            self.faults.append(Fault("unknown-layer-name", message, step, "", help, span=reuse.span))
        return layer or name

    def _takes(self, step: Step, scope: Scope, previous: str | None) -> Operands:
        positional = tuple(self._operand(o, step, scope, previous) for o in step.takes.positional)
        if not positional and (previous is not None or not isinstance(step.what, (Group, Expr))):
            first = previous if previous is not None else self._only_input(step, scope)
            positional = () if first is None else (first,)
        keywords = {k: self._operand(o, step, scope, previous) for k, o in step.takes.keywords.items()}
        return Operands(positional, keywords)

    def _operand(self, operand: Operand, step: Step, scope: Scope, previous: str | None) -> Operand:
        if operand is None:
            return None
        if isinstance(operand, tuple):
            return tuple(self._operand(o, step, scope, previous) for o in operand)
        if operand == "prev" and previous is not None:
            return previous
        name = self._text(operand, scope, step)
        found = scope.tensor(name)
        if found is not None:
            return found
        if name in ("prev", "input"):
            return self._only_input(step, scope)
        misspelt = nearest(name, scope.known_tensors()) is not None
        if self.inputs is not None or scope.comes_later(name) or misspelt:
            self._complain_of_name(name, operand, step, scope)
        return name

    def _only_input(self, step: Step, scope: Scope) -> str | None:
        if self.inputs is None:
            return "input"
        if len(self.inputs) == 1:
            return scope.tensor(self.inputs[0])
        listed = ", ".join(f"`{name}`" for name in self.inputs)
        message = f"the step must say which input it takes: {listed}"
        help = f"write `{self.inputs[0]} -> {_subject(step)}`" if self.inputs else None
        self.faults.append(Fault("which-input", message, step, "", help))
        return None

    def _complain_of_name(self, name: str, written: str, step: Step, scope: Scope) -> None:
        if scope.comes_later(name):
            message = f"`{name}` is used before the step that gives it"
            fault = Fault("name-too-early", message, step, written, "move the step below it")
        else:
            known = scope.known_tensors()
            listed = f"known here: {', '.join(f'`{n}`' for n in known)}" if known else None
            help = did_you_mean(name, known) or listed
            fault = Fault("unknown-name", f"no tensor is called `{name}`", step, written, help)
        self.faults.append(fault)

    def _outputs(self, graph: Graph, scope: Scope, last: str | None) -> tuple[str, ...] | Mapping[str, str]:
        outputs = graph.outputs
        if outputs is None:
            return () if last is None else (last,)
        found: dict[str, str] = {}
        keyed = outputs if isinstance(outputs, Mapping) else {name: name for name in outputs}
        for key, name in keyed.items():
            tensor = scope.tensor(name)
            if tensor is None:
                help = did_you_mean(name, scope.known_tensors())
                self.faults.append(Fault("unknown-output", f"no tensor is called `{name}`", None, name, help))
            found[key] = tensor or name
        return found if isinstance(outputs, Mapping) else tuple(found.values())

    def _find_dangling(self, outputs: tuple[str, ...] | Mapping[str, str]) -> None:
        """Walk back from the outputs; a block's outputs count as one."""
        reached = set(outputs.values() if isinstance(outputs, Mapping) else outputs)
        dangling: dict[str, Step] = {}
        for entry in reversed(self.entries):
            if isinstance(entry, _Used):
                if not reached & set(entry.outputs):
                    dangling.setdefault(entry.step.path, entry.step)
                reached |= set(entry.outputs)
            elif reached & set(entry.gives):
                reached |= set(_flat((*entry.takes.positional, *entry.takes.keywords.values())))
            else:
                dangling.setdefault(entry.step.path, entry.step)
        for step in dangling.values():
            message = f"the output of `{_subject(step)}` reaches no output of the graph"
            help = "use its output in a later step, list it under `outputs:`, or remove the step"
            self.faults.append(Fault("dangling-step", message, step, "", help))

    # ------------------------------------------------------------ values that must be known now

    def _static(self, value: object, scope: Scope, step: Step) -> object:
        try:
            return static_value(value, scope.view())  # type: ignore[arg-type]
        except NotStatic as error:
            raise self._not_static(error, step) from None
        except FormulaError as error:
            raise self._halt("bad-formula", str(error), step) from None

    def _text(self, text: str, scope: Scope, step: Step) -> str:
        try:
            return static_text(text, scope.view())
        except NotStatic as error:
            raise self._not_static(error, step) from None
        except FormulaError as error:
            raise self._halt("bad-formula", str(error), step) from None

    def _not_static(self, error: NotStatic, step: Step) -> _Halt:
        return self._halt("not-static", str(error), step) if self.final else _Halt()

    def _too_many(self, step: Step) -> _Halt:
        return self._halt("too-many-layers", f"the graph has more than {MAX_CALLS:,} layers", step)

    def _halt(self, id: str, message: str, step: Step, name: str = "", **more: Any) -> _Halt:
        """Gather a fault after which nothing more can be laid out."""
        self.faults.append(Fault(id, message, step, name, **more))
        return _Halt()


def _own_name(step: Step) -> str | None:
    return step.layer_name or next((name for name in step.gives if name != "_"), None)


def _subject(step: Step) -> str:
    return step.key.text if step.key is not None else snake_case(step.what)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _names(takes: Operands) -> Iterator[str]:
    return _flat((*takes.positional, *takes.keywords.values()))


def _flat(operands: Iterable[Operand]) -> Iterator[str]:
    for operand in operands:
        if isinstance(operand, tuple):
            yield from _flat(operand)
        elif operand is not None:
            yield operand


def snake_case(what: object) -> str:
    """Return the stem of an automatic name: `Conv2D` gives `conv2d`, `MaxPooling2D` `max_pooling2d`."""
    match what:
        case Component(name=name):
            name = name.rpartition(":")[2]
        case Use(block=name):
            pass
        case Group():
            name = "layers"
        case Expr():
            name = "expr"
        case _:
            name = "model"
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
