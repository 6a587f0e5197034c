"""Values, blocks and inputs that nothing uses."""

import re
from collections.abc import Iterable, Iterator

from kexp.diagnostics import Diagnostic
from kexp.document import Scalar
from kexp.errors import did_you_mean, nearest
from kexp.spec.calls import names_of
from kexp.spec.overrides import COMMAND_LINE
from kexp.spec.rules.draft import Draft
from kexp.spec.rules.written import Written, warning
from kexp.spec.values import names_mentioned

_ABOUT_VALUES = ("unknown-value", "bad-formula", "not-static")


def unused_values(draft: Draft) -> Iterator[Diagnostic]:
    """Every value of `vars` is used somewhere; a base, but no command, may have more than one spec needs."""
    draft.need("vars")
    used = {name for scalar in draft.root.texts() for name in names_mentioned(str(scalar.value))}
    about_values = (fault.span for fault in draft.reading.faults if fault.id in _ABOUT_VALUES and fault.span)
    meant = {word for span in about_values for word in re.findall(r"\w+", span.text)}
    for value in draft.root.at("vars").entries():
        if value.name not in used and nearest(value.name, meant) is None and _is_own(draft, value):
            message = f"nothing uses `${value.name}`"
            help = "remove it, or write its name where its value stands"
            if value.key is not None and value.key.source.name == COMMAND_LINE:
                help = did_you_mean(value.name, used) or help
                yield Diagnostic("unused-value", message, value.path, value.key, help)
            else:
                yield warning("unused-value", message, value, help, value.key)


def unused_blocks(draft: Draft) -> Iterator[Diagnostic]:
    """Every block is used by the model, or by a block that is."""
    draft.need("model", "blocks")
    blocks = {block.name: block for block in draft.root.at("blocks").entries()}
    reached: set[str] = set()
    waiting = [draft.root.at("model")]
    while waiting:
        found = _words(waiting.pop().texts()) & set(blocks) - reached
        reached |= found
        waiting += (blocks[name] for name in found)
    for name, block in blocks.items():
        if name not in reached and _is_own(draft, block):
            yield warning("unused-block", f"nothing uses the block `{name}`", block, "remove it", block.key)


def unused_inputs(draft: Draft) -> Iterator[Diagnostic]:
    """Every declared input of the model goes somewhere."""
    wiring, ports = draft.wirings.get("model"), draft.root.at("model.inputs")
    if wiring is None or not wiring.outputs:
        return
    draft.need("model")
    taken = {name for call in wiring.calls for name in names_of(call.takes)}
    for port in (*ports.entries(), *ports.items()):
        name = port.text if port.key is None else port.name
        if name not in taken:
            yield warning("unused-input", f"no step takes the input `{name}`", port, "remove it", port.key)


def _words(scalars: Iterable[Scalar]) -> set[str]:
    return {part.strip() for scalar in scalars for part in str(scalar.value).split("->")}


def _is_own(draft: Draft, written: Written) -> bool:
    """Tell what the spec or the command line says from what a base brings along."""
    return written.key is not None and written.key.source.name in (draft.document.source.name, COMMAND_LINE)
