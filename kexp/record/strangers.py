"""What an experiment from someone else could do to whoever runs it: code, and files outside its run."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from kexp.diagnostics import Diagnostic
from kexp.spec.namespaces import is_custom
from kexp.spec.types import Component, Data, Experiment

HARMLESS_SOURCES = ("keras", "sklearn", "synthetic")
"""Data that comes with a package under a fixed name, or is made up."""

_CODE_LAYERS = ("FlaxLayer", "JaxLayer", "Lambda", "TFSMLayer", "TorchModuleWrapper")
_SERIALIZED = "class_name"
"""What makes Keras take a map for an object that it imports."""


def code_and_files(experiment: Experiment) -> list[Diagnostic]:
    """Return what is refused of a model that someone else described; its data is `data_outside`'s."""
    faults: list[Diagnostic] = []
    for component, path in _components(_without_vocabularies(experiment), ""):
        faults += _faults(component, path)
    return list(dict.fromkeys(faults))


def data_outside(data: Data) -> list[Diagnostic]:
    """Return what is refused of data that someone else named."""
    if is_custom(data.source):
        return [_code(f"`{data.source}` is code of the run's own", "data.source")]
    if data.source in HARMLESS_SOURCES:
        return []
    return [
        Diagnostic(
            "untrusted-path",
            f"the source `{data.source}` reads what the run names, and the run is not yours",
            "data",
            help="`--data PATH` measures it on data of yours; `--trust` reads what the run names",
        )
    ]


def _without_vocabularies(experiment: Experiment) -> Experiment:
    """Leave out the files of vocabularies that a run has kept, and does not read again."""

    def kept(layer: Component) -> Component:
        options = layer.options or {}
        if not isinstance(options.get("vocabulary"), str):
            return layer
        return dataclasses.replace(layer, options={k: v for k, v in options.items() if k != "vocabulary"})

    pipelines = {
        name: dataclasses.replace(pipeline, layers=tuple(kept(layer) for layer in pipeline.layers))
        for name, pipeline in experiment.preprocess.items()
    }
    return dataclasses.replace(experiment, preprocess=pipelines, data=Data("synthetic"))


def _components(value: Any, path: str) -> Iterator[tuple[Component | Mapping[str, Any], str]]:
    """Yield every object and every map of values, with the path of the nearest object."""
    if isinstance(value, Mapping):
        yield value, path
        for item in value.values():
            yield from _components(item, path)
    elif isinstance(value, tuple):
        for item in value:
            yield from _components(item, path)
    elif dataclasses.is_dataclass(value):
        path = getattr(value, "path", "") or path
        if isinstance(value, Component):
            yield value, path
        for item in dataclasses.fields(value):
            if item.compare:
                yield from _components(getattr(value, item.name), path)


def _faults(part: Component | Mapping[str, Any], path: str) -> Iterator[Diagnostic]:
    if not isinstance(part, Component):
        if _SERIALIZED in part:
            yield _code(f"a map with `{_SERIALIZED}` lets Keras import a class", path)
        return
    if part.is_custom:
        yield _code(f"`{part.name}` is code of the run's own", path)
    elif part.name in _CODE_LAYERS:
        yield _code(f"`{part.name}` runs code that its arguments bring along", path)
    options = part.options or {}
    vocabulary = options.get("vocabulary")
    if not isinstance(vocabulary, tuple | None):
        yield _file(f"the vocabulary of `{part.name}` is a file", path)
    if part.namespace == "applications" and options.get("weights") not in (None, "imagenet"):
        yield _file(f"the weights of `{part.name}` are a file", path)


def _code(message: str, path: str) -> Diagnostic:
    help = "`--trust` runs it: only where you know who wrote the run, and have read its code"
    return Diagnostic("untrusted-code", f"{message}, and the run is not yours", path, help=help)


def _file(message: str, path: str) -> Diagnostic:
    help = "`--trust` reads it: only where you know who wrote the run"
    return Diagnostic("untrusted-path", f"{message}, and the run is not yours", path, help=help)
