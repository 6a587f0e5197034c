"""Optimizer, losses and metrics put into a model."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import keras

from kexp.graph.construct import Context, complaint, construct, evaluate
from kexp.graph.units import with_units
from kexp.protocols import Units
from kexp.spec.published import metric_name
from kexp.spec.types import Component, Experiment, Objective

_Names = defaultdict[str, Counter[str]]
"""By output: how many metrics of each stem it has; the empty name stands for all outputs."""


def compile_model(
    model: keras.Model, experiment: Experiment, context: Context, units: Mapping[str, Units] | None = None
) -> None:
    """Compile `model` as `train` says; metrics of outputs with `units` compare values in the data's own.

    Raises: SpecError (keras-refused and those of construction).
    """
    if experiment.graph is None:
        _compile_class(model, experiment, context)
        return
    train = experiment.train
    jit = experiment.runtime.jit_compile
    names: _Names = defaultdict(Counter)
    none: list[Any] | None = [] if model.compiled else None  # given None, Keras keeps the stage before's
    with complaint("train", None, "compile"):
        model.compile(
            optimizer=_optimizer(train.optimizer, context),
            loss=_per_output(train.loss, lambda loss: _objective(loss, context)),
            loss_weights=dict(train.loss_weights) if train.loss_weights else None,
            metrics=with_units(_metrics(train.metrics, context, names), units or {}) or none,
            weighted_metrics=with_units(_metrics(train.weighted_metrics, context, names), units or {}),
            steps_per_execution=experiment.runtime.steps_per_execution,
            jit_compile="auto" if jit is None else jit,
        )


def _compile_class(model: keras.Model, experiment: Experiment, context: Context) -> None:
    """Give a model class's own `compile` what the spec gives, and nothing else."""
    train = experiment.train
    names: _Names = defaultdict(Counter)
    given = {
        "optimizer": _optimizer(train.optimizer, context) if train.optimizer else None,
        "loss": _per_output(train.loss, lambda loss: _objective(loss, context)) if train.loss else None,
        "metrics": _metrics(train.metrics, context, names),
        **{name: evaluate(value, context) for name, value in train.compile.items()},
    }
    with complaint("train.compile", None, type(model).__name__):
        model.compile(**{name: value for name, value in given.items() if value is not None})


def _optimizer(optimizer: Objective | None, context: Context) -> Any:
    if isinstance(optimizer, Component):
        return construct(optimizer, context)
    with complaint("train.optimizer", None, str(optimizer)):
        return keras.optimizers.get(optimizer)


def _per_output(value: Any, make: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: None if item is None else make(item) for name, item in value.items()}
    return make(value)


def _objective(objective: Objective, context: Context) -> Any:
    return construct(objective, context) if isinstance(objective, Component) else objective


def _metrics(metrics: Any, context: Context, names: _Names) -> Any:
    if not metrics:
        return None
    if isinstance(metrics, Mapping):
        return {name: [_metric(m, context, names[name]) for m in listed] for name, listed in metrics.items()}
    return [_metric(metric, context, names[""]) for metric in metrics]


def _metric(metric: Objective, context: Context, names: Counter[str]) -> Any:
    """Construct a metric under a name that does not depend on what the process made before."""
    if not isinstance(metric, Component):
        return metric
    named = isinstance(metric.options, Mapping) and "name" in metric.options
    if metric.is_custom or named:
        return construct(metric, context)
    given = {**(metric.options or {}), "name": metric_name(metric, names)}
    return construct(replace(metric, options=given), context)
