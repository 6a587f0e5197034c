"""Rules between keys: what no single key can know."""

from collections.abc import Iterable, Mapping

from kexp.diagnostics import Diagnostic
from kexp.errors import did_you_mean
from kexp.spec.types import Component, Experiment
from kexp.spec.wiring import output_names

_PRECISIONS = ("float32", "float16", "bfloat16", "float64", "mixed_float16", "mixed_bfloat16")
_DEVICES = ("auto", "cpu", "gpu", "tpu")
_TRACKERS = ("tensorboard",)


def check_rules(experiment: Experiment, faults: list[Diagnostic]) -> None:
    """Gather the faults that only show when several keys are read together."""
    for found in (
        _outputs(experiment),
        _monitors(experiment),
        _choices(experiment),
    ):
        faults.extend(_located(experiment, found))


def _located(experiment: Experiment, found: Iterable[Diagnostic]) -> Iterable[Diagnostic]:
    assert experiment.document is not None
    for diagnostic in found:
        span = diagnostic.span or experiment.document.locate(diagnostic.path)
        yield diagnostic.at(span)


def _outputs(experiment: Experiment) -> Iterable[Diagnostic]:
    """Losses and metrics by output name must name outputs, and several outputs need names."""
    outputs = output_names(experiment.model)
    train = experiment.train
    for key in ("loss", "metrics", "weighted_metrics", "loss_weights"):
        value = getattr(train, key)
        if isinstance(value, Mapping):
            for name in value:
                if outputs is not None and name not in outputs:
                    listed = ", ".join(f"`{o}`" for o in outputs)
                    help = did_you_mean(name, outputs) or f"the outputs are {listed}"
                    yield Diagnostic(
                        "unknown-output",
                        f"the model has no output `{name}`",
                        f"train.{key}.{name}",
                        help=help,
                    )
        elif value and outputs is not None and len(outputs) > 1 and key == "loss":
            listed = ", ".join(f"{o}: …" for o in outputs)
            yield Diagnostic(
                "loss-per-output",
                f"the model has {len(outputs)} outputs, and each needs its own loss",
                f"train.{key}",
                help=f"write `loss: {{{listed}}}`; `null` for an output without a loss",
            )


def _monitors(experiment: Experiment) -> Iterable[Diagnostic]:
    """A callback that stores elsewhere, or watches validation that does not exist."""
    for callback in experiment.train.callbacks:
        if callback.name == "BackupAndRestore":
            yield Diagnostic(
                "callback-refused",
                "`BackupAndRestore` does not bring back the same training, and a run keeps its own checkpoints",
                callback.path,
                callback.span,
                help="remove it",
            )
        monitor = _monitor(callback)
        no_val = experiment.data.split.val is None and experiment.data.source in ("sklearn", "keras")
        if monitor is not None and monitor.startswith("val_") and no_val:
            yield Diagnostic(
                "no-validation",
                f"`{callback.name}` watches `{monitor}`, and the data has no validation split",
                callback.path,
                callback.span,
                help="add `split: {val: 0.1}` under `data`, or watch `loss`",
            )


def _monitor(callback: Component) -> str | None:
    defaults = {"EarlyStopping": "val_loss", "ReduceLROnPlateau": "val_loss", "ModelCheckpoint": "val_loss"}
    monitor = (callback.options or {}).get("monitor", defaults.get(callback.name))
    return monitor if isinstance(monitor, str) else None


def _choices(experiment: Experiment) -> Iterable[Diagnostic]:
    runtime = experiment.runtime
    if runtime.precision not in _PRECISIONS:
        yield _not_one_of("precision", "runtime.precision", runtime.precision, _PRECISIONS)
    if (
        runtime.device.partition(":")[0] not in _DEVICES
        or not (runtime.device.partition(":")[2] or "0").isdigit()
    ):
        yield _not_one_of("device", "runtime.device", runtime.device, (*_DEVICES, "gpu:1"))
    for index, tracker in enumerate(experiment.trackers):
        if tracker not in _TRACKERS:
            yield _not_one_of("tracker", f"trackers[{index}]", tracker, _TRACKERS)


def _not_one_of(what: str, path: str, found: str, known: tuple[str, ...]) -> Diagnostic:
    listed = ", ".join(f"`{k}`" for k in known)
    return Diagnostic(
        "wrong-choice", f"`{what}` is one of {listed}, found `{found}`", path, help=did_you_mean(found, known)
    )
