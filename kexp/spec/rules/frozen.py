"""The layers that stages freeze and free, compared with those of the model."""

from collections.abc import Iterator, Mapping, Sequence

from kexp.diagnostics import Diagnostic
from kexp.spec.inner import LayerNames, layer_names, missing_layer
from kexp.spec.phases import Phase
from kexp.spec.rules.draft import Draft
from kexp.spec.types import Block
from kexp.spec.wiring import inside


def unknown_layers(draft: Draft, phase: Phase) -> Iterator[Diagnostic]:
    """`freeze` and `unfreeze` name layers of the model; `application/conv1` is an inner one."""
    if "model" not in draft.wirings:
        return
    names = layer_names(draft.wirings["model"])
    for place, path, _ in phase.named_layers():
        missing = _missing(path.split("/"), names, draft.reading.blocks)
        if missing is not None:
            message, help = missing
            yield Diagnostic("unknown-layer-name", message, place, draft.root.at(place).span, help)


def _missing(path: Sequence[str], names: LayerNames, blocks: Mapping[str, Block]) -> tuple[str, str] | None:
    """Follow a path into nested models; return the sentence and the help where it ends too early."""
    found: LayerNames | None = names
    for depth, name in enumerate(path):
        if found is None:
            break
        call = found.find(name)
        if call is None and found.is_whole:
            return missing_layer(name, "/".join(path[:depth]), [*found.made], found.prefix)
        found = inside(call, blocks) if call is not None else None
    return None
