"""Values whose choices are no types of their own, and names that must differ."""

import re
from collections.abc import Iterator

from kexp.diagnostics import Diagnostic, Related
from kexp.errors import did_you_mean
from kexp.spec.phases import Phase
from kexp.spec.reader import one_of
from kexp.spec.rules.draft import Draft
from kexp.spec.rules.written import seen

_RUNTIME: dict[str, tuple[str, ...]] = {
    "precision": ("float32", "float16", "bfloat16", "float64", "mixed_float16", "mixed_bfloat16"),
    "device": ("auto", "cpu", "gpu", "gpu:1", "tpu"),
}
_OTHER_WORDS = {
    "cuda": "gpu",
    "fp16": "mixed_float16",
    "fp32": "float32",
    "fp64": "float64",
    "bf16": "mixed_bfloat16",
    "half": "mixed_float16",
    "mixed_fp16": "mixed_float16",
    "mixed_bf16": "mixed_bfloat16",
}
"""By word of other tools: what is meant."""
_DEVICE = re.compile(r"auto|cpu|(?:gpu|tpu)(?::[0-9]+)?")
_TRACKERS = ("tensorboard",)


def wrong_choices(draft: Draft) -> Iterator[Diagnostic]:
    """Precision, device and trackers are ones that there are."""
    choices = [(name, draft.root.at(f"runtime.{name}"), known) for name, known in _RUNTIME.items()]
    choices += [("tracker", tracker, _TRACKERS) for tracker in draft.root.at("trackers").items()]
    for what, written, known in choices:
        found = written.text if written.number is None else str(written.number)
        if found is None or found in known or (what == "device" and _DEVICE.fullmatch(found)):
            continue
        message = f"`{what}` must be {one_of(known)}, found `{found}`"
        meant = _OTHER_WORDS.get(found.lower())
        help = f"did you mean `{meant}`?" if meant in known else did_you_mean(found, known)
        yield Diagnostic("wrong-choice", message, written.path, written.span, help)


def other_backends(draft: Draft) -> Iterator[Diagnostic]:
    """Keras on torch takes steps one by one."""
    steps = draft.root.at("runtime.steps_per_execution")
    if draft.root.at("runtime.backend").text == "torch" and (steps.number or 1) > 1:
        message = f"`steps_per_execution` must be 1 on torch, found {steps.number}"
        help = "remove it; TensorFlow and JAX do several steps in one call"
        yield Diagnostic("steps-on-torch", message, steps.path, steps.span, help)


def same_stages(draft: Draft) -> Iterator[Diagnostic]:
    """The rows of a history name their stage."""
    names = [stage.at("name") for stage in draft.root.at("train.stages").items()]
    for index, name in enumerate(names):
        first = next((other for other in names[:index] if other.text == name.text), None)
        if name.text is not None and first is not None:
            message, related = f"two stages are called `{name.text}`", seen("first named here", first.span)
            yield Diagnostic("duplicate-name", message, name.path, name.span, related=related)


def refused_callbacks(draft: Draft, phase: Phase) -> Iterator[Diagnostic]:
    """No callback stores elsewhere, or sets a learning rate that follows a schedule."""
    rate = _schedule(draft, phase)
    for item in draft.place(phase, "callbacks").items():
        callback = item.object()
        if callback is None:
            continue
        if callback.name == "BackupAndRestore":
            message = "`BackupAndRestore` does not restore the same training; a run keeps its own checkpoints"
            yield Diagnostic("callback-refused", message, callback.path, callback.key, help="remove it")
        if rate is not None and callback.name in ("ReduceLROnPlateau", "LearningRateScheduler"):
            message = f"`{callback.name}` cannot set a learning rate that follows `{rate[0]}`"
            help = "give the optimizer a number as its learning rate, or remove the callback"
            yield Diagnostic("rate-not-settable", message, callback.path, callback.key, help, related=rate[1])


def _schedule(draft: Draft, phase: Phase) -> tuple[str, tuple[Related, ...]] | None:
    """Return the schedule that the learning rate follows, and where it stands."""
    optimizer = draft.place(phase, "optimizer").object()
    rate = optimizer.argument("learning_rate", "optimizers").object() if optimizer else None
    if rate is None or not rate.name[:1].isupper():
        return None
    return rate.name, seen("the schedule", rate.key)
