"""What `train` says by output, compared with the outputs that the model has."""

from collections.abc import Iterator

from kexp.diagnostics import Diagnostic
from kexp.document import Entries
from kexp.errors import did_you_mean
from kexp.spec.phases import Phase
from kexp.spec.rules.draft import Draft
from kexp.spec.rules.written import Written, seen

Names = tuple[str, ...]
_BY_OUTPUT = ("loss", "metrics", "weighted_metrics", "loss_weights")


def unknown_outputs(draft: Draft, phase: Phase) -> Iterator[Diagnostic]:
    """Losses and metrics by output name outputs."""
    outputs = draft.outputs
    for key in _BY_OUTPUT:
        for entry in _by_output(draft.place(phase, key)):
            if outputs is None:
                help: str | None = f"name the last step by an arrow: `-> {entry.name}`"
            elif entry.name in outputs:
                continue
            else:
                help = did_you_mean(entry.name, outputs) or f"the outputs are {_listed(outputs)}"
            message = f"the model has no output `{entry.name}`"
            yield Diagnostic("unknown-output", message, entry.path, entry.key, help)


def one_for_several(draft: Draft, phase: Phase) -> Iterator[Diagnostic]:
    """Every output has a loss, and what is said of several outputs says whose it is."""
    outputs = draft.outputs
    if outputs is None:
        return
    yield from _losses(draft, draft.place(phase, "loss"), outputs)
    if len(outputs) > 1:
        yield from _metrics(draft, phase, outputs)
        yield from _weights(draft, phase, outputs)


def _losses(draft: Draft, losses: Written, outputs: Names) -> Iterator[Diagnostic]:
    names = {entry.name for entry in _by_output(losses)}
    if not losses.is_given or names - set(outputs):
        return
    if losses.is_object or not isinstance(losses.node, Entries):
        if len(outputs) > 1:
            message = f"the model has {len(outputs)} outputs, and each needs its own loss"
            listed = ", ".join(f"{name}: …" for name in outputs)
            help = f"write `loss: {{{listed}}}`; `null` for an output without a loss"
            yield _fault(draft, "loss-per-output", message, losses, help)
        return
    for name in outputs:
        if name not in names:
            help = f"add `{name}: …`, or `{name}: null` for none"
            yield _fault(draft, "loss-per-output", f"the output `{name}` has no loss", losses, help)


def _metrics(draft: Draft, phase: Phase, outputs: Names) -> Iterator[Diagnostic]:
    for key in ("metrics", "weighted_metrics"):
        metrics = draft.place(phase, key)
        if metrics.text is not None or metrics.is_object or metrics.items():
            message = f"the model has {len(outputs)} outputs, and `{key}` does not say whose"
            help = f"write `{key}: {{{', '.join(f'{name}: […]' for name in outputs)}}}`"
            yield _fault(draft, "metrics-per-output", message, metrics, help)


def _weights(draft: Draft, phase: Phase, outputs: Names) -> Iterator[Diagnostic]:
    weights = draft.place(phase, "loss_weights")
    names = {entry.name for entry in weights.entries()}
    for name in outputs if weights.is_given and names <= set(outputs) else ():
        if name not in names:
            message = f"`loss_weights` has none for the output `{name}`, and Keras wants one for each"
            yield _fault(draft, "weight-per-output", message, weights, f"add `{name}: 1.0`")
    classes = draft.place(phase, "class_weight")
    if classes.is_given:
        message = f"`class_weight` is for models with one output, and this one has {len(outputs)}"
        help = "let the data bring a weight for every sample"
        yield _fault(draft, "class-weight-refused", message, classes, help).at(classes.key)


def _fault(draft: Draft, id: str, message: str, at: Written, help: str) -> Diagnostic:
    outputs = seen("the outputs", draft.document.locate("model.outputs"))
    return Diagnostic(id, message, at.path, at.span, help, related=outputs)


def _by_output(written: Written) -> list[Written]:
    """Return what each output is given; nothing for what is for the only output."""
    return [] if written.is_object else written.entries()


def _listed(names: Names) -> str:
    return ", ".join(f"`{name}`" for name in names)
