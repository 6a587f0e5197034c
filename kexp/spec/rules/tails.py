"""How each tensor of a graph ends: the last plain layer, its units and its activation."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from kexp.diagnostics import Span
from kexp.spec.calls import Call, Wiring
from kexp.spec.formula import FormulaError
from kexp.spec.rules.draft import Draft
from kexp.spec.scopes import View
from kexp.spec.statics import NotStatic, static_value
from kexp.spec.types import Component, Graph, Reuse, Step

UNITS = {"Dense": "units", "Conv1D": "filters", "Conv2D": "filters", "Conv3D": "filters"}
"""By layer that often ends a model: the argument that says how many numbers it gives."""
_PASSING = ("Dropout", "Identity", "ActivityRegularization")


@dataclass(frozen=True, slots=True)
class Head:
    """The layer that ends an output; what is None is not known before the graph is built."""

    step: Step
    activation: str | None
    units: int | None
    span: Span | None


@dataclass(frozen=True)
class Tails:
    """The ends of a graph's tensors, through nested models too."""

    draft: Draft
    wiring: Wiring

    @cached_property
    def makers(self) -> Mapping[str, tuple[Call, int]]:
        """By tensor: the call that gives it, and as which of its outputs."""
        return {name: (call, i) for call in self.wiring.calls for i, name in enumerate(call.gives)}

    @cached_property
    def layers(self) -> Mapping[str, Call]:
        return {call.layer: call for call in self.wiring.calls if not isinstance(call.step.what, Reuse)}

    def head(self, tensor: object) -> Head | None:
        """Return how a tensor ends; None where no plain layer gives it."""
        outer: Head | None = None
        while (made := self._made(str(tensor))) is not None:
            call, number = made
            match call.step.what:
                case Graph(path=path) if path in self.draft.wirings:
                    inner = Tails(self.draft, self.draft.wirings[path])
                    tensors = output_tensors(inner.wiring)
                    found = inner.head(tensors[number]) if number < len(tensors) else None
                    return _joined(outer, found)
                case Component(namespace="layers", name=name) as layer if name in UNITS:
                    return _joined(outer, self._of_units(layer, call))
                case Component(namespace="layers", name="Activation" | "Softmax" as name) as layer:
                    given = "softmax" if name == "Softmax" else option(layer, "activation", call.view)
                    outer = outer or Head(call.step, _activation(given), None, call.step.key)
                case Component(namespace="layers", name=name) if name in _PASSING:
                    pass
                case _:
                    break
            tensor = next(iter(call.takes.positional), None)
        return outer

    def _made(self, tensor: str) -> tuple[Call, int] | None:
        """Return the call that gives a tensor, a reused layer's own where it is one."""
        call, number = self.makers.get(tensor, (None, 0))
        if call is not None and isinstance(call.step.what, Reuse):
            first = self.layers.get(call.layer)
            call = replace(first, takes=call.takes) if first is not None else None
        return None if call is None else (call, number)

    def _of_units(self, layer: Component, call: Call) -> Head:
        units = option(layer, UNITS[layer.name], call.view)
        activation = _activation(option(layer, "activation", call.view) or "linear")
        span = place_of_option(self.draft, layer, "activation", call)
        return Head(call.step, activation, units if isinstance(units, int) else None, span)


def output_tensors(wiring: Wiring) -> list[str]:
    """Return the tensors that a graph gives, in the order of its outputs."""
    return [*(wiring.outputs.values() if isinstance(wiring.outputs, Mapping) else wiring.outputs)]


def _joined(outer: Head | None, inner: Head | None) -> Head | None:
    """Return an activation that is a layer of its own with the units of the layer before it."""
    if outer is None or inner is None:
        return outer or inner
    return replace(outer, units=inner.units)


def _activation(given: object) -> str | None:
    return given.lower() if isinstance(given, str) else None


def option(layer: Component, name: str, view: View) -> Any:
    """Return an argument of a layer, or None; `...` for one that is not known before the graph is built."""
    try:
        return static_value((layer.options or {}).get(name), view)
    except (NotStatic, FormulaError):
        return ...


def place_of_option(draft: Draft, layer: Component, name: str, call: Call) -> Span | None:
    """Return where a layer is given an argument; its key where it is not."""
    is_given = name in (layer.options or {})
    return draft.document.locate(f"{call.step.path}.{name}") if is_given else call.step.key


def heads(draft: Draft) -> dict[str, Head | None]:
    """Return how the model's outputs end, by name; the only output may have none."""
    wiring = draft.wirings.get("model")
    if wiring is None:
        return {}
    names = draft.outputs or ("",)
    tails = Tails(draft, wiring)
    return {name: tails.head(tensor) for name, tensor in zip(names, output_tensors(wiring), strict=False)}
