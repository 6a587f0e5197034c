"""Survey the installed Keras: every public object with its signature, as `spec/catalogue.json` keeps it.

`pytest tests/graph/test_survey.py --update-golden` writes the file anew.
"""

import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras
from keras.src import activations, constraints, initializers, losses, metrics, optimizers, regularizers

from kexp.custom import load_reference

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
_LAYER_KEYWORDS = ("activity_regularizer", "trainable", "dtype", "autocast", "name")
_OPTIMIZER_KEYWORDS = ("name",)
_METRIC_KEYWORDS = ("name", "dtype")


def survey(sources: Mapping[str, str]) -> dict[str, Any]:
    """Return the catalogue: `keras` version, `namespaces` of signatures, `identifiers` of strings.

    `sources` maps a data source's name to the `module:function` that reads it.
    """
    namespaces = {
        "layers": _classes(keras.layers, "layers", _LAYER_KEYWORDS),
        "applications": _applications(),
        "optimizers": _classes(keras.optimizers, "optimizers", _OPTIMIZER_KEYWORDS),
        "schedules": _classes(keras.optimizers.schedules, "schedules", ()),
        "losses": _classes(keras.losses, "losses", ()),
        "metrics": _classes(keras.metrics, "metrics", _METRIC_KEYWORDS),
        "callbacks": _classes(keras.callbacks, "callbacks", ()),
        "initializers": _classes(keras.initializers, "initializers", ()),
        "regularizers": _classes(keras.regularizers, "regularizers", ()),
        "constraints": _classes(keras.constraints, "constraints", ()),
        "sources": {name: _source(reference) for name, reference in sources.items()},
    }
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


def render(catalogue: dict[str, Any]) -> str:
    """Return the catalogue as JSON with one object a line, so that a diff shows what Keras changed."""
    lines = ["{", f'"keras": {json.dumps(catalogue["keras"])},', '"namespaces": {']
    names = list(catalogue["namespaces"])
    for namespace in names:
        entries = catalogue["namespaces"][namespace]
        rows = [f"  {json.dumps(name)}: {json.dumps(entry)}" for name, entry in sorted(entries.items())]
        comma = "" if namespace == names[-1] else ","
        lines += [f"{json.dumps(namespace)}: {{", ",\n".join(rows), "}" + comma]
    lines += ["},", f'"operations": {json.dumps(catalogue["operations"])},']
    lines += [f'"identifiers": {json.dumps(catalogue["identifiers"])}', "}"]
    return "\n".join(lines) + "\n"


def _classes(module: Any, namespace: str, keywords: Iterable[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    exported = {name: getattr(module, name) for name in sorted(dir(module)) if not name.startswith("_")}
    for name, value in exported.items():
        if not isinstance(value, type) or name in _BASES.get(namespace, ()):
            continue
        canonical = _canonical(exported, value)
        found[name] = {"alias": canonical} if name != canonical else _signature(value, keywords)
    return found


def _canonical(exported: dict[str, Any], value: Any) -> str:
    """Return the name that stands for all of an object's names: its own where Keras exports it."""
    own = str(value.__name__)
    if exported.get(own) is value:
        return own
    return next(name for name, other in exported.items() if other is value)


def _applications() -> dict[str, Any]:
    functions = inspect.getmembers(keras.applications, inspect.isfunction)
    return {name: {"params": _params(function), "doc": _first_line(function)} for name, function in functions}


def _source(reference: str) -> dict[str, Any]:
    function = load_reference(reference)
    parameters = list(inspect.signature(function).parameters.values())[1:]
    return {"params": [_param(p) for p in parameters], "doc": _first_line(function)}


def _signature(cls: Any, keywords: Iterable[str]) -> dict[str, Any]:
    signature = inspect.signature(cls.__init__)
    params = _params(cls.__init__)
    if any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values()):
        params += [[name, None] for name in keywords if name not in {p[0] for p in params}]
    entry: dict[str, Any] = {"params": params, "doc": _first_line(cls)}
    if issubclass(cls, keras.Layer) and cls is not keras.Layer:
        entry["call"] = _params(cls.call)
    return entry


def _params(function: Callable[..., Any]) -> list[list[Any]]:
    named = [p for p in inspect.signature(function).parameters.values() if p.name != "self"]
    return [_param(p) for p in named if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]


def _param(parameter: inspect.Parameter) -> list[Any]:
    if parameter.default is inspect.Parameter.empty:
        return [parameter.name]
    default = parameter.default
    return [parameter.name, default if _is_plain(default) else repr(default)]


def _is_plain(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, (bool, int, float, str))


def _first_line(value: object) -> str:
    return (inspect.getdoc(value) or "").split("\n\n")[0].replace("\n", " ").strip()[:160]


def _identifiers(module: Any) -> list[str]:
    return sorted({name for name in module.ALL_OBJECTS_DICT if isinstance(name, str)} - _ABSTRACT)
