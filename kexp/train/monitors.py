"""What callbacks, checkpoints and promises watch, compared with the metrics that will exist."""

from collections.abc import Iterator

import keras

from kexp.data.load import Datasets
from kexp.diagnostics import Diagnostic
from kexp.errors import SpecError, did_you_mean
from kexp.spec.phases import Phase
from kexp.train.fitting import validates

_WATCHERS = ("EarlyStopping", "ModelCheckpoint", "ReduceLROnPlateau")


def check_monitors(phase: Phase, model: keras.Model, datasets: Datasets) -> None:
    """Refuse the name of a metric that no epoch will have; the model's metrics must have been built.

    Raises: SpecError (unknown-monitor).
    """
    experiment = phase.experiment
    if any(callback.is_custom for callback in experiment.train.callbacks):
        return  # one of the user's own may add to an epoch's metrics
    metrics = list(model.get_metrics_result())
    epoch = [
        *metrics,
        *(f"val_{name}" for name in metrics if validates(datasets, experiment)),
        "learning_rate",
    ]
    tested = [*epoch, *(f"test_{name}" for name in metrics if "test" in datasets.splits)]
    faults = []
    for path, name, known in _watched(phase, epoch, tested):
        if name not in known:
            listed = ", ".join(f"`{metric}`" for metric in known)
            message = f"there will be no metric `{name}`"
            help = did_you_mean(name, known) or f"there will be {listed}"
            faults.append(Diagnostic("unknown-monitor", message, path, help=help))
    if faults:
        raise SpecError(*faults)


def _watched(phase: Phase, epoch: list[str], tested: list[str]) -> Iterator[tuple[str, str, list[str]]]:
    """Yield where a metric is named, its name, and the metrics that may be named there."""
    train = phase.experiment.train
    for callback in train.callbacks:
        monitor = (callback.options or {}).get("monitor")
        if callback.name in _WATCHERS and isinstance(monitor, str):
            yield f"{callback.path}.monitor", monitor, epoch
    if train.checkpoint.best.monitor is not None:
        yield "train.checkpoint.best.monitor", train.checkpoint.best.monitor, epoch
    for promise in phase.experiment.expect:
        yield f"expect.{promise.metric}", promise.metric, tested
