"""A model's compile config -> `train`, or a placeholder for it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import keras

from kexp.errors import SpecError
from kexp.graph.described import Describer
from kexp.spec.catalogue import catalogue
from kexp.spec.types import Component, Graph, Objective, Training
from kexp.spec.wiring import snake_case

_LOSSES = {"softmax": "sparse_categorical_crossentropy", "sigmoid": "binary_crossentropy"}
"""The loss that goes with the last activation."""


def training_of(config: Mapping[str, Any], model: keras.Model, outputs: Sequence[str]) -> Training | None:
    """Return what a compile config says; `outputs` are the spec's names, where there are several.

    None for a model that was not compiled, or whose objectives no spec can name.
    """
    if not config.get("optimizer") or not config.get("loss"):
        return None
    objectives = _Objectives(model, outputs)
    try:
        weights = objectives.per_output(config.get("loss_weights"), lambda value: value)
        return Training(
            objectives.one(config["optimizer"], "optimizers"),
            objectives.losses(config["loss"]),
            objectives.metrics(config.get("metrics")),
            objectives.metrics(config.get("weighted_metrics")),
            weights if isinstance(weights, dict) else None,
        )
    except (SpecError, TypeError, ValueError):
        return None


def placeholder(model: keras.Model, outputs: Sequence[str]) -> Training:
    """Return a training that fits the model's last activations."""
    made = [tensor._keras_history.operation for tensor in getattr(model, "outputs", None) or ()]
    made = made or model.layers[-1:]
    names = [getattr(getattr(layer, "activation", None), "__name__", "") for layer in made]
    losses: list[Objective] = [_LOSSES.get(name, "mean_squared_error") for name in names]
    return Training("adam", dict(zip(outputs, losses, strict=True)) if outputs else losses[0])


class _Objectives:
    def __init__(self, model: keras.Model, outputs: Sequence[str]) -> None:
        self.outputs = outputs
        struct = getattr(model, "_outputs_struct", None)
        own = list(struct) if isinstance(struct, dict) else getattr(model, "output_names", [])
        self.renamed = dict(zip(own, outputs, strict=False))
        self.describer = Describer("float32", _refuse_graph)

    def one(self, raw: Any, namespace: str) -> Objective:
        """Return an optimizer, loss or metric: Keras's string for it, or the object."""
        value = self.describer.value(raw)
        if isinstance(value, str) and catalogue().signature(namespace, value) is not None:
            return Component(value, namespace)
        if not isinstance(value, (str, Component)):
            raise TypeError(f"no objective: {raw}")
        if isinstance(value, Component) and value.namespace == "metrics":
            name = raw["config"].get("name")
            if name != snake_case(value):
                return replace(value, options={**(value.options or {}), "name": name})
        return value

    def losses(self, raw: Any) -> Any:
        made = self.per_output(raw, lambda value: None if value is None else self.one(value, "losses"))
        if isinstance(made, dict) or not self.outputs:
            return {name: made.get(name) for name in self.outputs} if isinstance(made, dict) else made
        return dict.fromkeys(self.outputs, made)

    def metrics(self, raw: Any) -> Any:
        """Return a list, or lists by output."""

        def several(value: Any) -> tuple[Objective, ...]:
            listed = value if isinstance(value, (list, tuple)) else [] if value is None else [value]
            return tuple(self.one(item, "metrics") for item in listed)

        if raw is None or not self.outputs:
            while isinstance(raw, (list, tuple)) and len(raw) == 1 and isinstance(raw[0], (list, tuple)):
                raw = raw[0]
            return several(raw)
        made = self.per_output(raw, several)
        return made if isinstance(made, dict) else dict.fromkeys(self.outputs, made)

    def per_output(self, raw: Any, make: Any) -> Any:
        """Return a map by the spec's names for a map or list by Keras's; else what `make` makes of it."""
        if isinstance(raw, dict) and "class_name" not in raw:
            if not self.outputs:
                return make(next(iter(raw.values())))
            return {self.renamed.get(name, name): make(value) for name, value in raw.items()}
        if isinstance(raw, (list, tuple)) and len(raw) == len(self.outputs) > 0:
            return {name: make(value) for name, value in zip(self.outputs, raw, strict=True)}
        if isinstance(raw, (list, tuple)) and len(raw) == 1 and not self.outputs:
            return make(raw[0])
        return make(raw)


def _refuse_graph(model: keras.Model) -> Graph:
    raise TypeError(f"a graph stands in the compile config: {model.name}")
