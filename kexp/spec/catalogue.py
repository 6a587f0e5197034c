"""What Keras and kexp offer, known without importing them: names, arguments, defaults, a line of doc."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

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
    name: str
    required: bool
    default: Any = None


@dataclass(frozen=True, slots=True)
class Signature:
    """`call` holds the parameters of a layer's `call`, without `self`; empty for everything else."""

    name: str
    namespace: str
    params: tuple[Param, ...]
    call: tuple[Param, ...] = ()
    doc: str = ""

    def param(self, name: str) -> Param | None:
        return next((p for p in self.params if p.name == name), None)

    def __str__(self) -> str:
        shown = [p.name if p.required else f"{p.name}={p.default!r}" for p in self.params]
        return f"{self.name}({', '.join(shown)})"


class Catalogue:
    """Signatures by namespace and name; aliases lead to the canonical one."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.keras_version: str = content["keras"]
        self._namespaces: Mapping[str, Mapping[str, Any]] = content["namespaces"]
        self._operations: list[str] = content.get("operations", [])
        self._identifiers: Mapping[str, list[str]] = content["identifiers"]

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
        if "alias" in entry:
            name = entry["alias"]
            entry = self._namespaces[namespace][name]
        return Signature(
            name, namespace, _params(entry["params"]), _params(entry.get("call", ())), entry.get("doc", "")
        )

    def find(self, name: str, namespaces: tuple[str, ...]) -> Signature | None:
        """Return the first signature called `name` in these namespaces."""
        found = (self.signature(namespace, name) for namespace in namespaces)
        return next((signature for signature in found if signature is not None), None)


def _params(entries: list[list[Any]]) -> tuple[Param, ...]:
    return tuple(Param(e[0], len(e) == 1, e[1] if len(e) > 1 else None) for e in entries)


@cache
def catalogue() -> Catalogue:
    """Return the catalogue that is checked in beside this module."""
    return Catalogue(json.loads(resources.files("kexp.spec").joinpath("catalogue.json").read_bytes()))
