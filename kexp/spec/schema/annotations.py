"""Annotations of `spec.types` -> JSON Schema, as `spec.reader` reads by them."""

import dataclasses
import types
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from kexp.spec.schema.docs import key_doc
from kexp.spec.schema.parts import (
    CUSTOM,
    TEXT,
    Schema,
    closed_map,
    formula_or,
    nullable,
    one_key,
    ref,
    words_or_formula,
)
from kexp.spec.types import (
    Arguments,
    Best,
    Block,
    Data,
    Duration,
    ModelOrClass,
    Named,
    NamedList,
    OneOrMany,
    PerOutput,
    Pipeline,
    Promise,
    Within,
)

_KNOWN: dict[Any, Schema] = {
    bool: formula_or("boolean"),
    int: formula_or("integer"),
    float: formula_or("number"),
    str: TEXT,
    Data: ref("data"),
    Duration: {
        "type": "string",
        "pattern": r"^[1-9][0-9]* (step|epoch|second|minute|hour)s?$|\$",
        "patternErrorMessage": "a number and a unit are expected here, such as `500 steps` or `1 epoch`",
    },
    Pipeline: ref("pipeline"),
    tuple[Promise, ...]: formula_or("object", additionalProperties=ref("promise")),
    Mapping[str, Block]: ref("blocks"),
}


def section(cls: type[Any]) -> Schema:
    """Describe a map whose keys are the fields of a dataclass."""
    return closed_map(fields(cls))


def fields(cls: type[Any]) -> dict[str, Schema]:
    """Return the schema of every key of a section: a field that is no key says nothing."""
    hints = get_type_hints(cls, include_extras=True)
    docs = ((field, key_doc(cls, field.name)) for field in dataclasses.fields(cls))
    return {
        field.name: {**_described(field, doc), **schema_of(hints[field.name])} for field, doc in docs if doc
    }


def _described(field: "dataclasses.Field[Any]", doc: str) -> Schema:
    """Say what a key is for, and what holds when it is left out."""
    known: Schema = {"description": doc}
    if isinstance(field.default, (bool, int, float, str)) and field.default != "":
        known["default"] = field.default
    return known


def schema_of(hint: Any) -> Schema:
    """Describe what a key takes, by its annotation."""
    if hint in _KNOWN:
        return _KNOWN[hint]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _marked(arguments[0], arguments[1])
    if origin in (Union, types.UnionType):
        return _union(arguments)
    if origin is Literal:
        return words_or_formula(arguments)
    if origin is tuple:
        return formula_or("array", items=schema_of(arguments[0]))
    if origin is not None and issubclass(origin, Mapping):
        return formula_or("object", additionalProperties=schema_of(arguments[1]))
    return _best() if hint is Best else section(hint)


def _best() -> Schema:
    """Describe what is watched: its bare name, or a map."""
    return {key: rule for key, rule in section(Best).items() if not key.startswith("pattern")}


def _union(arguments: tuple[Any, ...]) -> Schema:
    options = [a for a in arguments if a is not types.NoneType]
    schema = schema_of(float if set(options) == {int, float} else options[0])
    return nullable(schema) if len(options) < len(arguments) else schema


def _marked(hint: Any, marker: Any) -> Schema:
    match marker:
        case Within(least=least, most=most, exclusive=exclusive):
            low = {"exclusiveMinimum" if exclusive else "minimum": least}
            return schema_of(hint) | low | ({} if most is None else {"maximum": most})
        case Named(namespace=namespace):
            return ref(namespace)
        case OneOrMany(namespace=namespace):
            return one_or_many(namespace)
        case NamedList(namespace=namespace):
            return formula_or("array", items=ref(namespace))
        case PerOutput():
            return _per_output(marker)
        case Arguments():
            return formula_or("object", additionalProperties=ref("value"))
        case ModelOrClass():
            return ref("model")
    return schema_of(hint)


def one_or_many(namespace: str) -> Schema:
    """Describe one object, or a list of them."""
    return {"anyOf": [ref(namespace), {"type": "array"}], "minItems": 1, "items": ref(namespace)}


def _per_output(marker: PerOutput) -> Schema:
    """Describe one object or many, or a map of them by output; one capital key is an object's name."""
    one = ref(marker.namespace)
    several = {**one_or_many(marker.namespace), "minItems": 0} if marker.many else {"anyOf": [one]}
    return {
        **several,
        "anyOf": [*several["anyOf"], {"type": "object"}],
        "if": one_key(f"[A-Z].*|{CUSTOM}"),
        "then": one,
        "else": {"additionalProperties": nullable(several)},
    }
