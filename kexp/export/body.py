"""The steps of one graph -> the statements of one Python function."""

import ast
from collections.abc import Mapping

from kexp.export.chain import Chains
from kexp.export.layout import Brackets, Code, call, code, flat, keyword, lines, sequence
from kexp.export.loops import carried, header, reads_previous
from kexp.export.names import (
    Sight,
    formula,
    identifier,
    is_reused,
    leaves,
    own_name,
    parsed,
    prefix_of,
    quoted,
    reused_names,
    split_template,
    text_literal,
)
from kexp.export.objects import as_factory, takes_by_position
from kexp.export.operations import in_ops
from kexp.export.pieces import Pieces
from kexp.spec.types import Component, Expr, Graph, Group, Operand, Operands, Reuse, Step, Use
from kexp.spec.wiring import snake_case

_RUNNING = ("x", "y", "h", "z")
_FAMILY_OF_ALL = "tensors"


class Body:
    """Writes the statements of one scope; `previous` is the tensor of the step above, in Python."""

    def __init__(
        self,
        pieces: Pieces,
        graph: Graph,
        inputs: Mapping[str, str],
        values: Mapping[str, str],
        depth: int = 1,
    ) -> None:
        self.pieces, self.graph, self.inputs, self.values, self.depth = pieces, graph, inputs, {**values}, depth
        self.is_top = depth == 0
        self.statements: list[str] = []
        self.layer_names: dict[str, str] = {}
        self.previous: str | None = None
        self.reused = reused_names(graph.steps)
        self.layers: dict[str, tuple[str, Step]] = {}
        self.families: dict[str, str] = {}
        self.waiting: list[str] = []
        self.outermost: int | None = None
        self._name_tensors()

    def _name_tensors(self) -> None:
        given = dict.fromkeys(name for step in leaves(self.graph.steps) for name in step.gives if name != "_")
        self.taken = {*self.pieces.taken, *self.values.values(), *self.inputs.values(), *self.pieces.known}
        self.names = dict(self.inputs)
        for name in given:
            if "$" not in name:
                self.names[name] = identifier(name, self.taken)
                self.taken.add(self.names[name])
        self.prefixes = [prefix_of(name) for name in given if "$" in name]
        free = (name for name in _RUNNING if name not in self.taken)
        alone = next(iter(self.inputs.values())) if len(self.inputs) == 1 else None
        is_free = alone == "x" and not _reads_input_later(self.graph, set(self.inputs))
        self.running = "x" if is_free else next(free)
        self.taken.add(self.running)

    # ------------------------------------------------------------ statements

    def run(self) -> list[Code]:
        """Write all steps; return the outputs, the last of which may still be an unwritten call."""
        graph = self.graph
        last = graph.steps[-1]
        is_call = not isinstance(last.what, Group) and not (isinstance(last.what, Expr) and last.what.is_name)
        for step in graph.steps[:-1]:
            self.step(step)
        if graph.outputs is None and is_call and last.repeat is None and not last.gives:
            return [self.value(last, None)]
        self.step(last)
        if graph.outputs is None:
            return [code(str(self.previous))]
        names = graph.outputs.values() if isinstance(graph.outputs, Mapping) else graph.outputs
        return [code(self.tensor(name)) for name in names]

    def emit(self, statement: Code) -> None:
        self.statements += lines(statement, self.depth)

    def step(self, step: Step) -> None:
        if step.repeat is None:
            self._once(step)
        else:
            self._loop(step)

    def _once(self, step: Step) -> None:
        match step.what:
            case Group(steps=steps):
                if step.takes:
                    self.previous = self._first(step.takes)
                for inner in steps:
                    self.step(inner)
                self._alias(step, str(self.previous))
            case Expr(text=text) if step.what.is_name:
                self.previous = self.tensor(text.strip())
                self._alias(step, self.previous)
            case _:
                after: list[Code] = []
                value = self.value(step, after)
                targets = [self.target(name) for name in step.gives] or [self.running]
                self.emit((f"{', '.join(targets)} = ", *value))
                for statement in after:
                    self.emit(statement)
                self.previous = next((t for t in targets if t != "_"), self.previous)

    def _alias(self, step: Step, tensor: str) -> None:
        for name in step.gives:
            target = self.target(name)
            if target != tensor:
                self.emit(code(f"{target} = {tensor}"))
            self.previous = target

    def _loop(self, step: Step) -> None:
        """Write the turns of a step; what one turn gives is carried to the next."""
        values, previous = dict(self.values), self.previous
        carry = self._carried(step)
        is_chained = reads_previous(step)
        if is_chained:
            previous = self._incoming() if not step.takes else self._first(step.takes)
            if previous != carry:
                self.emit(code(f"{carry} = {previous}"))
            self.previous = carry
        start, is_outermost = len(self.statements), self.outermost is None
        if is_outermost:
            self.outermost = start
        head = header(step, self.sight(), self.taken | set(self.values.values()), self.pieces.objects)
        self.values |= head.values
        self.depth += 1
        self._once(step)
        if self.previous != carry and (is_chained or not str(self.previous).isidentifier()):
            self.emit(code(f"{carry} = {self.previous}"))
            self.previous = carry
        self.depth -= 1
        self.values = values
        used = "\n".join(self.statements[start:])
        self.statements[start:start] = lines(head.code(used), self.depth, ":")
        if is_outermost:
            self.statements[start:start] = [line for name in self.waiting for line in lines(code(name), self.depth)]
            self.waiting, self.outermost = [], None

    def _carried(self, step: Step) -> str:
        name = carried(step)
        return self.names[name] if name in self.names else self.running

    # ------------------------------------------------------------ tensors

    def sight(self) -> Sight:
        return Sight(
            lambda name: self.values.get(name) or self.pieces.constant(name),
            self.tensor,
            lambda graph: self._argument_model(graph),
        )

    def tensor(self, name: str) -> str:
        """Return the Python for a tensor's name in the spec."""
        if name == "prev" and self.previous is not None:
            return self.previous
        if name in self.names:
            return self.names[name]
        if name in ("prev", "input"):
            return next(iter(self.inputs.values()))
        if "$" in name:
            return self._member(name)
        family = next((p for p in self.prefixes if p and name.startswith(p)), None)
        if family is None:
            return f"{self._family(_FAMILY_OF_ALL)}[{text_literal(name)}]"
        rest = name.removeprefix(family)
        return f"{self._family(family)}[{rest if rest.isdigit() else text_literal(rest)}]"

    def target(self, name: str) -> str:
        if name == "_":
            return name
        return self._member(name) if "$" in name else self.names[name]

    def _member(self, template: str, ending: str = "") -> str:
        """Return the entry of a dict that stands for the tensors or layers of every turn."""
        split = split_template(template)
        if split is None:
            return f"{self._family(_FAMILY_OF_ALL + ending)}[{formula(template, self.sight())}]"
        return f"{self._family(split[0] + ending)}[{formula(split[1], self.sight())}]"

    def _family(self, prefix: str) -> str:
        if prefix not in self.families:
            self.families[prefix] = identifier(prefix.rstrip("_"), self.taken)
            self.taken.add(self.families[prefix])
            beginning = f"{self.families[prefix]} = {{}}"
            if self.outermost is None:
                self.emit(code(beginning))
            else:
                self.waiting.append(beginning)
        return self.families[prefix]

    def _incoming(self) -> str:
        return self.previous if self.previous is not None else next(iter(self.inputs.values()))

    def _first(self, takes: Operands) -> str:
        return str(self._operand(takes.positional[0])[0]) if takes.positional else self._incoming()

    def _operand(self, operand: Operand) -> Code:
        if isinstance(operand, tuple):
            return sequence(tuple(self._operand(inner) for inner in operand))
        return code("None" if operand is None else self.tensor(operand))

    def _taken_tensors(self, step: Step) -> tuple[list[Code], list[tuple[str, Code]]]:
        positional = [self._operand(operand) for operand in step.takes.positional]
        named = [(name, self._operand(operand)) for name, operand in step.takes.keywords.items()]
        return positional or [code(self._incoming())], named

    # ------------------------------------------------------------ values

    def value(self, step: Step, after: list[Code] | None) -> Code:
        """Return what a step computes; `after` gathers statements that must follow it."""
        match step.what:
            case Expr(text=text):
                return self._expression(text)
            case Use():
                return self._block(step, step.what)
        tensors, named = self._taken_tensors(step)
        what = step.what
        if isinstance(what, Reuse):
            made, source = self._reused(what)
        else:
            made, source = self._layer(step, tensors, after), step
        named += [(name, self._argument(value)) for name, value in step.call.items()]
        return call(made, *self._spread(source, tensors), *(keyword(n, value) for n, value in named))

    def _argument(self, value: object) -> Code:
        return self.pieces.objects.value(value, self.sight())  # type: ignore[arg-type]

    def _spread(self, source: Step, tensors: list[Code]) -> list[Code]:
        if len(tensors) < 2:
            return tensors
        what = source.what
        function = self.pieces.objects.call_of(what) if isinstance(what, Component) else None
        return tensors if takes_by_position(function) else [sequence(tuple(tensors))]

    def _expression(self, text: str) -> Code:
        names = {node.id for node in ast.walk(parsed(text.strip())) if isinstance(node, ast.Name)}
        written = in_ops(text, {name: self.tensor(name) for name in names if self._is_tensor(name)})
        self.pieces.uses_ops |= "ops." in written
        return code(written)

    def _is_tensor(self, name: str) -> bool:
        return name in ("prev", "input", *self.names) or any(name.startswith(p) for p in self.prefixes)

    def _block(self, step: Step, use: Use) -> Code:
        signature = self.pieces.block(use.block)
        tensors, named = self._taken_tensors(step)
        if step.takes.keywords and not step.takes.positional:
            tensors = []
        arguments = [*tensors, *(keyword(signature.inputs[name], value) for name, value in named)]
        first = next(iter(signature.params), None)
        given = sorted(use.arguments.items(), key=lambda item: item[0] != first)
        for name, value in given:
            param = signature.params[name]
            written = self._argument(value)
            if param.is_factory:
                text = flat(written)
                written = code(text[:-2]) if text.removesuffix("()").isidentifier() else as_factory(written)
            by_position = name == first and not named
            arguments.append(written if by_position else keyword(param.python, written))
        return call(code(use.block), *arguments)

    # ------------------------------------------------------------ layers

    def _layer(self, step: Step, tensors: list[Code], after: list[Code] | None) -> Code:
        """Return what is called: the layer where it stands, or its variable where it is needed again."""
        chains = Chains(self.pieces.objects, self.pieces.blocks, self.sight())
        named = self._label(step)
        extra: dict[str, Code] = {} if named is None else {"name": code(text_literal(named))}
        if isinstance(step.what, Graph):
            made = self._nested(step, step.what, tensors, extra, chains)
        else:
            assert isinstance(step.what, Component)
            options = step.what.options or {}
            if step.what.namespace == "applications" and not {"input_shape", "input_tensor"}.intersection(options):
                extra["input_shape"] = code(f"{flat(tensors[0])}.shape[1:]")
            if step.trainable is not None and chains.is_simple(step):
                extra["trainable"] = code(str(step.trainable))
            made = self.pieces.objects.component(step.what, self.sight(), extra)
        must_be_set = step.trainable is not None and "trainable" not in extra
        asked = must_be_set or step.trainable_from or step.weights or step.adapt or step.outputs_of
        return self._kept(step, made, tensors, after) if asked or is_reused(step, self.reused) else made

    def _label(self, step: Step) -> str | None:
        """Return the name that a layer keeps: one of the user's that no other layer can have."""
        own = own_name(step)
        has_name = isinstance(step.what, Graph) or (
            isinstance(step.what, Component)
            and "name" not in (step.what.options or {})
            and (step.what.namespace == "applications" or self.pieces.objects.is_layer(step.what))
        )
        if not self.is_top or own is None or "$" in own or self.depth > 0 or not has_name:
            return None
        for name in step.gives if len(step.gives) == 1 else ():
            self.layer_names[name] = own
        return own

    def _kept(self, step: Step, made: Code, tensors: list[Code], after: list[Code] | None) -> Code:
        variable = self._layer_variable(step)
        self.emit((f"{variable} = ", *made))
        if step.outputs_of:
            inner = sequence(tuple(code(f"{variable}.get_layer({text_literal(n)}).output") for n in step.outputs_of))
            outputs = inner if len(step.outputs_of) > 1 else code(flat(inner)[1:-1])
            self.emit((f"{variable} = ", *call(code("keras.Model"), code(f"{variable}.inputs"), outputs)))
        if step.trainable is not None:
            self.emit(code(f"{variable}.trainable = {step.trainable}"))
        if step.trainable_from is not None:
            first = f"{variable}.get_layer({text_literal(step.trainable_from)})"
            self.emit(code(f"for frozen in {variable}.layers[: {variable}.layers.index({first})]:"))
            self.emit(code("    frozen.trainable = False"))
        if step.weights is not None and after is not None:
            after.append(code(f"# {variable} starts from the weights in {step.weights.source}"))
        if step.adapt and after is not None:
            after.append(code(f"# {variable}.adapt({flat(tensors[0])}_train)"))
        return code(variable)

    def _layer_variable(self, step: Step) -> str:
        own = own_name(step)
        ending = "_model" if isinstance(step.what, Graph) else "_layer"
        if own is not None and "$" in own:
            variable = self._member(own, "layers")
        else:
            wanted = step.layer_name or (f"{own}{ending}" if own else snake_case(step.what))
            variable = identifier(wanted, self.taken)
            self.taken.add(variable)
        self.layers[own or variable] = (variable, step)
        return variable

    def _reused(self, reuse: Reuse) -> tuple[Code, Step]:
        if reuse.name in self.layers:
            variable, step = self.layers[reuse.name]
            return code(variable), step
        family = next(name for name in self.layers if "$" in name and reuse.name.startswith(prefix_of(name)))
        step = self.layers[family][1]
        if "$" in reuse.name:
            return code(self._member(reuse.name, "layers")), step
        key = reuse.name.removeprefix(prefix_of(family))
        return code(f"{self._family(prefix_of(family) + 'layers')}[{key if key.isdigit() else text_literal(key)}]"), step

    def _nested(
        self, step: Step, graph: Graph, tensors: list[Code], extra: Mapping[str, Code], chains: "Chains"
    ) -> Code:
        named = [keyword(name, value) for name, value in extra.items()]
        if chains.is_plain(graph):
            return call(code("keras.Sequential"), chains.sequential(graph), *named)
        nested = self.pieces.nest(graph, own_name(step) or "model", self.values, is_like=True)
        values = [keyword(name, code(python.removesuffix("()"))) for name, python in nested.values.items()]
        return call(code(nested.function), *tensors, *values)

    def _argument_model(self, graph: Graph) -> Code:
        """Return a graph that stands as an argument: on its declared inputs, or as a chain."""
        if graph.inputs is None or any(port.shape is None for port in graph.inputs):
            chains = Chains(self.pieces.objects, self.pieces.blocks, self.sight())
            return call(code("keras.Sequential"), chains.sequential(graph))
        nested = self.pieces.nest(graph, "model", self.values, is_like=False)
        values = [keyword(name, code(python.removesuffix("()"))) for name, python in nested.values.items()]
        return call(code(nested.function), *values)


def _reads_input_later(graph: Graph, names: set[str]) -> bool:
    """Tell whether a step below the first one names the graph's input."""
    wanted = names | {"input"}
    first = graph.steps[0]
    while isinstance(first.what, Group) and first.repeat is None:
        first = first.what.steps[0]
    outputs = graph.outputs.values() if isinstance(graph.outputs, Mapping) else graph.outputs or ()
    read = {name for step in leaves(graph.steps) if step is not first or step.repeat for name in _operands(step)}
    shapes = {f"dim({name}" for name in wanted}
    return bool(wanted & read or wanted & set(outputs) or any(s in repr(graph.steps) for s in shapes))


def _operands(step: Step) -> list[str]:
    found: list[str] = []
    waiting: list[Operand] = [*step.takes.positional, *step.takes.keywords.values()]
    while waiting:
        operand = waiting.pop()
        if isinstance(operand, tuple):
            waiting += operand
        elif operand is not None:
            found.append(operand)
    return found


__all__ = ["Body", "Brackets"]
