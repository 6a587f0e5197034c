"""What single layers do that is legal, and probably wrong."""

from collections.abc import Iterator, Mapping

from kexp.diagnostics import Diagnostic
from kexp.spec.calls import Call, Wiring, names_of
from kexp.spec.rules.draft import Draft
from kexp.spec.rules.tails import UNITS, Tails, option, output_tensors, place_of_option
from kexp.spec.rules.written import seen, warning
from kexp.spec.spellings import MERGING
from kexp.spec.types import Component

_OVER_SPACE = (
    *("Conv2D", "Conv3D", "SeparableConv2D", "DepthwiseConv2D", "Conv2DTranspose", "Conv3DTranspose"),
    *("MaxPooling2D", "MaxPooling3D", "AveragePooling2D", "AveragePooling3D"),
)
"""Layers whose output has rows and columns."""
_IN_PLACE = (
    *("Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax", "Identity", "BatchNormalization"),
    *("Dropout", "GaussianDropout", "GaussianNoise", "AlphaDropout", "SpatialDropout2D", "SpatialDropout3D"),
)
"""Layers that keep the shape."""
_DROPPING = (
    *("Dropout", "AlphaDropout", "GaussianDropout"),
    *("SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"),
)
_GIVING_ONE = (*_IN_PLACE, *_DROPPING, *_OVER_SPACE, "Dense", "Embedding", "Flatten", "Reshape", "Rescaling")
"""Layers that give one tensor, whatever their arguments."""
_MUCH = 0.8


def odd_layers(draft: Draft) -> Iterator[Diagnostic]:
    """A layer does something to what it is given."""
    for wiring in draft.wirings.values():
        for call in wiring.calls:
            if isinstance(call.step.what, Component):
                yield from _drops_much(draft, call.step.what, call)
                yield from _softmax_of_one(draft, call.step.what, call)
                yield from _merges_one(wiring, call.step.what, call)


def _drops_much(draft: Draft, layer: Component, call: Call) -> Iterator[Diagnostic]:
    rate = option(layer, "rate", call.view) if layer.name in _DROPPING else None
    if isinstance(rate, (int, float)) and _MUCH <= rate < 1:
        message = f"`rate` is the share that is dropped: `{layer.name}` keeps {1 - rate:.0%} of what comes in"
        place, span = draft.root.at(call.step.path), place_of_option(draft, layer, "rate", call)
        help = f"to keep {rate:.0%} write `{round(1 - rate, 6):g}`"
        yield warning("much-dropped", message, place, help, span)


def _softmax_of_one(draft: Draft, layer: Component, call: Call) -> Iterator[Diagnostic]:
    if layer.name not in UNITS or option(layer, UNITS[layer.name], call.view) != 1:
        return
    if option(layer, "activation", call.view) == "softmax":
        place, span = draft.root.at(call.step.path), place_of_option(draft, layer, "activation", call)
        help = "write `sigmoid` for one probability, or a unit for each class"
        yield warning("softmax-of-one", "`softmax` over 1 unit is always 1", place, help, span)


def _merges_one(wiring: Wiring, layer: Component, call: Call) -> Iterator[Diagnostic]:
    """A merging layer takes several tensors; one that a layer of the user's gives may be a list of them."""
    if layer.name not in MERGING or layer.namespace != "layers" or layer.is_custom:
        return
    taken = call.takes.positional
    if len(taken) != 1 or not isinstance(taken[0], str) or call.takes.keywords:
        return
    maker = next((other.step.what for other in wiring.calls if taken[0] in other.gives), None)
    if isinstance(maker, Component) and maker.name in _GIVING_ONE:
        message, help = (
            f"`{layer.name}` joins several tensors, and is given one",
            f"write `a, b -> {layer.name}`",
        )
        yield Diagnostic("wrong-inputs", message, call.step.path, call.step.key, f"{help} with their names")


def ends_of_the_model(draft: Draft) -> Iterator[Diagnostic]:
    """No output is dropped, and none keeps rows and columns by mistake."""
    draft.need("model", "blocks")
    wiring = draft.wirings.get("model")
    if wiring is None:
        return
    tails = Tails(draft, wiring)
    for call in (tails.makers[tensor][0] for tensor in output_tensors(wiring) if tensor in tails.makers):
        if isinstance(call.step.what, Component) and call.step.what.name in _DROPPING:
            name, place = call.step.what.name, draft.root.at(call.step.path)
            message = f"`{name}` stands last, so the model's own output is dropped in training"
            yield warning(
                "output-dropped", message, place, "put it in front of the last layer", call.step.key
            )
    takers = _takers(wiring)
    for call in wiring.calls:
        image = _image(tails, call) if isinstance(call.step.what, Component) else None
        if image is not None and _stays_in_place(call, takers):
            yield _dense_on_image(draft, call, image)


def _dense_on_image(draft: Draft, call: Call, image: Call) -> Diagnostic:
    name = image.step.what.name if isinstance(image.step.what, Component) else ""
    message = f"`Dense` works on the last axis alone, and the rows and columns of `{name}` stay"
    help = "put `Flatten` or `GlobalAveragePooling2D` between; `Conv2D` of kernel size 1 says so for pixels"
    origin = seen("rows and columns come from here", image.step.key)
    return warning("dense-on-image", message, draft.root.at(call.step.path), help, call.step.key, origin)


def _image(tails: Tails, call: Call) -> Call | None:
    """Return the layer over rows and columns that feeds a `Dense`, through layers that keep shapes."""
    if not isinstance(call.step.what, Component) or call.step.what.name != "Dense":
        return None
    while True:
        taken = [*names_of(call.takes)]
        before = tails.makers.get(taken[0]) if len(taken) == 1 else None
        if before is None or not isinstance(before[0].step.what, Component):
            return None
        call = before[0]
        name = call.step.what.name if isinstance(call.step.what, Component) else ""
        if name in _OVER_SPACE:
            return call
        if name not in _IN_PLACE:
            return None


def _takers(wiring: Wiring) -> Mapping[str, list[Call]]:
    """Return the calls that take each tensor."""
    found: dict[str, list[Call]] = {}
    for call in wiring.calls:
        for name in names_of(call.takes):
            found.setdefault(name, []).append(call)
    return found


def _stays_in_place(call: Call, takers: Mapping[str, list[Call]]) -> bool:
    """Tell whether all that follows works on each position alone."""
    waiting, met = [call], {id(call)}
    while waiting:
        now = waiting.pop()
        for taker in (t for name in now.gives for t in takers.get(name, ())):
            what = taker.step.what
            if not (isinstance(what, Component) and what.name in (*_IN_PLACE, "Dense")):
                return False
            if id(taker) not in met:
                met.add(id(taker))
                waiting.append(taker)
    return True
