"""Steps laid out one after another: repeats turned, blocks opened, every name looked up in its scope."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from kexp.errors import did_you_mean, nearest
from kexp.spec.arrows import place_of
from kexp.spec.calls import Arity, Call, Fault, Halt, Used, arity_of, by_port, check_outputs, flat, subject
from kexp.spec.labels import Labels, own_name
from kexp.spec.scopes import Scope, View
from kexp.spec.statics import Given, argument_faults, check_formulas, settled_text, settled_value
from kexp.spec.turns import MAX_STEPS, parallel, too_many, turns
from kexp.spec.types import Block, Expr, Graph, Group, Operand, Operands, Reuse, Step, Use

MAX_DEPTH = 64
MAX_FAULTS = 100


class Layout:
    """Grows by steps; `entries` are the calls so far, `uses` the steps whose blocks are being opened."""

    def __init__(
        self, blocks: Mapping[str, Block], inputs: Sequence[str] | None, final: bool, opens_blocks: bool
    ) -> None:
        self.blocks, self.inputs = blocks, inputs
        self.final, self.opens_blocks = final, opens_blocks
        self.entries: list[Call | Used] = []
        self.faults: list[Fault] = []
        self.nested: dict[str, Arity] = {}
        self.labels = Labels()
        self.uses: list[Step] = []
        self.outermost: Step | None = None
        self.num_steps = self.depth = 0

    def complain(self, fault: Fault) -> None:
        """Keep a fault, with the step that uses the block it is in."""
        use = self.uses[-1] if self.uses and fault.step not in self.uses else None
        self.faults.append(replace(fault, use=use))
        if len(self.faults) == MAX_FAULTS:
            raise Halt(None)

    def _text(self, text: str, scope: Scope, step: Step) -> str:
        return settled_text(text, step, scope.view(), self.final) if "$" in text else text

    def _check(self, step: Step, view: View) -> None:
        if not self.final:
            check_formulas(step, view, self.inputs is not None)
            for fault in argument_faults(step, view):
                self.complain(fault)

    # ------------------------------------------------------------ steps and turns

    def steps(self, steps: Sequence[Step], scope: Scope, previous: str | None) -> str | None:
        """Lay steps out; return what the last one gives.

        Raises: Halt.
        """
        self.depth += 1
        if self.depth > MAX_DEPTH:
            message = f"blocks and groups stand more than {MAX_DEPTH} deep in one another"
            raise Halt(Fault("too-deep", message, self.outermost or steps[0]))
        scope.later |= {name for step in steps for name in step.gives} - {"_"}
        self.labels.reserve(scope.prefix, steps)
        for step in steps:
            previous = self._step(step, scope, previous)
        self.depth -= 1
        return previous

    def _step(self, step: Step, scope: Scope, previous: str | None) -> str | None:
        own = own_name(step)
        if step.repeat is None:
            given = scope.prefix + self._text(own, scope, step) if own else None
            label = given or self.labels.fresh(scope.prefix, step, [""])
            return self._once(step, scope, scope, label, previous)
        fault = parallel(step)
        if fault is not None:
            self.complain(fault)
        outside, self.outermost = self.outermost, self.outermost or step
        values = turns(step, lambda value: settled_value(value, step, scope.view(), self.final))
        endings = [f"_{number}" for number in range(len(values))]
        base = scope.prefix + own if own else self.labels.fresh(scope.prefix, step, endings)
        for ending, own_values in zip(endings, values, strict=True):
            turn = scope.turn(f"{base}{ending}_", own_values)
            label = base + ending
            if own and "$" in own:
                label = scope.prefix + self._text(own, turn, step)
                turn.prefix = f"{label}_"
            previous = self._once(step, turn, scope, label, previous)
            scope.keep(turn)
        self.outermost = outside
        return previous

    def _once(self, step: Step, scope: Scope, outer: Scope, label: str, previous: str | None) -> str | None:
        """Lay out one turn of a step; names with `$` are given in `outer`, the others in `scope`."""
        self.num_steps += 1
        if self.num_steps > MAX_STEPS:
            raise too_many(self.outermost or step)
        takes = self._takes(step, scope, previous)
        match step.what:
            case Use():
                outputs = self._block(step, step.what, scope, label, takes)
            case Group(steps=steps):
                inner = scope.turn(f"{label}_", {}) if scope is outer else scope
                last = self.steps(steps, inner, next(flat(takes.positional), None))
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
            self.labels.taken.add(label)
        if isinstance(step.what, Graph):
            self.nested[label] = arity_of(step.what, step.outputs_of)
        if layer in self.nested:
            takes = Operands(tuple(by_port(step, self.nested[layer].inputs, takes).values()))
            check_outputs(step, self.nested[layer].outputs)
        if not isinstance(step.what, (Reuse, Expr)):
            own = own_name(step)
            if own:
                (outer if "$" in own else scope).layers[self._text(own, scope, step)] = label
        view = scope.view(previous)
        self._check(step, view)
        unnamed = f"#{len(self.entries)}#{layer}"
        gives = tuple(self._define(step, name, scope, outer, None) for name in step.gives) or (unnamed,)
        self.entries.append(Call(step, layer, takes, gives, view, self.uses[-1] if self.uses else None))
        return next((name for name in gives if name != "_"), None)

    def _name_outputs(self, step: Step, scope: Scope, outer: Scope, outputs: tuple[str, ...]) -> str | None:
        """Give the outputs of a block, group or alias the step's names; return the first that is kept."""
        check_outputs(step, len(outputs))
        for name, tensor in zip(step.gives, outputs, strict=False):
            self._define(step, name, scope, outer, tensor)
        kept = [t for n, t in zip(step.gives or outputs, outputs, strict=True) if n != "_"]
        return kept[0] if kept else None

    # ------------------------------------------------------------ blocks

    def _block(self, step: Step, use: Use, scope: Scope, label: str, takes: Operands) -> tuple[str, ...]:
        block = self.blocks[use.block]
        self._check(step, scope.view())
        arity = arity_of(block.graph)
        given = by_port(step, arity.inputs, takes)
        if not self.opens_blocks:
            numbers = range(arity.outputs or 1)
            outputs = tuple(f"#{len(self.entries)}.{number}#{label}" for number in numbers)
            self.entries.append(Call(step, label, Operands(tuple(given.values())), outputs))
            return outputs
        inner = Scope(f"{label}_", Given(block.params, use.arguments, scope.view()))
        for name, tensor in given.items():
            inner.give(name, tensor)
        outside = self.inputs, self.outermost
        self.inputs, self.outermost = list(given), self.outermost or step
        self.uses.append(step)
        found = self.outputs(block.graph, inner, self.steps(block.graph.steps, inner, None))
        self.uses.pop()
        self.inputs, self.outermost = outside
        outputs = tuple(found.values()) if isinstance(found, Mapping) else found
        self.entries.append(Used(step, outputs))
        return outputs

    def _num_ports(self, step: Step, scope: Scope) -> int:
        """Return how many inputs a block or nested model has; 0 for what is called by the names of Keras."""
        match step.what:
            case Use(block=block):
                return len(arity_of(self.blocks[block].graph).inputs)
            case Graph():
                return len(arity_of(step.what).inputs)
            case Reuse(name=name):
                nested = self.nested.get(scope.layer(self._text(name, scope, step)) or "")
                return len(nested.inputs) if nested else 0
        return 0

    def outputs(self, graph: Graph, scope: Scope, last: str | None) -> tuple[str, ...] | Mapping[str, str]:
        """Return the tensors that a graph gives, by the user's keys where it has such."""
        outputs = graph.outputs
        if outputs is None:
            return () if last is None else (last,)
        found: dict[str, str] = {}
        keyed = outputs if isinstance(outputs, Mapping) else {name: name for name in outputs}
        for key, name in keyed.items():
            tensor = scope.tensor(name)
            if tensor is None:
                help = did_you_mean(name, scope.known_tensors())
                self.complain(Fault("unknown-output", f"no tensor is called `{name}`", None, name, help))
            found[key] = tensor or name
        return found if isinstance(outputs, Mapping) else tuple(found.values())

    # ------------------------------------------------------------ names

    def _define(self, step: Step, name: str, scope: Scope, outer: Scope, tensor: str | None) -> str:
        """Give a tensor its name; `tensor` None makes a new one. Return its id."""
        if name == "_":
            return name
        target = outer if "$" in name else scope
        text = self._text(name, scope, step)
        if text in target.names:
            self._complain_twice(step, name, text)
        given = tensor or target.prefix + text
        target.give(text, given)
        return given

    def _complain_twice(self, step: Step, name: str, text: str) -> None:
        named = (entry.step for entry in self.entries if text in entry.step.gives)
        first = next((other for other in named if other is not step), None)
        help = "an input has this name" if first is None else f"first named in `{subject(first)}`"
        message = f"the name `{text}` is given twice"
        self.complain(Fault("duplicate-name", message, step, name, help, after_arrow=True))

    def _reused(self, step: Step, reuse: Reuse, scope: Scope) -> str:
        name = self._text(reuse.name, scope, step)
        layer = scope.layer(name)
        if layer is None and reuse.name:
            message = f"`reuse` finds no layer called `{name}` above"
            is_block = name in self.blocks or any(
                isinstance(entry.step.what, Use) and name in entry.step.gives for entry in self.entries
            )
            help = (
                "a block has fresh weights at every use; make it a nested `model` to reuse it"
                if is_block
                else did_you_mean(name, scope.known_layers())
                or "a layer gets its name by an arrow: `Dense -> name: 64`"
            )
            self.complain(Fault("unknown-layer-name", message, step, "", help, span=reuse.span))
        return layer or name

    def _takes(self, step: Step, scope: Scope, previous: str | None) -> Operands:
        positional = tuple(self._operand(o, step, scope, previous) for o in step.takes.positional)
        complete = 0 < len(step.takes.keywords) == self._num_ports(step, scope)
        needs_input = previous is not None or not isinstance(step.what, (Group, Expr))
        if not positional and not complete and needs_input:
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
        is_unknown = self.inputs is not None or scope.comes_later(name)
        if is_unknown or nearest(name, scope.known_tensors()) is not None:
            self._complain_of_name(name, operand, step, scope)
        return name

    def _only_input(self, step: Step, scope: Scope) -> str | None:
        if self.inputs is None:
            return "input"
        if len(self.inputs) == 1:
            return scope.tensor(self.inputs[0])
        listed = ", ".join(f"`{name}`" for name in self.inputs)
        message = f"the step must say which input it takes: {listed}"
        help = f"write `{self.inputs[0]} -> {subject(step)}`" if self.inputs else None
        self.complain(Fault("which-input", message, step, "", help))
        return None

    def _complain_of_name(self, name: str, written: str, step: Step, scope: Scope) -> None:
        text = step.places.get("expr")
        found = place_of(text.text, written) if text is not None else None
        span = text.part(*found) if text is not None and found is not None else None
        if scope.comes_later(name):
            message = f"`{name}` is used before the step that gives it"
            help: str | None = "move the step below it"
            self.complain(Fault("name-too-early", message, step, written, help, span=span))
            return
        known = scope.known_tensors()
        listed = f"known here: {', '.join(f'`{n}`' for n in known)}" if known else None
        help = did_you_mean(name, known) or listed
        message = f"no tensor is called `{name}`"
        self.complain(Fault("unknown-name", message, step, written, help, span=span))
