"""What the steps of one graph compute, as Python expressions."""

import ast
from collections.abc import Mapping

from kexp.errors import SpecError
from kexp.export.chain import Chains
from kexp.export.layout import Code, call, code, flat, keyword, sequence
from kexp.export.names import Sight, is_reused, own_name, parsed, prefix_of, reused_names, text_literal
from kexp.export.objects import as_factory, takes_by_position
from kexp.export.operations import in_ops
from kexp.export.pieces import Pieces
from kexp.export.tensors import Tensors
from kexp.spec.types import Component, Expr, Graph, Reuse, Step, Use, Value
from kexp.spec.wiring import snake_case


class Calls(Tensors):
    """`labels` are the names that layers keep from the spec, by the tensors that they give."""

    def __init__(
        self,
        pieces: Pieces,
        graph: Graph,
        inputs: Mapping[str, str],
        values: Mapping[str, str],
        depth: int = 1,
    ) -> None:
        super().__init__(pieces, graph, inputs, values, depth)
        self.labels: dict[str, str] = {}
        self._reused = reused_names(graph.steps)
        self._layers: dict[str, tuple[str, Step]] = {}
        self._after: list[Code] = []

    def sight(self) -> Sight:
        return Sight(self.constant, self.tensor, self._argument_model)

    def value(self, step: Step) -> Code:
        """Return what a step computes; statements that must come before it are written."""
        match step.what:
            case Expr(text=text):
                return self._expression(text)
            case Use():
                return self._block(step, step.what)
        tensors, named = self._given(step)
        if isinstance(step.what, Reuse):
            made, source = self._again(step.what)
        else:
            made, source = self._layer(step, tensors), step
        named += [(name, self.written(value)) for name, value in step.call.items()]
        if "training" in step.call:
            self._after.append(code("# fit and predict override this training; in the spec it holds"))
        return call(made, *self._spread(source, tensors), *(keyword(n, value) for n, value in named))

    def after(self) -> list[Code]:
        """Return the statements that belong below the last value, once."""
        waiting, self._after = self._after, []
        return waiting

    def written(self, value: Value, name: str = "model") -> Code:
        return self.pieces.objects.value(value, self.sight(), name=name)

    def _given(self, step: Step) -> tuple[list[Code], list[tuple[str, Code]]]:
        positional = [self.operand(operand) for operand in step.takes.positional]
        named = [(name, self.operand(operand)) for name, operand in step.takes.keywords.items()]
        return positional or [code(self.above)], named

    def _spread(self, source: Step, tensors: list[Code]) -> list[Code]:
        if len(tensors) < 2:
            return tensors
        what = source.what
        function = self.pieces.objects.call_of(what) if isinstance(what, Component) else None
        return tensors if takes_by_position(function) else [sequence(tuple(tensors))]

    def _expression(self, text: str) -> Code:
        names = {node.id for node in ast.walk(parsed(text.strip())) if isinstance(node, ast.Name)}
        written = in_ops(text, {name: self.tensor(name) for name in names if self.is_tensor(name)})
        self.pieces.uses_ops |= "ops." in written
        return code(written)

    # ------------------------------------------------------------ blocks

    def _block(self, step: Step, use: Use) -> Code:
        signature = self.pieces.block(use.block)
        tensors, named = self._given(step)
        if named and not step.takes.positional:
            tensors = []
        arguments = [*tensors, *(keyword(signature.inputs[name], value) for name, value in named)]
        first = next(iter(signature.params), None)
        for name, value in sorted(use.arguments.items(), key=lambda item: item[0] != first):
            param = signature.params[name]
            written = self.written(value, name)
            if param.is_factory:
                written = as_factory(written)
            arguments.append(written if name == first and not named else keyword(param.python, written))
        return call(code(use.block), *arguments)

    # ------------------------------------------------------------ layers

    def _layer(self, step: Step, tensors: list[Code]) -> Code:
        """Return what is called: the layer where it stands, or its variable where it is needed again."""
        chains = Chains(self.pieces.objects, self.pieces.blocks, self.sight())
        label = self._label(step)
        extra: dict[str, Code] = {} if label is None else {"name": code(text_literal(label))}
        if isinstance(step.what, Graph):
            made = self._nested(step, tensors, label, chains)
        else:
            assert isinstance(step.what, Component)
            given = {"input_shape", "input_tensor"}.intersection(step.what.options or {})
            if step.what.namespace == "applications" and not given:
                extra["input_shape"] = code(f"{flat(tensors[0])}.shape[1:]")
            if step.trainable is not None and chains.is_simple(step):
                extra["trainable"] = code(str(step.trainable))
            made = self.pieces.objects.component(step.what, self.sight(), extra)
        must_be_set = step.trainable is not None and "trainable" not in extra
        asked = must_be_set or step.trainable_from or step.weights or step.outputs_of
        return self._kept(step, made, label) if asked or is_reused(step, self._reused) else made

    def _label(self, step: Step) -> str | None:
        """Return the name that a layer keeps: one that is looked up, or the user's that no other can have."""
        wanted, own, what = self.pieces.naming.label(step), own_name(step), step.what
        if wanted is None and (own is None or "$" in own or not self.is_top or self.depth > 0):
            return None
        name = wanted or own
        takes_name = isinstance(what, Graph) or (
            isinstance(what, Component)
            and "name" not in (what.options or {})
            and (what.namespace == "applications" or self.pieces.objects.is_layer(what))
        )
        if takes_name and len(step.gives) == 1:
            self.labels[step.gives[0]] = str(name)
        return name if takes_name else None

    def _kept(self, step: Step, made: Code, label: str | None) -> Code:
        """Write the layer as a variable of its own, and what its siblings say of it."""
        variable = self._layer_variable(step)
        self.emit((f"{variable} = ", *made))
        if step.outputs_of:
            inner = [(*self._inner(variable, step, name), ".output") for name in step.outputs_of]
            outputs = inner[0] if len(inner) == 1 else sequence(tuple(inner))
            named = () if label is None else (keyword("name", code(text_literal(label))),)
            inner_model = call(code("keras.Model"), code(f"{variable}.inputs"), outputs, *named)
            self.emit((f"{variable} = ", *inner_model))
        if step.trainable is not None:
            self.emit(code(f"{variable}.trainable = {step.trainable}"))
        if step.trainable_from is not None:
            first = self.variable(f"first_of_{variable}")
            self.emit((f"{first} = ", *self._inner(variable, step, step.trainable_from)))
            self.emit(code(f"for frozen in {variable}.layers[: {variable}.layers.index({first})]:"))
            self.emit(code("    frozen.trainable = False"))
        if step.weights is not None:
            self._after += self.pieces.sources.statements(variable, step, self.pieces.naming.of(step))
        return code(variable)

    def _inner(self, variable: str, step: Step, name: str) -> Code:
        """Return the Python that finds a layer inside an application or nested model."""
        found = self.pieces.naming.inner(step, name)
        if found is None:
            raise SpecError.because(
                "no-script",
                f"a script has no name for `{name}`, one of several layers that the same line makes",
                path=step.path,
                help="give the layer a line of its own",
            )
        return code(f"{variable}.get_layer({text_literal(found)})")

    def _layer_variable(self, step: Step) -> str:
        own = own_name(step)
        ending = "_model" if isinstance(step.what, Graph) else "_layer"
        if own is not None and "$" in own:
            variable = self.member(own, "_layers")
        else:
            variable = self.variable(step.layer_name or (f"{own}{ending}" if own else snake_case(step.what)))
        self._layers[own or variable] = (variable, step)
        return variable

    def _again(self, reuse: Reuse) -> tuple[Code, Step]:
        """Return the variable of an earlier layer, and the step that made it."""
        if reuse.name in self._layers:
            variable, step = self._layers[reuse.name]
            return code(variable), step
        family = next(n for n in self._layers if "$" in n and reuse.name.startswith(prefix_of(n)))
        return code(self.member(reuse.name, "_layers")), self._layers[family][1]

    # ------------------------------------------------------------ graphs in graphs

    def _nested(self, step: Step, tensors: list[Code], label: str | None, chains: Chains) -> Code:
        graph = step.what
        assert isinstance(graph, Graph)
        if chains.is_plain(graph) and not self.pieces.naming.is_looked_into(step):
            named = () if label is None else (keyword("name", code(text_literal(label))),)
            return call(code("keras.Sequential"), chains.sequential(graph), *named)
        nested = self.pieces.nest(graph, own_name(step) or "model", self.values, label)
        return call(code(nested.function), *tensors, *nested.arguments)

    def _argument_model(self, graph: Graph, name: str) -> Code:
        """Return a graph that stands as an argument: on its declared inputs, or as a chain."""
        if graph.inputs is None or any(port.shape is None for port in graph.inputs):
            chains = Chains(self.pieces.objects, self.pieces.blocks, self.sight())
            return call(code("keras.Sequential"), chains.sequential(graph))
        nested = self.pieces.nest(graph, name, self.values, is_like=False)
        return call(code(nested.function), *nested.arguments)
