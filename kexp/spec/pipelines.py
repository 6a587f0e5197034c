"""The sections `preprocess` and `augment`: layers by the names of inputs and targets."""

from collections.abc import Mapping
from typing import Any

from kexp.document import Entries, Items, Scalar
from kexp.spec.components import read_component
from kexp.spec.reader import Cursor, Unreadable, complain_of_key, describe, read, read_each
from kexp.spec.types import Component, Data, Experiment, Pipeline

_KEYS = ("from", "layers")
ENCODERS = (
    *("TextVectorization", "StringLookup", "IntegerLookup", "Discretization"),
    *("Hashing", "HashedCrossing", "CategoryEncoding"),
)
"""Layers that number what they take; `$(vocabulary_size(…))` is how many numbers there are."""

# ---------------------------------------------------------------- reading


def read_pipeline(cursor: Cursor, hint: Any) -> Pipeline:
    """Read `[layers]`, one layer, or `{from: NAMES, layers: …}`."""
    node = cursor.node
    if not isinstance(node, Entries) or not any(node.key(key) is not None for key in _KEYS):
        return Pipeline(read_layers(cursor, hint))
    entries = {name: child for name, child, _ in cursor.entries(f"`{cursor.path}`")}
    for name, _, key in cursor.entries(f"`{cursor.path}`"):
        if name not in _KEYS:
            complain_of_key(cursor, key, list(_KEYS), f"`{cursor.path}`")
            raise Unreadable
    if "layers" not in entries:
        message = f"`{cursor.path}` has no `layers`"
        raise cursor.refuse("missing-key", message, cursor.key, help="add `layers:`")
    takes = _read_names(entries["from"]) if "from" in entries else ()
    return Pipeline(read_layers(entries["layers"], hint), takes)


def read_layers(cursor: Cursor, hint: Any) -> tuple[Component, ...]:
    """Read what `Annotated[..., OneOrMany("layers")]` describes: one layer, or a list of them."""
    node = cursor.node
    if isinstance(node, Items) and node.items:
        items = cursor.items(f"`{cursor.path}`")
        return tuple(read_each(items, lambda item: read_component(item, "layers")))
    if isinstance(node, Items) or (isinstance(node, Scalar) and node.value is None):
        message = f"`{cursor.path}` must be a layer or a list of layers, found {describe(node)}"
        raise cursor.refuse("no-layers", message if isinstance(node, Scalar) else f"`{cursor.path}` is empty")
    return (read_component(cursor, "layers"),)


def _read_names(cursor: Cursor) -> tuple[str, ...]:
    if not isinstance(cursor.node, Items):
        return (read(cursor, str),)
    names: tuple[str, ...] = read(cursor, tuple[str, ...])
    if not names:
        raise cursor.refuse("wrong-type", "`from` is empty; it names one column or more")
    return names


def augmented_names(key: str) -> tuple[str, ...]:
    """Return the names in a key of `augment`, such as `image, mask`."""
    return tuple(name.strip() for name in key.split(","))


# ---------------------------------------------------------------- what names mean


def is_entry(name: str, entry: str, preprocess: Mapping[str, Pipeline]) -> bool:
    """Tell whether a name that `entry` takes is another entry with a `from`, and not a column of the data."""
    return name in preprocess and name != entry and bool(preprocess[name].takes)


def taken_names(entry: str, preprocess: Mapping[str, Pipeline]) -> tuple[str, ...]:
    """Return what an entry takes: columns of the data, or other entries."""
    return preprocess[entry].takes or (entry,)


def columns_taken(entry: str, preprocess: Mapping[str, Pipeline]) -> tuple[str, ...]:
    """Return the columns of the data that an entry is made of, through other entries too."""
    found: dict[str, None] = {}
    seen = {entry}
    waiting = [(entry, name) for name in reversed(taken_names(entry, preprocess))]
    while waiting:
        taker, name = waiting.pop()
        if not is_entry(name, taker, preprocess):
            found[name] = None
        elif name not in seen:
            seen.add(name)
            waiting += [(name, other) for other in reversed(taken_names(name, preprocess))]
    return tuple(found)


def column_places(experiment: Experiment) -> dict[str, str]:
    """Return the columns of the data that the spec names, each with the key that does."""
    ports = experiment.graph.inputs or () if experiment.graph else ()
    preprocess = experiment.preprocess
    places = {p.column: f"model.inputs.{p.name}" for p in ports if p.column not in preprocess}
    targets = _target_names(experiment.data)
    for entry in preprocess:
        for name in taken_names(entry, preprocess):
            if not is_entry(name, entry, preprocess) and name not in targets:
                places.setdefault(name, f"preprocess.{entry}")
    return places


def _target_names(data: Data) -> set[str]:
    """Return what the data's targets may be called; a column's number stands where it has no name."""
    named = data.options.get("target", "target")
    names = named if isinstance(named, tuple) else (named,)
    return {text for name in names for text in (str(name), f"column_{name}")}
