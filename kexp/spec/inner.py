"""What layers are called: those of a graph and those inside its nested models, as far as a spec tells."""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kexp.errors import did_you_mean
from kexp.spec.calls import Call, Fault, Wiring
from kexp.spec.turns import MAX_STEPS
from kexp.spec.types import Component, Expr, Graph, Reuse

_LISTED = 8


@dataclass(frozen=True, slots=True)
class LayerNames:
    """The calls that make the layers of a graph, by the layers' names, each of which begins with `prefix`.

    `is_whole`: there are no other layers.
    """

    made: Mapping[str, Call]
    is_whole: bool
    prefix: str = ""

    def find(self, name: str) -> Call | None:
        """Return the call that makes a layer."""
        full = full_name(name, self.prefix, self.made)
        return None if full is None else self.made[full]


Inside = Callable[[Call], LayerNames | None]
"""Returns the layers inside the one that a call makes; None where only Keras knows them."""


def layer_names(wiring: Wiring, prefix: str = "") -> LayerNames:
    """Return what the layers of a graph are called; how custom code calls its own is not known."""
    made: dict[str, Call] = {}
    is_whole = wiring.is_whole and not wiring.faults and not any(map(_is_unread, wiring.calls))
    for call in _makers(wiring):
        what, name = call.step.what, call.layer
        if isinstance(what, Component):
            name = str((what.options or {}).get("name") or name)
            is_whole = is_whole and not what.is_custom and "$" not in name
        made[name] = call
    return LayerNames(made, is_whole, prefix)


def _makers(wiring: Wiring) -> Iterator[Call]:
    return (call for call in wiring.calls if not isinstance(call.step.what, (Reuse, Expr)))


def _is_unread(call: Call) -> bool:
    """Tell whether a step's layer has a fault of its own, which leaves nothing but the step's place."""
    return call.step.what == Reuse("")


def full_name(name: str, prefix: str, known: Container[str]) -> str | None:
    """Return the layer that a name means: its full name, or the one that it has in its own `layers:`."""
    return next((full for full in (name, prefix + name) if full in known), None)


def missing_layer(name: str, owner: str, known: Sequence[str], prefix: str = "") -> tuple[str, str]:
    """Return the sentence and the help for a name that no layer has; `owner` is empty for the model."""
    message = (
        f"`{owner}` has no inner layer called `{name}`"
        if owner
        else f"the model has no layer called `{name}`"
    )
    short = [full.removeprefix(prefix) for full in known]
    parts = [other for other in short if other.startswith(f"{name}_")]
    if parts:
        return message, f"there {'are' if len(parts) > 1 else 'is'} {_listed(parts)}"
    if not known:
        return message, "only an application or a nested `model` has inner layers"
    listed = f"its last ones are {_listed(short[-_LISTED:])}" if owner else f"its layers are {_listed(short)}"
    return message, did_you_mean(name, [*short, *known]) or listed


def _listed(names: Sequence[str]) -> str:
    ending = ", …" if len(names) > _LISTED else ""
    return ", ".join(f"`{name}`" for name in names[:_LISTED]) + ending


def inner_faults(wiring: Wiring, inside: Inside) -> Iterator[Fault]:
    """Yield what `trainable_from` and `outputs_of` name that is not there."""
    makers = {call.layer: call for call in _makers(wiring)}
    num_made = 0
    for call in wiring.calls:
        step = call.step
        named = {f"outputs_of[{index}]": name for index, name in enumerate(step.outputs_of)}
        if step.trainable_from is not None:
            named["trainable_from"] = step.trainable_from
        if not named or num_made > MAX_STEPS:  # what is not looked at here is found when the graph is built
            continue
        names = inside(makers[call.layer]) if call.layer in makers else None
        num_made += len(names.made) if names is not None else 0
        for place, name in named.items():
            if names is not None and names.is_whole and names.find(name) is None:
                message, help = missing_layer(name, _shown(makers[call.layer]), [*names.made], names.prefix)
                span = step.places.get(place)
                yield Fault(
                    "unknown-layer-name", message, step, "", help, span=span, use=call.use, below=place
                )


def _shown(call: Call) -> str:
    what = call.step.what
    return "model" if isinstance(what, Graph) else getattr(what, "name", call.layer)
