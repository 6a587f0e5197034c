"""Rules between keys: what no single key can know."""

import re
from collections.abc import Collection, Iterable, Mapping

from kexp.diagnostics import Diagnostic
from kexp.errors import did_you_mean
from kexp.spec.components import is_custom
from kexp.spec.reader import one_of
from kexp.spec.types import Component, Experiment
from kexp.spec.wiring import output_names

_PRECISIONS = ("float32", "float16", "bfloat16", "float64", "mixed_float16", "mixed_bfloat16")
_DEVICES = ("auto", "cpu", "gpu", "gpu:1", "tpu")
_DEVICE = re.compile(r"auto|cpu|(?:gpu|tpu)(?::[0-9]+)?")
_TRACKERS = ("tensorboard",)


def check_rules(experiment: Experiment, faults: list[Diagnostic]) -> None:
    """Gather the faults that only show when several keys are read together."""
    document = experiment.document
    assert document is not None
    for fault in (*_outputs(experiment), *_monitors(experiment), *_choices(experiment), *_stages(experiment)):
        find = document.locate_key if fault.id == "unknown-output" else document.locate
        faults.append(fault.at(fault.span or find(fault.path)))


def _outputs(experiment: Experiment) -> Iterable[Diagnostic]:
    """Losses and metrics by output name must name outputs, and several outputs need a loss each."""
    if experiment.graph is None:
        return
    outputs = output_names(experiment.graph)
    for key in ("loss", "metrics", "weighted_metrics", "loss_weights"):
        value = getattr(experiment.train, key)
        for name in value if isinstance(value, Mapping) else ():
            if outputs is None or name not in outputs:
                yield _unknown_output(name, f"train.{key}.{name}", outputs)
    if outputs is not None:
        yield from _losses(experiment.train.loss, outputs)


def _unknown_output(name: str, path: str, outputs: Collection[str] | None) -> Diagnostic:
    if outputs is None:
        help: str | None = f"name the last step by an arrow: `-> {name}`"
    else:
        help = did_you_mean(name, outputs) or f"the outputs are {', '.join(f'`{o}`' for o in outputs)}"
    return Diagnostic("unknown-output", f"the model has no output `{name}`", path, help=help)


def _losses(loss: object, outputs: Collection[str]) -> Iterable[Diagnostic]:
    if not isinstance(loss, Mapping):
        if len(outputs) > 1:
            listed = ", ".join(f"{o}: …" for o in outputs)
            yield Diagnostic(
                "loss-per-output",
                f"the model has {len(outputs)} outputs, and each needs its own loss",
                "train.loss",
                help=f"write `loss: {{{listed}}}`; `null` for an output without a loss",
            )
    elif set(loss) <= set(outputs):
        for name in outputs:
            if name not in loss:
                help = f"add `{name}: …`, or `{name}: null` for none"
                yield Diagnostic(
                    "loss-per-output", f"the output `{name}` has no loss", "train.loss", help=help
                )


def _monitors(experiment: Experiment) -> Iterable[Diagnostic]:
    """A callback that stores elsewhere, or watches validation that does not exist."""
    data = experiment.data
    no_val = data.split.val is None and "val" not in data.options and not is_custom(data.source)
    for callback in experiment.train.callbacks:
        if callback.name == "BackupAndRestore":
            yield Diagnostic(
                "callback-refused",
                "`BackupAndRestore` does not restore the same training; a run keeps its own checkpoints",
                callback.path,
                callback.span,
                help="remove it",
            )
        monitor = _monitor(callback)
        if no_val and monitor is not None and monitor.startswith("val_"):
            given = "monitor" in (callback.options or {})
            yield Diagnostic(
                "no-validation",
                f"`{callback.name}` watches `{monitor}`, and the data has no validation split",
                f"{callback.path}.monitor" if given else callback.path,
                None if given else callback.span,
                help=f"add `split: {{val: 0.1}}` under `data`, or watch `{monitor.removeprefix('val_')}`",
            )


def _monitor(callback: Component) -> str | None:
    defaults = {"EarlyStopping": "val_loss", "ReduceLROnPlateau": "val_loss", "ModelCheckpoint": "val_loss"}
    monitor = (callback.options or {}).get("monitor", defaults.get(callback.name))
    return monitor if isinstance(monitor, str) else None


def _choices(experiment: Experiment) -> Iterable[Diagnostic]:
    runtime = experiment.runtime
    if runtime.precision not in _PRECISIONS:
        yield _not_one_of("precision", "runtime.precision", runtime.precision, _PRECISIONS)
    if not _DEVICE.fullmatch(runtime.device):
        yield _not_one_of("device", "runtime.device", runtime.device, _DEVICES)
    for index, tracker in enumerate(experiment.trackers):
        if tracker not in _TRACKERS:
            yield _not_one_of("tracker", f"trackers[{index}]", tracker, _TRACKERS)


def _stages(experiment: Experiment) -> Iterable[Diagnostic]:
    """The rows of a history name their stage."""
    names = [stage.name for stage in experiment.train.stages]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Diagnostic(
                "duplicate-name", f"two stages are called `{name}`", f"train.stages[{index}].name"
            )


def _not_one_of(what: str, path: str, found: str, known: tuple[str, ...]) -> Diagnostic:
    message = f"`{what}` must be {one_of(known)}, found `{found}`"
    return Diagnostic("wrong-choice", message, path, help=did_you_mean(found, known))
