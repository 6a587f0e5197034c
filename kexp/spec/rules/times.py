"""Numbers of epochs and steps that do not go together: legal, and probably wrong."""

from collections.abc import Iterator

from kexp.diagnostics import Diagnostic
from kexp.spec.phases import Phase
from kexp.spec.rules.draft import Draft
from kexp.spec.rules.written import seen, warning
from kexp.spec.types import Component, Experiment

_PATIENCE = {"EarlyStopping": 0, "ReduceLROnPlateau": 10}
"""By callback: Keras's default."""


def idle_callbacks(draft: Draft, phase: Phase) -> Iterator[Diagnostic]:
    """A callback's patience ends before the training does."""
    callbacks, epochs = draft.place(phase, "callbacks"), draft.place(phase, "epochs")
    draft.need(epochs.path)
    count = phase.experiment.train.epochs
    sharing = (other for other in draft.phases if draft.place(other, "callbacks").path == callbacks.path)
    if any(other.experiment.train.epochs > count for other in sharing):
        return
    for item in callbacks.items():
        callback = item.object()
        if callback is None or callback.name not in _PATIENCE:
            continue
        given = callback.argument("patience", "")
        patience = given.number if given.is_given else _PATIENCE[callback.name]
        if patience is None or patience < count or not draft.knows(given.path):
            continue
        waits = f"`{callback.name}` waits for {_epochs(int(patience))} without improvement"
        place, span = (given, given.span) if given.is_given else (callback, callback.key)
        message, of_all = f"{waits}, and there {_are(count)}", seen("the epochs", epochs.span)
        yield warning("never-in-time", message, place, "lower `patience`", span, of_all)


def rare_validation(draft: Draft, phase: Phase) -> Iterator[Diagnostic]:
    """Some epoch is validated, where a number says how often."""
    often, epochs = draft.root.at("train.validation_freq"), draft.place(phase, "epochs")
    draft.need(often.path, epochs.path)
    count, frequency = phase.experiment.train.epochs, phase.experiment.train.validation_freq
    is_longest = all(other.experiment.train.epochs <= count for other in draft.phases)
    if often.is_given and frequency > count and is_longest:
        message = f"no epoch is validated: one in {frequency} would be, and there {_are(count)}"
        of_all = seen("the epochs", epochs.span)
        yield warning("never-in-time", message, often, "lower `validation_freq`", seen=of_all)


def _epochs(number: int) -> str:
    return "1 epoch" if number == 1 else f"{number:,} epochs"


def _are(count: int) -> str:
    return f"{'is' if count == 1 else 'are'} {count:,}"


def uneven_schedule(phase: Phase, total_steps: int) -> Iterator[Diagnostic]:
    """Warn of a schedule that ends long before the training, or goes on long after it."""
    optimizer = phase.experiment.train.optimizer
    rate = (optimizer.options or {}).get("learning_rate") if isinstance(optimizer, Component) else None
    if not isinstance(rate, Component) or rate.name not in ("CosineDecay", "PolynomialDecay"):
        return
    options = rate.options or {}
    steps, warmup = options.get("decay_steps"), options.get("warmup_steps", 0)
    if options.get("cycle") or type(steps) is not int or type(warmup) is not int:
        return
    needed = steps + warmup
    if needed * 2 <= total_steps or needed >= total_steps * 2:
        message = f"`{rate.name}` takes {needed:,} steps, and the training has {total_steps:,}"
        help = "write `decay_steps: $total_steps`"
        yield Diagnostic(
            "uneven-schedule", message, f"{rate.path}.decay_steps", None, help, severity="warning"
        )


def known_steps(experiment: Experiment) -> int | None:
    """Return the steps of a training that says how many an epoch has."""
    train = experiment.train
    return None if train.steps_per_epoch is None else train.steps_per_epoch * train.epochs


def uneven_schedules(draft: Draft, phase: Phase) -> Iterator[Diagnostic]:
    """A schedule lasts about as long as the training, where its steps are known."""
    optimizer = draft.place(phase, "optimizer")
    draft.need(optimizer.path, "train.steps_per_epoch", draft.place(phase, "epochs").path)
    steps = known_steps(phase.experiment)
    if steps is not None:
        for warning in uneven_schedule(phase, steps):
            yield warning.at(draft.document.locate(warning.path))
