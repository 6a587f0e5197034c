"""The manifest's types -> its JSON Schema, so that the two cannot differ."""

from collections.abc import Mapping
from types import UnionType
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

from kexp.record.manifest import Backend, Manifest

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_OPEN = (Backend,)
_PLAIN: Mapping[Any, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    type(None): "null",
}


def manifest_schema() -> dict[str, Any]:
    """Return the schema of `manifest.json`."""
    return schema_of(Manifest, "manifest.json of a kexp run")


def schema_of(kind: Any, title: str) -> dict[str, Any]:
    """Return the schema of a map that a TypedDict describes.

    Raises: TypeError, for a type that no schema is known for.
    """
    found: dict[str, Any] = {}
    root = _described(kind, found)
    return {"$schema": _DIALECT, "title": title, **root, "$defs": found}


def _described(kind: Any, found: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a map with known keys; those inside it are added to `found`."""
    hints = get_type_hints(kind, include_extras=True)
    return {
        "type": "object",
        "description": " ".join((kind.__doc__ or "").split()),
        "properties": {name: _schema(hint, found) for name, hint in hints.items()},
        "required": sorted(kind.__required_keys__),
        "additionalProperties": kind in _OPEN,
    }


def _schema(hint: Any, found: dict[str, Any]) -> dict[str, Any]:
    if is_typeddict(hint):
        if hint.__name__ not in found:
            found[hint.__name__] = {}
            found[hint.__name__] = _described(hint, found)
        return {"$ref": f"#/$defs/{hint.__name__}"}
    if hint is Any:
        return {}
    if hint in _PLAIN:
        return {"type": _PLAIN[hint]}
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return {"enum": [*arguments]}
    if origin is NotRequired:
        return _schema(arguments[0], found)
    if origin is list:
        return {"type": "array", "items": _schema(arguments[0], found)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(arguments[1], found)}
    if origin in (Union, UnionType):
        return {"anyOf": [_schema(each, found) for each in arguments]}
    raise TypeError(f"no JSON Schema is known for {hint!r}")
