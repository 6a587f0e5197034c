"""What callbacks, checkpoints and promises watch, compared with the metrics that the model publishes."""

from collections.abc import Iterator

import keras
from keras.src.callbacks.monitor_callback import MonitorCallback

from kexp.data.load import Datasets
from kexp.errors import SpecError
from kexp.spec.phases import Phase
from kexp.spec.published import (
    NEVER_VALIDATED,
    NO_TEST,
    NO_VAL,
    WATCHERS,
    Direction,
    Published,
    Watch,
    unpublished,
)
from kexp.spec.types import Component
from kexp.train.fitting import validates


def check_monitors(phase: Phase, model: keras.Model, datasets: Datasets, is_last: bool) -> None:
    """Refuse the name of a metric that no epoch will have; a graph's metrics must have been built.

    Raises: SpecError (no-validation, no-test-split, unknown-monitor, monitor-mode).
    """
    faults = [*unpublished([*_watches(phase, is_last)], _published(phase, model, datasets))]
    if faults:
        raise SpecError(*faults)


def _published(phase: Phase, model: keras.Model, datasets: Datasets) -> Published:
    experiment = phase.experiment
    is_graph = experiment.graph is not None
    unvalidated = None if validates(datasets, experiment) else NEVER_VALIDATED
    return Published(
        {name: _direction(name, model) for name in model.get_metrics_result()} if is_graph else {},
        is_complete=is_graph and not any(callback.is_custom for callback in experiment.train.callbacks),
        unvalidated=unvalidated if "val" in datasets.splits else NO_VAL,
        untested=None if "test" in datasets.splits else NO_TEST,
    )


def _direction(name: str, model: keras.Model) -> Direction | None:
    """Return what is better, as Keras itself finds it."""
    probe = MonitorCallback(name)
    probe.set_model(model)
    try:
        probe._set_monitor_op()
    except ValueError:
        return None
    return "max" if probe.monitor_op is keras.ops.greater else "min"


def _watches(phase: Phase, is_last: bool) -> Iterator[Watch]:
    for callback in phase.experiment.train.callbacks:
        if callback.name in WATCHERS:
            yield from _by_callback(callback)
    best = phase.experiment.train.checkpoint.best
    if best.monitor is not None:
        by, path = "the best epoch is chosen by", "train.checkpoint.best.monitor"
        yield Watch(best.monitor, by, path, has_mode=best.mode is not None)
    document = phase.experiment.document
    for promise in phase.experiment.expect if is_last else ():
        path = f"expect.{promise.metric}"
        span = document.locate_key(path) if document else None
        yield Watch(promise.metric, "`expect` promises", path, span, is_promise=True)


def _by_callback(callback: Component) -> Iterator[Watch]:
    options = callback.options or {}
    saves_all = callback.name == "ModelCheckpoint" and options.get("save_best_only") is not True
    monitor = options.get("monitor", None if saves_all else "val_loss")
    if isinstance(monitor, str):
        path = f"{callback.path}.monitor" if "monitor" in options else callback.path
        has_mode = options.get("mode", "auto") != "auto"
        yield Watch(monitor, f"`{callback.name}` watches", path, has_mode=has_mode)
