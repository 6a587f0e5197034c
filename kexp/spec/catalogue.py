"""What Keras and kexp offer, known without importing them: names, arguments, types, defaults and docs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from kexp.spec.argument_types import Type
from kexp.spec.type_notation import parse_type

NAMESPACES = (
    "layers",
    "applications",
    "optimizers",
    "schedules",
    "losses",
    "metrics",
    "callbacks",
    "initializers",
    "regularizers",
    "constraints",
    "sources",
)


@dataclass(frozen=True, slots=True)
class Param:
    """`takes` is the type as the catalogue writes it."""

    name: str
    required: bool
    default: Any = None
    takes: str = "any"

    @property
    def type(self) -> Type:
        return parse_type(self.takes)


@dataclass(frozen=True, slots=True)
class Signature:
    """`call` holds the parameters of a layer's `call`, without `self`; empty for everything else."""

    name: str
    namespace: str
    params: tuple[Param, ...]
    call: tuple[Param, ...] = ()

    def param(self, name: str) -> Param | None:
        return next((p for p in self.params if p.name == name), None)

    def __str__(self) -> str:
        shown = [p.name if p.required else f"{p.name}={p.default!r}" for p in self.params]
        return f"{self.name}({', '.join(shown)})"


@dataclass(frozen=True, slots=True)
class Doc:
    """What an object is for, in a paragraph, with a line for each argument and each of a layer's call."""

    text: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    call: Mapping[str, str] = field(default_factory=dict)


class Catalogue:
    """Signatures by namespace and name; aliases lead to the canonical one."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.keras_version: str = content["keras"]
        self._namespaces: Mapping[str, Mapping[str, Any]] = content["namespaces"]
        self._operations: list[str] = content.get("operations", [])
        self._identifiers: Mapping[str, list[str]] = content["identifiers"]
        self._signatures: dict[tuple[str, str], Signature] = {}

    @property
    def operations(self) -> list[str]:
        """The names of the functions of `keras.ops`."""
        return self._operations

    def names(self, namespace: str) -> list[str]:
        return list(self._namespaces[namespace])

    def identifiers(self, namespace: str) -> list[str]:
        """Return the strings that Keras accepts for an object of this namespace, such as `adam`."""
        return self._identifiers.get(namespace, [])

    def signature(self, namespace: str, name: str) -> Signature | None:
        entry = self._namespaces.get(namespace, {}).get(name)
        if entry is None:
            return None
        name = entry.get("alias", name)
        if (namespace, name) not in self._signatures:
            entry = self._namespaces[namespace][name]
            made = Signature(name, namespace, _params(entry["params"]), _params(entry.get("call", ())))
            self._signatures[namespace, name] = made
        return self._signatures[namespace, name]

    def find(self, name: str, namespaces: tuple[str, ...]) -> Signature | None:
        """Return the first signature called `name` in these namespaces."""
        found = (self.signature(namespace, name) for namespace in namespaces)
        return next((signature for signature in found if signature is not None), None)


def _params(entries: list[list[Any]]) -> tuple[Param, ...]:
    """Read `[name, type]` and `[name, type, default]`."""
    return tuple(Param(e[0], len(e) == 2, e[2] if len(e) > 2 else None, e[1]) for e in entries)


@cache
def catalogue() -> Catalogue:
    """Return the catalogue that is checked in beside this module."""
    return Catalogue(_content("catalogue.json"))


@cache
def docs() -> Mapping[tuple[str, str], Doc]:
    """Return what every object is for, by namespace and canonical name; read only by those who show it."""
    return {
        (namespace, name): Doc(entry["text"], entry.get("arguments", {}), entry.get("call", {}))
        for namespace, entries in _content("docs.json").items()
        for name, entry in entries.items()
    }


def _content(file: str) -> Any:
    return json.loads(Path(__file__).with_name(file).read_bytes())
