"""What an experiment refers to, files, custom code and values: found, and pointed elsewhere."""

import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from kexp.spec.components import is_custom
from kexp.spec.types import Component, Data, Experiment, Formula, Step, Value, Weights

_Part = TypeVar("_Part")

DATA_PATHS = ("path", "train", "val", "test", "table", "masks")
"""The options of data sources that are files or folders, or maps of them."""


def with_data_files(data: Data, relocate: Callable[[str], str]) -> Data:
    """Return the data with every file and folder replaced by `relocate(path)`."""

    def moved(value: Value) -> Value:
        if isinstance(value, Mapping):
            return {key: moved(item) for key, item in value.items()}
        return relocate(value) if isinstance(value, str) else value

    options = {key: moved(value) if key in DATA_PATHS else value for key, value in data.options.items()}
    return dataclasses.replace(data, options=options)


def formulas(value: Any) -> Iterator[Formula]:
    """Yield every formula in an experiment, or in a part of one."""
    return _found(value, Formula)


def adapts(experiment: Experiment) -> bool:
    """Say whether a layer of the model learns from the training split before it is trained."""
    return any(step.adapt for step in _found(experiment, Step))


def _found(value: Any, kind: type[_Part]) -> Iterator[_Part]:
    """Yield every part of one kind, wherever it stands."""
    if isinstance(value, kind):
        yield value
    if isinstance(value, Mapping):
        yield from _found(tuple(value.values()), kind)
    elif isinstance(value, tuple):
        for item in value:
            yield from _found(item, kind)
    elif dataclasses.is_dataclass(value):
        inner = (getattr(value, f.name) for f in dataclasses.fields(value) if f.compare)
        yield from _found(tuple(inner), kind)


def custom_names(experiment: Experiment) -> list[str]:
    """Return every `file.py:Name` and `module:Name`, each once."""
    return _noted(experiment, with_custom_names)


def with_custom_names(experiment: Experiment, rename: Callable[[str], str]) -> Experiment:
    """Return the experiment with every custom name replaced by `rename(name)`."""
    result: Experiment = _mapped(experiment, rename, lambda path: path)
    return result


def with_weight_files(experiment: Experiment, relocate: Callable[[str], str]) -> Experiment:
    """Return the experiment with the files that layers start from, weights and vocabularies, relocated."""
    result: Experiment = _mapped(experiment, lambda name: name, relocate)
    return result


def at_home(experiment: Experiment) -> Experiment:
    """Return the experiment with `~` replaced in the paths of its files, as a shell would have."""

    expanded = os.path.expanduser  # `Path.expanduser` refuses homes that it does not know
    data = with_data_files(experiment.data, expanded)
    return with_weight_files(dataclasses.replace(experiment, data=data), expanded)


def weight_files(experiment: Experiment) -> list[str]:
    """Return every file of weights or of a vocabulary, each once."""
    return _noted(experiment, with_weight_files)


def _noted(
    experiment: Experiment, replaced: Callable[[Experiment, Callable[[str], str]], Experiment]
) -> list[str]:
    """Return what one of the replacements would replace."""
    found: dict[str, None] = {}

    def note(name: str) -> str:
        found[name] = None
        return name

    replaced(experiment, note)
    return list(found)


def _mapped(value: Any, rename: Callable[[str], str], relocate: Callable[[str], str]) -> Any:
    if isinstance(value, tuple):
        return tuple(_mapped(item, rename, relocate) for item in value)
    if isinstance(value, Mapping):
        return {key: _mapped(item, rename, relocate) for key, item in value.items()}
    if isinstance(value, Weights):
        return dataclasses.replace(value, source=relocate(value.source))
    if not dataclasses.is_dataclass(value):
        return value
    changes = {
        field.name: _mapped(getattr(value, field.name), rename, relocate)
        for field in dataclasses.fields(value)
        if field.compare
    }
    if isinstance(value, Component) and value.is_custom:
        changes["name"] = rename(value.name)
    if isinstance(value, Data) and is_custom(value.source):
        changes["source"] = rename(value.source)
    if isinstance(value, Component) and (file := vocabulary_file(value)) is not None:
        changes["options"] = {**changes["options"], "vocabulary": relocate(file)}
    return dataclasses.replace(value, **changes)


def vocabulary_file(component: Component) -> str | None:
    """Return the file that a layer of Keras's reads its vocabulary from."""
    file = (component.options or {}).get("vocabulary")
    return file if isinstance(file, str) and not component.is_custom else None
