"""The steps of one graph -> the statements of one Python function."""

from collections.abc import Mapping

from kexp.export.calls import Calls
from kexp.export.layout import Code, code, lines
from kexp.export.loops import carried, header, reads_previous
from kexp.spec.types import Expr, Group, Step


class Body(Calls):
    """Writes one scope, top to bottom."""

    def run(self) -> list[Code]:
        """Write all steps; return the outputs. A single one may be a call that is not written yet."""
        graph = self.graph
        *above, last = graph.steps
        for step in above:
            self.step(step)
        if graph.outputs is None and _is_call(last) and last.repeat is None and not last.gives:
            value = self.value(last)
            return [value] if not self._after else [self._assigned(value)]
        self.step(last)
        if graph.outputs is None:
            return [code(self.above)]
        names = graph.outputs.values() if isinstance(graph.outputs, Mapping) else graph.outputs
        return [code(self.tensor(name)) for name in names]

    def _assigned(self, value: Code) -> Code:
        self.emit((f"{self.running} = ", *value))
        for statement in self.after():
            self.emit(statement)
        return code(self.running)

    def step(self, step: Step) -> None:
        if step.repeat is None:
            self._once(step)
        else:
            self._loop(step)

    def _once(self, step: Step) -> None:
        match step.what:
            case Group(steps=steps):
                if step.takes:
                    self.previous = self.first(step.takes)
                for inner in steps:
                    self.step(inner)
                self._alias(step, self.above)
            case Expr(text=text) if step.what.is_name:
                self.previous = self.tensor(text.strip())
                self._alias(step, self.previous)
            case _:
                value = self.value(step)
                targets = [self.target(name) for name in step.gives] or [self.running]
                self.emit((f"{', '.join(targets)} = ", *value))
                for statement in self.after():
                    self.emit(statement)
                self.previous = next((target for target in targets if target != "_"), self.previous)

    def _alias(self, step: Step, tensor: str) -> None:
        for name in step.gives:
            self.previous = self.target(name)
            if self.previous != tensor:
                self.emit(code(f"{self.previous} = {tensor}"))

    def _loop(self, step: Step) -> None:
        """Write the turns of a step; what one turn gives is carried to the next."""
        name = carried(step)
        carry = self.names.get(name, self.running) if name else self.running
        is_chained = reads_previous(step)
        if is_chained:
            first = self.first(step.takes)
            if first != carry:
                self.emit(code(f"{carry} = {first}"))
            self.previous = carry
        values, is_outermost = dict(self.values), not self.in_loop
        head = header(step, self.sight(), {*self.taken, *values.values()}, self.pieces.objects)
        start = len(self.statements)
        self.in_loop = True
        self.values |= head.values
        self.depth += 1
        self._once(step)
        if is_chained and self.previous != carry:
            self.emit(code(f"{carry} = {self.previous}"))
            self.previous = carry
        self.depth -= 1
        self.values = values
        written = "\n".join(self.statements[start:])
        self.statements[start:start] = lines(head.code(written), self.depth, ":")
        if is_outermost:
            beginnings = [line for each in self.waiting for line in lines(code(each), self.depth)]
            self.statements[start:start] = beginnings
            self.waiting, self.in_loop = [], False


def _is_call(step: Step) -> bool:
    alias = isinstance(step.what, Expr) and step.what.is_name
    return not alias and not isinstance(step.what, Group)
