"""Survey the installed Keras: every public object with its signature and docs, as `spec/*.json` keep them.

`pytest tests/graph/test_survey.py --update-golden` writes the files anew.
"""

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras
from keras.src import activations, constraints, initializers, losses, metrics, optimizers, regularizers

from kexp.custom import load_reference
from kexp.graph.survey_docs import doc_of
from kexp.graph.survey_types import takes, written

_MODULES = {
    "layers": keras.layers,
    "applications": keras.applications,
    "optimizers": keras.optimizers,
    "schedules": keras.optimizers.schedules,
    "losses": keras.losses,
    "metrics": keras.metrics,
    "callbacks": keras.callbacks,
    "initializers": keras.initializers,
    "regularizers": keras.regularizers,
    "constraints": keras.constraints,
}
_BASES = {
    "layers": {"Layer", "InputSpec", "InputLayer"},
    "optimizers": {"Optimizer"},
    "losses": {"Loss"},
    "metrics": {"Metric"},
    "schedules": {"LearningRateSchedule"},
    "callbacks": {"Callback", "CallbackList", "History", "ProgbarLogger"},
    "initializers": {"Initializer"},
    "regularizers": {"Regularizer"},
    "constraints": {"Constraint"},
}
_ABSTRACT = {
    *("optimizer", "optimizermap", "Loss", "LossFunctionWrapper", "Metric", "metric", "MeanMetricWrapper"),
    *("mean_metric_wrapper", "Initializer", "initializer", "Constraint", "constraint", "Regularizer"),
    "regularizer",
}
_HANDED_ON = {
    "AdditiveAttention": ("seed",),
    "BaseConv": ("lora_rank", "lora_alpha"),
    "BaseImagePreprocessingLayer": ("bounding_box_format", "data_format"),
    "Embedding": ("weights", "lora_rank", "lora_alpha"),
    "RNN": ("unroll", "zero_output_for_mask"),
    "Layer": ("activity_regularizer", "trainable", "dtype", "autocast", "name"),
    "BaseOptimizer": ("name",),
    "Metric": ("name", "dtype"),
}
"""What a class, or one that it inherits from, takes by `**kwargs`; the base's own defaults hold."""
_NOT_HANDED_ON = {
    "ActivityRegularization": {"activity_regularizer"},
    "IntegerLookup": {"activity_regularizer", "autocast"},
    "StringLookup": {"activity_regularizer", "autocast"},
}
"""What a class sets itself, or refuses."""


@dataclass(frozen=True, slots=True)
class Found:
    """An object's name; either an alias of another name, or the object with its parameters."""

    namespace: str
    name: str
    value: Any
    params: tuple[inspect.Parameter, ...] = ()
    call: tuple[inspect.Parameter, ...] = ()
    alias: str | None = None


def survey(sources: Mapping[str, str]) -> dict[str, Any]:
    """Return the catalogue: `keras` version, `namespaces` of signatures, `identifiers` of strings.

    `sources` maps a data source's name to the `module:function` that reads it.
    """
    namespaces: dict[str, dict[str, Any]] = {}
    for found in _objects(sources):
        namespaces.setdefault(found.namespace, {})[found.name] = _entry(found)
    return {
        "keras": keras.__version__,
        "namespaces": namespaces,
        "operations": sorted(name for name, _ in inspect.getmembers(keras.ops, inspect.isfunction)),
        "identifiers": {
            "activations": _identifiers(activations),
            "constraints": _identifiers(constraints),
            "initializers": _identifiers(initializers),
            "losses": _identifiers(losses),
            "metrics": sorted({*_identifiers(metrics), "accuracy", "acc", "crossentropy", "ce"}),
            "optimizers": _identifiers(optimizers),
            "regularizers": _identifiers(regularizers),
        },
    }


def survey_docs(sources: Mapping[str, str]) -> dict[str, Any]:
    """Return what every object and each of its arguments is for, by namespace and name."""
    found: dict[str, dict[str, Any]] = {}
    for item in _objects(sources):
        if item.alias is None:
            names = [p.name for p in item.params], [p.name for p in item.call]
            found.setdefault(item.namespace, {})[item.name] = doc_of(item.value, *names)
    return found


