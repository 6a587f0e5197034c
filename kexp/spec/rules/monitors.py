"""What callbacks, checkpoints and promises watch, compared with what an epoch will have."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from kexp.diagnostics import Diagnostic
from kexp.spec.components import is_custom
from kexp.spec.phases import Phase
from kexp.spec.published import NO_TEST, NO_VAL, WATCHERS, Published, Watch, published, unpublished
from kexp.spec.rules.draft import Draft, Unknown
from kexp.spec.rules.outputs import unknown_outputs
from kexp.spec.rules.written import Written

_BROUGHT: dict[str, tuple[str, ...]] = {"csv": (), "sklearn": (), "keras": ("test",)}
"""By source: the splits it brings unasked; what other sources bring is not known before they are read."""


def unknown_monitors(draft: Draft, phase: Phase) -> Iterator[Diagnostic]:
    """Every metric that is named will be published, and Keras knows or is told what is better."""
    watches = [*_callbacks(draft, phase), *_best(draft)]
    if phase is draft.phases[-1]:
        watches += _promises(draft)
    others = [_published(draft, other) for other in draft.phases if other is not phase]
    yield from unpublished(watches, _published(draft, phase), others)


def _published(draft: Draft, phase: Phase) -> Published:
    """Return what is known of the metrics; of one that could not be read, that there may be any."""
    keys = [draft.place(phase, key).path for key in ("metrics", "weighted_metrics")]
    try:
        outputs = draft.outputs or ()
        is_known = all(map(draft.knows, keys)) and not any(unknown_outputs(draft, phase))
    except Unknown:
        outputs, is_known = (), False
    losses = draft.place(phase, "loss").entries()
    by_output = {loss.name: None if loss.is_null else "" for loss in losses}
    found = published(replace(phase.experiment.train, loss=by_output), outputs)
    return replace(
        found,
        is_complete=found.is_complete and is_known and not _has_own_code(draft, phase),
        unvalidated=NO_VAL if brings(draft, "val") is False else None,
        stage=phase.name,
        untested=NO_TEST if brings(draft, "test") is False else None,
    )


def brings(draft: Draft, split: Literal["val", "test"]) -> bool | None:
    """Tell whether the data has a split; None where only the source knows."""
    data = draft.root.at("data")
    if any(data.at(path).is_given for path in (f"split.{split}", split)):
        return True
    if split == "val" and data.at("split.fold").is_given:
        return True
    source = data.at("source").text
    paths = ("data.source", f"data.{split}", f"data.split.{split}", "data.split")
    if source not in _BROUGHT or not all(map(draft.knows, paths)):
        return None
    return split in _BROUGHT[source]


def _has_own_code(draft: Draft, phase: Phase) -> bool:
    """Tell whether a layer or callback of the user's own may publish metrics."""
    places = (draft.root.at("model"), draft.root.at("blocks"), draft.place(phase, "callbacks"))
    texts = (str(scalar.value) for place in places for scalar in place.texts())
    return any(is_custom(part.strip()) for text in texts for part in text.split("->"))


def _callbacks(draft: Draft, phase: Phase) -> Iterator[Watch]:
    for item in draft.place(phase, "callbacks").items():
        callback = item.object()
        if callback is None or callback.name not in WATCHERS:
            continue
        monitor = callback.argument("monitor", "callbacks")
        if not draft.knows(monitor.path):
            continue
        saves_all = callback.name == "ModelCheckpoint" and not callback.argument("save_best_only", "").is_true
        metric = monitor.text if monitor.is_given else None if saves_all else "val_loss"
        if metric is not None:
            yield Watch(
                metric,
                f"`{callback.name}` watches",
                monitor.path if monitor.is_given else callback.path,
                monitor.span if monitor.is_given else callback.key,
                has_mode=_has_mode(callback.argument("mode", "")),
            )


def _best(draft: Draft) -> Iterator[Watch]:
    best = draft.root.at("train.checkpoint.best")
    monitor = best if best.text is not None else best.at("monitor")
    if monitor.text is not None and draft.knows(monitor.path):
        by = "the best epoch is chosen by"
        yield Watch(monitor.text, by, monitor.path, monitor.span, _has_mode(best.at("mode")))


def _has_mode(mode: Written) -> bool:
    return mode.is_given and mode.text != "auto"


def _promises(draft: Draft) -> Iterator[Watch]:
    for promise in draft.root.at("expect").entries():
        by = "`expect` promises"
        yield Watch(promise.name, by, promise.path, promise.key, is_promise=True)
