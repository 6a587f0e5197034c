"""Arguments of Keras's objects -> JSON Schema; those that many objects have alike stand once."""

import json
from collections import Counter
from functools import cache
from typing import Any

from kexp.spec.catalogue import NAMESPACES, Doc, Param, Signature, catalogue, docs
from kexp.spec.schema.parts import Schema, ref
from kexp.spec.schema.values import type_ref

SPACES = tuple(space for space in NAMESPACES if space != "sources")
"""The namespaces of objects."""
_MANY = 3


def signatures(*namespaces: str) -> dict[str, Signature]:
    """Return the signatures of namespaces by their names, aliases too."""
    known = catalogue()
    found = ((name, known.signature(space, name)) for space in namespaces for name in known.names(space))
    return {name: signature for name, signature in found if signature is not None}


def needs_arguments(signature: Signature) -> bool:
    return any(param.required for param in signature.params)


def describe(signature: Signature) -> str:
    """Say what an object is for, and its arguments."""
    listed = ", ".join(param.name for param in signature.params)
    return f"{_doc(signature).text}\n{f'Arguments: {listed}.' if listed else 'It takes no arguments.'}"


def required_arguments(signature: Signature) -> dict[str, list[str]]:
    """Return draft-07's `required`, which not all readers take when it is empty."""
    names = [param.name for param in signature.params if param.required]
    return {"required": names} if names else {}


def option_properties(signature: Signature) -> dict[str, Schema]:
    """Return the schema of every argument by its name."""
    return {name: _shared(name, schema) for name, schema in _arguments(signature).items()}


def described_options(source: Signature) -> dict[str, Schema]:
    """Return what there is to say of a data source's options; it checks their values itself."""
    return {
        name: {key: value for key, value in schema.items() if key != "$ref"}
        for name, schema in _arguments(source).items()
    }


def _shared(name: str, schema: Schema) -> Schema:
    known = _common().get((name, _written(schema)))
    return schema if known is None else ref(known)


def shared_arguments() -> dict[str, Schema]:
    """Return the definitions of the arguments that many objects have."""
    return {name: json.loads(written) for (_, written), name in _common().items()}


@cache
def _common() -> dict[tuple[str, str], str]:
    """Return the name of its definition for an argument and its schema, where many objects have both."""
    canonical = {(s.namespace, s.name): s for s in signatures(*SPACES).values()}
    uses = Counter(
        (name, _written(schema)) for s in canonical.values() for name, schema in _arguments(s).items()
    )
    names: dict[tuple[str, str], str] = {}
    numbers: Counter[str] = Counter()
    for (name, written), number in uses.items():
        if number >= _MANY:
            numbers[name] += 1
            names[name, written] = f"argument.{name}.{numbers[name]}"
    return names


def _written(schema: Schema) -> str:
    return json.dumps(schema)


def _arguments(signature: Signature) -> dict[str, Schema]:
    words = _doc(signature).arguments
    return {param.name: _argument(param, words.get(param.name, "")) for param in signature.params}


def _argument(param: Param, words: str) -> Schema:
    """Describe one argument; its default stands in the text, too, since editors show no other."""
    kind = [] if param.type.is_anything else [f"{str(param.type)[0].upper()}{str(param.type)[1:]}."]
    default = "Required." if param.required else f"Default: {_yaml(param.default)}."
    lines = [words, " ".join([*kind, default])]
    known: dict[str, Any] = {"description": "\n".join(line for line in lines if line)}
    if param.default is not None:
        known["default"] = param.default
    return {**type_ref(param.takes), **known}


def _yaml(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _doc(signature: Signature) -> Doc:
    return docs()[signature.namespace, signature.name]