def render(catalogue: dict[str, Any]) -> str:
    """Return the catalogue as JSON with one object a line, so that a diff shows what Keras changed."""
    namespaces = render_docs(catalogue["namespaces"]).rstrip()
    return (
        f'{{\n"keras": {json.dumps(catalogue["keras"])},\n"namespaces": {namespaces},\n'
        f'"operations": {json.dumps(catalogue["operations"])},\n'
        f'"identifiers": {json.dumps(catalogue["identifiers"])}\n}}\n'
    )


def render_docs(namespaces: dict[str, Any]) -> str:
    parts = []
    for namespace, entries in namespaces.items():
        rows = [f"  {json.dumps(name)}: {json.dumps(entry)}" for name, entry in sorted(entries.items())]
        parts.append(f"{json.dumps(namespace)}: {{\n" + ",\n".join(rows) + "\n}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


# ---------------------------------------------------------------- what there is


def _objects(sources: Mapping[str, str]) -> Iterator[Found]:
    for namespace, module in _MODULES.items():
        yield from _functions(module) if namespace == "applications" else _classes(module, namespace)
    for name, reference in sources.items():
        function = load_reference(reference)
        yield Found("sources", name, function, _named(function)[1:])


def _functions(module: Any) -> Iterator[Found]:
    for name, function in inspect.getmembers(module, inspect.isfunction):
        yield Found("applications", name, function, _named(function))


def _classes(module: Any, namespace: str) -> Iterator[Found]:
    exported = {name: getattr(module, name) for name in sorted(dir(module)) if not name.startswith("_")}
    for name, value in exported.items():
        if not isinstance(value, type) or name in _BASES.get(namespace, ()):
            continue
        canonical = _canonical(exported, value)
        if name != canonical:
            yield Found(namespace, name, value, alias=canonical)
        else:
            call = _named(value.call) if namespace == "layers" else ()  # type: ignore[attr-defined]
            yield Found(namespace, name, value, _constructor(value), call)


def _canonical(exported: dict[str, Any], value: Any) -> str:
    """Return the name that stands for all of an object's names: its own where Keras exports it."""
    own = str(value.__name__)
    if exported.get(own) is value:
        return own
    return next(name for name, other in exported.items() if other is value)


def _constructor(cls: Any) -> tuple[inspect.Parameter, ...]:
    params = _named(cls.__init__)
    if all(p.kind is not p.VAR_KEYWORD for p in inspect.signature(cls.__init__).parameters.values()):
        return params
    known = {p.name for p in params} | _NOT_HANDED_ON.get(cls.__name__, set())
    inherited = (name for base in cls.__mro__ for name in _HANDED_ON.get(base.__name__, ()))
    more = dict.fromkeys(name for name in inherited if name not in known)
    return (*params, *(inspect.Parameter(k, inspect.Parameter.KEYWORD_ONLY, default=None) for k in more))


def _named(function: Callable[..., Any]) -> tuple[inspect.Parameter, ...]:
    parameters = inspect.signature(function).parameters.values()
    return tuple(
        p for p in parameters if p.name != "self" and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    )


# ---------------------------------------------------------------- as the catalogue keeps it


def _entry(found: Found) -> dict[str, Any]:
    if found.alias is not None:
        return {"alias": found.alias}
    own = found.namespace == "sources"
    types = [written(p.annotation) if own else takes(found.name, p) for p in found.params]
    rows = [[p.name, text, *_default(p)] for p, text in zip(found.params, types, strict=True)]
    call = [[p.name, "any", *_default(p)] for p in found.call]
    return {"params": rows, "call": call} if found.namespace == "layers" else {"params": rows}


def _default(parameter: inspect.Parameter) -> list[Any]:
    if parameter.default is inspect.Parameter.empty:
        return []
    return [parameter.default if _is_plain(parameter.default) else repr(parameter.default)]


def _is_plain(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, (bool, int, float, str))


def _identifiers(module: Any) -> list[str]:
    return sorted({name for name in module.ALL_OBJECTS_DICT if isinstance(name, str)} - _ABSTRACT)
