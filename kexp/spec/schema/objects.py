"""Keras's objects -> JSON Schema: `Name`, `Name: first` and `Name: {argument: value}`, in each position."""

from kexp.spec.argument_types import Anything, ObjectOf
from kexp.spec.catalogue import Signature, catalogue
from kexp.spec.schema.arguments import (
    SPACES,
    describe,
    needs_arguments,
    option_properties,
    required_arguments,
    shared_arguments,
    signatures,
)
from kexp.spec.schema.parts import CUSTOM, FORMULA, JSON_TYPES, Schema, in_any_case, one_key, ref
from kexp.spec.schema.values import first_ref

_POSITIONS = {
    **{space: (space,) for space in SPACES if space != "applications"},
    "layers": ("layers", "applications"),
    "activations": ("layers",),
    "functions": (),
}
"""The namespaces of the objects that may stand in each position."""
_NEVER_MERGED = ("layers", "applications", "callbacks")
"""Objects of lists: a spec that extends another replaces these whole, and lays other objects over its."""


def object_definitions() -> dict[str, Schema]:
    """Return a definition for every object, and one for every position where objects stand."""
    objects = {f"{s.namespace}.{s.name}": _object(s) for space in SPACES for s in signatures(space).values()}
    return objects | {space: _position(space) for space in _POSITIONS} | shared_arguments()


def arguments_ref(signature: Signature) -> Schema:
    """Point at what may follow `Name:`."""
    return ref(f"{signature.namespace}.{signature.name}")


def _object(signature: Signature) -> Schema:
    """Describe what may follow `Name:`: arguments, the first one, or nothing."""
    must_be_complete = signature.namespace in _NEVER_MERGED
    arguments: Schema = {
        "type": "object",
        "properties": option_properties(signature),
        "additionalProperties": False,
        **(required_arguments(signature) if must_be_complete else {}),
    }
    first = signature.params[:1]
    alone = [first_ref(param.takes) for param in first]
    is_object = any(isinstance(form, ObjectOf | Anything) for param in first for form in param.type.forms)
    nothing = [] if needs_arguments(signature) else [{"type": "null"}]
    return {
        "title": signature.name,
        "description": describe(signature),
        "type": [*JSON_TYPES],
        "if": {"type": "object", "not": one_key(f"literal|{CUSTOM}")},
        "then": {"anyOf": [arguments, *alone]} if is_object else arguments,
        "else": {"anyOf": [*alone, *nothing]},
    }


# ---------------------------------------------------------------- positions


def _position(namespace: str) -> Schema:
    """Describe an object of a namespace: Keras's string, a formula, custom code, or `{Name: arguments}`."""
    known = catalogue()
    named = signatures(namespace) if namespace in SPACES else {}
    spaces = ("metrics", "losses") if namespace == "metrics" else (namespace,)
    strings = {text: None for space in spaces for text in known.identifiers(space) if text not in named}
    bare = [name for name, signature in named.items() if not needs_arguments(signature)]
    any_case = map(in_any_case, strings if namespace == "optimizers" else ())
    others = {
        "type": "string",
        "pattern": "|".join([FORMULA, *(f"^{each}$" for each in (CUSTOM, *bare, *any_case))]),
        "patternErrorMessage": f"this is none of Keras's {namespace}, and no `file.py:Name`",
    }
    words = [{"enum": [*strings]}] if strings else []
    return {"anyOf": [*words, others, {"type": "object"}], "allOf": [_object_map(namespace)]}


def _object_map(namespace: str) -> Schema:
    """Describe `{Name: arguments}`, and nothing but maps."""
    known = signatures(*_POSITIONS[namespace])
    return {
        "maxProperties": 1,
        "properties": {
            **{name: arguments_ref(signature) for name, signature in known.items()},
            **({"model": ref("nested")} if namespace == "layers" else {}),
        },
        "patternProperties": {f"^(literal|{CUSTOM})$": ref("custom")},
        "additionalProperties": namespace == "activations",
    }
