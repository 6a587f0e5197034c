"""Types of arguments -> JSON Schema, with the formulas and custom code that may stand for values."""

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache

from kexp.spec.argument_types import (
    DTYPES,
    Choice,
    DType,
    Flag,
    ListOf,
    MapOf,
    Number,
    ObjectOf,
    Range,
    Text,
    Type,
)
from kexp.spec.catalogue import NAMESPACES, catalogue
from kexp.spec.schema.parts import CUSTOM, FORMULA, JSON_TYPES, Schema, in_any_case, one_value, ref
from kexp.spec.type_notation import parse_type


def type_ref(takes: str) -> Schema:
    """Point at the definition of an argument's type."""
    return ref("value.any" if parse_type(takes).is_anything else _type_names()[takes])


def type_definitions() -> dict[str, Schema]:
    """Return the definition of every type that the catalogue knows."""
    kinds = {name: parse_type(takes) for takes, name in _type_names().items()}
    known = {name: type_schema(kind) for name, kind in kinds.items() if not kind.is_anything}
    anything: Schema = {"type": [*JSON_TYPES]}
    return {"value.any": anything, "first.any": anything | one_value("model", "[A-Z].*"), **known}


@cache
def _type_names() -> dict[str, str]:
    """Return a name for every type, by how the catalogue writes it."""
    known = catalogue()
    signatures = (known.signature(space, name) for space in NAMESPACES for name in known.names(space))
    written = {param.takes for signature in signatures if signature for param in signature.params}
    names: dict[str, str] = {}
    slugs: Counter[str] = Counter()
    for takes in sorted(written):
        slug = re.sub(r"[^a-z0-9]+", "-", takes.lower()).strip("-")
        slugs[slug] += 1
        names[takes] = f"value.{slug}" + (f".{slugs[slug]}" if slugs[slug] > 1 else "")
    return names


def type_schema(kind: Type) -> Schema:
    """Describe what an argument may be."""
    if kind.is_anything:
        return {}
    return _union(kind, maps=True)


def first_ref(takes: str) -> Schema:
    """Point at what may follow `Name:` as the first argument; a map there holds arguments."""
    kind = parse_type(takes)
    if any(isinstance(form, MapOf) for form in kind.forms):
        return _union(kind, maps=False)
    return ref("first.any") if kind.is_anything else type_ref(takes)


def _union(kind: Type, maps: bool) -> Schema:
    words = [word for form in kind.forms if isinstance(form, Choice) for word in form.words]
    words += DTYPES if DType() in kind.forms else ()
    objects = [ref(form.namespace) for form in kind.forms if isinstance(form, ObjectOf)]
    plain = _plain(kind, maps)
    if not objects:
        plain = _with_stand_ins(plain, kind)
    named = [{"enum": [*dict.fromkeys(words)]}] if words else []
    found = [*named, *objects, *([plain] if plain["type"] else [])]
    return found[0] if len(found) == 1 else {"anyOf": found}


def _plain(kind: Type, maps: bool) -> Schema:
    """Describe all forms but words and objects at once: a keyword binds values of its own JSON type only."""
    types: dict[str, None] = {}
    keywords: Schema = {}
    numbers = [form for form in kind.forms if isinstance(form, Number)]
    is_bounded = len(numbers) == 1 and Flag() not in kind.forms
    for form in kind.forms:
        match form:
            case Number():
                types["integer" if is_bounded and form.kind == "whole" else "number"] = None
                keywords |= _bounds(form.range) if is_bounded else {}
            case Flag():
                types |= {"boolean": None, "number": None}
                keywords |= {} if numbers else {"minimum": 0, "maximum": 1}
            case ListOf():
                types["array"] = None
                keywords |= _items(form)
            case MapOf(item=item) if maps:
                types["object"] = None
                keywords["additionalProperties"] = type_schema(item)
            case Text():
                types["string"] = None
    return {"type": [*types, *["null"] * kind.nullable], **keywords}


def _with_stand_ins(plain: Schema, kind: Type) -> Schema:
    """Let formulas, custom code and `{literal: …}` stand for a value that is no object."""
    types: list[str] = plain["type"]
    schema = {**plain}
    if "string" not in types:
        schema["pattern"] = "|".join([FORMULA, f"^{CUSTOM}$", *_more_words(kind)])
        schema["patternErrorMessage"] = f"{kind} is expected here, or a formula such as `$name`"
    if "object" not in types:
        schema |= one_value()
    return {**schema, "type": [*dict.fromkeys((*types, "string", "object"))]}


def _more_words(kind: Type) -> Iterator[str]:
    """Yield the patterns of words that no list holds."""
    for form in kind.forms:
        if isinstance(form, Choice) and form.any_case:
            yield from (f"^{in_any_case(word)}$" for word in form.words)
        elif isinstance(form, DType):
            yield "_from_"


def _bounds(numbers: Range) -> Schema:
    low = "exclusiveMinimum" if numbers.open_below else "minimum"
    high = "exclusiveMaximum" if numbers.open_above else "maximum"
    ends = {low: numbers.least, high: numbers.most}
    return {keyword: end for keyword, end in ends.items() if end is not None}


def _items(form: ListOf) -> Schema:
    lengths = {"minItems": form.least or None, "maxItems": form.most}
    return {"items": type_schema(form.item), **{k: v for k, v in lengths.items() if v is not None}}
