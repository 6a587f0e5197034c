"""Pieces of JSON Schema that the language needs everywhere: formulas, names, custom code, closed maps."""

import re
from collections.abc import Iterable
from typing import Any

from kexp.spec.values import KNOWN_FUNCTIONS, KNOWN_VALUES

Schema = dict[str, Any]

JSON_TYPES = ("string", "number", "boolean", "array", "object", "null")
FORMULA = r"\$"
CUSTOM = r"[^\s:>]+:[^\s:>\d'\x22{}()\[\]-][^\s:>]*"
"""`file.py:Name` and `package.module:Name`, read generously: names may hold letters of any language."""
NAME = r"(?!\d)[^\s$.,:;(){}\[\]=<>+*/'\x22-]+"
"""A name, read generously too."""
TEXT: Schema = {"type": ["string", "number"]}
"""Text may look like a number."""


def ref(name: str, **beside: Any) -> Schema:
    """Point at a definition; what stands beside is for people, since draft-07 checks nothing there."""
    return {"$ref": f"#/definitions/{name}", **beside}


def formula_or(*types: str, **keywords: Any) -> Schema:
    """Describe a value of these JSON types, or a formula for one."""
    expected = " or ".join(_NOUNS[name] for name in types)
    message = f"{expected} is expected here, or a formula such as `$name`"
    return {"type": [*types, "string"], "pattern": FORMULA, "patternErrorMessage": message, **keywords}


_NOUNS = {
    "array": "a list",
    "boolean": "`true` or `false`",
    "integer": "a whole number",
    "null": "`null`",
    "number": "a number",
    "object": "a map",
}


def closed_map(keys: dict[str, Schema]) -> Schema:
    """Describe a map with these keys, apart from its type: editors would write all of them at once."""
    return {**formula_or("object"), "allOf": [{"properties": keys, "additionalProperties": False}]}


def words_or_formula(words: Iterable[str]) -> Schema:
    """Describe one of a few words; they stand apart, for editors to offer them."""
    listed = [*words]
    message = f"one of {', '.join(listed)} is expected here, or a formula such as `$name`"
    formula = {"type": "string", "pattern": FORMULA, "patternErrorMessage": message}
    return {"anyOf": [{"enum": listed}, formula]}


def nullable(schema: Schema) -> Schema:
    """Describe the same value, or null."""
    if "anyOf" in schema:
        return {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]}
    if "$ref" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    given = schema["type"]
    return {**schema, "type": [*([given] if isinstance(given, str) else given), "null"]}


def one_key(names: str) -> Schema:
    """Describe a map with one key."""
    return {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "propertyNames": {"pattern": f"^({names})$"},
    }


def one_value(*names: str) -> Schema:
    """Describe the maps that are a value themselves: `{literal: …}`, custom code, and those of `names`."""
    return {"maxProperties": 1, "propertyNames": {"pattern": f"^({'|'.join(('literal', CUSTOM, *names))})$"}}


def free_name(*taken: str, form: str = "") -> Schema:
    """Describe the names that a spec may give to its values."""
    known = "|".join((*taken, *KNOWN_VALUES, *KNOWN_FUNCTIONS))
    message = "this is no name for a value, or one that kexp gives itself"
    return {"pattern": f"^(?!({known})$){form}", "patternErrorMessage": message}


def in_any_case(word: str) -> str:
    """Return the pattern of a word in small letters, capitals or both."""
    return "".join(f"[{c.upper()}{c.lower()}]" if c.isalpha() else re.escape(c) for c in word)
