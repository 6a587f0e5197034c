"""Values before there is data or graph: computed where all their names are known, else left for later."""

from collections.abc import Iterator, Mapping
from typing import Any

from kexp.spec.arguments import late_objections
from kexp.spec.calls import Fault, Halt
from kexp.spec.catalogue import catalogue
from kexp.spec.formula import FormulaError, compute, tensors_in
from kexp.spec.scopes import Bound, View
from kexp.spec.types import Component, Formula, Graph, Step, Value


class NotStatic(Exception):
    """A value that only the data or the graph can give, needed before there is either."""


def settled_value(value: Value, step: Step, view: View, final: bool) -> Any:
    """Return a value that the layout needs. `final`: there is nothing more to come that could give it.

    Raises: Halt (bad-formula, not-static).
    """
    try:
        return static_value(value, view)
    except NotStatic as error:
        raise _missing(error, step, final) from None
    except FormulaError as error:
        raise _failed(next(formulas_in(value)), step, error) from None


def settled_text(text: str, step: Step, view: View, final: bool) -> str:
    """Return a part of a step's key with its `$` parts put in.

    Raises: Halt (bad-formula, not-static).
    """
    try:
        return str(_computed(text, view))
    except NotStatic as error:
        raise _missing(error, step, final) from None
    except FormulaError as error:
        raise Halt(Fault("bad-formula", f"`{text}` cannot be computed: {error}", step, text)) from None


def check_formulas(step: Step, view: View, knows_tensors: bool) -> None:
    """Find the formulas of a step that cannot be computed, as far as their values are known.

    Raises: Halt (bad-formula).
    """
    for formula in (*formulas_in(step.what), *formulas_in(step.call)):
        unknown = [name for name in tensors_in(formula.text) if name not in view.names]
        try:
            if unknown and knows_tensors:
                raise FormulaError(f"no tensor is called `{unknown[0]}`")
            static_value(formula, view)
        except NotStatic:
            continue
        except FormulaError as error:
            raise _failed(formula, step, error) from None


def argument_faults(step: Step, view: View) -> Iterator[Fault]:
    """Yield what is wrong with arguments given by formulas, as far as their values are known."""

    def compute(value: Value) -> Any:
        try:
            return static_value(value, view)
        except (NotStatic, FormulaError):
            return value

    if isinstance(step.what, Component):
        for objection, span in late_objections(step.what, catalogue(), compute):
            yield Fault(objection.id, objection.message, step, help=objection.help, span=span)


class Given(Mapping[str, Any]):
    """The values of a block at work: those it is given over its own, each computed when it is asked for.

    One that waits for data or graph stays `Bound` to the view of the block's user.
    """

    def __init__(self, params: Mapping[str, Value], arguments: Mapping[str, Value], view: View) -> None:
        self.params, self.arguments, self.view = params, arguments, view
        self.computed: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self.computed:
            value = self.arguments[name] if name in self.arguments else self.params[name]
            self.computed[name] = _bound(value, self.view)
        return self.computed[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.params)

    def __len__(self) -> int:
        return len(self.params)


def _bound(value: Value, view: View) -> Any:
    if isinstance(value, Formula):
        try:
            found = static_value(value, view)
        except (NotStatic, FormulaError):
            return Bound(value, view)
        if not isinstance(found, (Component, Graph)):
            return found
    return Bound(value, view)


def _missing(error: NotStatic, step: Step, final: bool) -> Halt:
    return Halt(Fault("not-static", str(error), step) if final else None)


def _failed(formula: Formula, step: Step, error: FormulaError) -> Halt:
    message = f"`{formula.text}` cannot be computed: {error}"
    return Halt(Fault("bad-formula", message, step, span=formula.span))


def formulas_in(value: object) -> Iterator[Formula]:
    """Yield the formulas of an object's arguments, those of graphs in them left out."""
    match value:
        case Formula():
            yield value
        case Component(options=options, first=first):
            yield from formulas_in(options)
            yield from formulas_in(first)
        case tuple():
            for item in value:
                yield from formulas_in(item)
        case Mapping():
            for item in value.values():
                yield from formulas_in(item)


def static_value(value: Value, view: View) -> Any:
    """Return a value before there is data or graph.

    Raises: NotStatic, FormulaError.
    """
    match value:
        case Formula(text=text):
            return _computed(text, view)
        case tuple():
            return [static_value(item, view) for item in value]
        case _:
            return value


def _computed(text: str, view: View) -> Any:
    def dim(name: str, axis: int = -1) -> int:
        raise NotStatic(f"`dim({name})` is not known before the graph is built")

    def vocabulary_size(name: str) -> int:
        raise NotStatic(f"`vocabulary_size({name})` is not known before the data is read")

    return compute(text, _Statics(view), {"dim": dim, "vocabulary_size": vocabulary_size})


class _Statics(Mapping[str, Any]):
    """A view's values, computed when asked for."""

    def __init__(self, view: View) -> None:
        self.view = view

    def __getitem__(self, name: str) -> Any:
        if name not in self.view.values:
            raise NotStatic(f"`${name}` is not known before the graph is built")
        value = self.view.values[name]
        return static_value(value.value, value.view) if isinstance(value, Bound) else value

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(self.view.values)

    def __len__(self) -> int:
        return len(self.view.values)
