"""How each output ends, compared with the loss and metrics it meets: legal, and probably wrong."""

from collections.abc import Iterator, Mapping
from typing import Any

from kexp.diagnostics import Diagnostic
from kexp.spec.losses import BINARY_LOSSES, CLASS_LOSSES, VALUE_LOSSES, kind_of, name_of
from kexp.spec.phases import Phase
from kexp.spec.rules.draft import Draft
from kexp.spec.rules.tails import Head, heads
from kexp.spec.rules.written import Written, seen, warning
from kexp.spec.types import Component, Objective

_RAW = (
    *("linear", "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "swish", "mish"),
    *("tanh", "softplus", "softsign"),
)
"""Activations whose numbers are no probabilities."""
_ACCURACIES = ("acc", "accuracy", "binaryaccuracy", "categoricalaccuracy", "sparsecategoricalaccuracy")


def wrong_ends(draft: Draft, phase: Phase) -> Iterator[Diagnostic]:
    """The loss fits what the last layer gives, and accuracy is not asked of values."""
    losses = draft.place(phase, "loss")
    draft.need(losses.path, "model", "blocks")
    for name, head in heads(draft).items():
        loss = _of_output(phase.experiment.train.loss, name)
        place = losses.at(name) if name and isinstance(phase.experiment.train.loss, Mapping) else losses
        if loss is None or head is None or head.activation is None:
            continue
        found = _scores(loss, place, head) or _ending(loss, place, head)
        if found is not None:
            yield found
        yield from _accuracy(draft, phase, name, loss, head)


def _of_output(given: object, name: str) -> Any:
    return given.get(name) if isinstance(given, Mapping) else given


def _scores(loss: Objective, place: Written, head: Head) -> Diagnostic | None:
    """Warn of a loss that takes scores and is given probabilities."""
    given = _from_logits(loss)
    if given is not True or head.activation not in ("softmax", "sigmoid"):
        return None
    inner = place.object()
    flag = inner.argument("from_logits", "losses") if inner else place
    return _warning(
        "scores-expected",
        f"`from_logits: true` takes scores as they are, and the output ends in `{head.activation}`",
        flag,
        head,
        f"remove `{head.activation}` from the last layer, or `from_logits: true`",
    )


def _ending(loss: Objective, place: Written, head: Head) -> Diagnostic | None:
    """Warn of a loss that takes probabilities and is given something else."""
    kind, shown, activation = kind_of(loss), name_of(loss), head.activation
    if kind in CLASS_LOSSES and head.units == 1 and activation != "softmax":
        message = f"`{shown}` takes a unit for each class, and the output has 1"
        help = "for two classes in 1 unit write `binary_crossentropy`, with `sigmoid` in the last layer"
        return _warning("one-unit-for-classes", message, place, head, help)
    if _from_logits(loss) is not False:
        return None
    if kind in CLASS_LOSSES and activation == "sigmoid":
        message = f"`{shown}` takes probabilities that add up to 1, and the output ends in `sigmoid`"
        help = "write `softmax` for classes that exclude one another, `binary_crossentropy` for others"
        return _warning("probabilities-expected", message, place, head, help)
    wanted = "softmax" if kind in CLASS_LOSSES else "sigmoid" if kind in BINARY_LOSSES else None
    if wanted is None or activation not in _RAW:
        return None
    found = f"without `{wanted}`" if activation == "linear" else f"in `{activation}`"
    class_name = {"bce": "BinaryCrossentropy"}.get(shown, "".join(map(str.title, shown.split("_"))))
    class_name = loss.name if isinstance(loss, Component) else class_name
    message = f"`{shown}` takes probabilities, and the output ends {found}"
    help = f"end the model with `{wanted}`, or write `{class_name}: {{from_logits: true}}`"
    return _warning("probabilities-expected", message, place, head, help)


def _accuracy(draft: Draft, phase: Phase, name: str, loss: Objective, head: Head) -> Iterator[Diagnostic]:
    """Warn of accuracy where labels are values: hardly any is met exactly."""
    if kind_of(loss) not in VALUE_LOSSES or head.activation not in _RAW:
        return
    for key in ("metrics", "weighted_metrics"):
        written = draft.place(phase, key)
        if not draft.knows(written.path):
            continue
        by_output = not written.is_object and written.entries()
        listed = written.at(name) if by_output and name else written
        for item in listed.items() or [listed]:
            metric = item.object()
            if metric is not None and metric.name.replace("_", "").lower() in _ACCURACIES:
                subject = f"`{metric.name}` counts labels that are met exactly"
                help = "measure values with `mae`, or train classes with a cross-entropy"
                message = f"{subject}, and `{name_of(loss)}` is for values"
                yield warning("accuracy-of-values", message, metric, help, metric.key)


def _warning(id: str, message: str, place: Written, head: Head, help: str) -> Diagnostic:
    return warning(id, message, place, help, seen=seen("the output ends here", head.span))


def _from_logits(loss: Objective) -> object:
    """Return the loss's `from_logits`; None where its own code decides."""
    if isinstance(loss, Component):
        return None if loss.is_custom else (loss.options or {}).get("from_logits", False)
    return False
