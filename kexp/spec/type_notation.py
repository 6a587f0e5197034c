"""Types as the catalogue writes them: `int[1,) | list(int; 2)` is a number of at least 1, or two of any size.

A range behind `~` is the usual one: a number outside is legal, and probably wrong.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Literal

from kexp.spec.argument_types import (
    Anything,
    Choice,
    DType,
    Flag,
    Form,
    ListOf,
    MapOf,
    Number,
    ObjectOf,
    Range,
    Text,
    Type,
)

_RANGE = r"[\[(][-+.\de]*,[-+.\de]*[\])]"
_SIMPLE = re.compile(rf"(?P<word>@?\w+)(?P<range>{_RANGE})?(?:~(?P<usual>{_RANGE}))?")
_KINDS: dict[str, Literal["whole", "decimal", "any"]] = {"int": "whole", "decimal": "decimal", "float": "any"}
_PLAIN: dict[str, Callable[[], Form]] = {"bool": Flag, "text": Text, "dtype": DType, "any": Anything}


@cache
def parse_type(text: str) -> Type:
    """Return the type that the catalogue writes as `text`."""
    parts = _split(text, "|")
    forms = tuple(_form(part) for part in parts if part != "null")
    return Type(forms, "null" in parts or Anything() in forms)


def _form(text: str) -> Form:
    head, _, rest = text.partition("(")
    inside = rest.removesuffix(")")
    match head:
        case "word" | "anycase":
            return Choice(tuple(_split(inside, ",")), head == "anycase")
        case "map":
            return MapOf(parse_type(inside))
        case "list":
            item, *lengths = _split(inside, ";")
            least, _, most = (lengths or ["0.."])[0].partition("..")
            exact = lengths and ".." not in lengths[0]
            return ListOf(parse_type(item), int(least), int(least) if exact else int(most) if most else None)
    found = _SIMPLE.fullmatch(text)
    if found is None:
        raise ValueError(f"no type is written `{text}`")
    if found["word"] in _KINDS:
        usual = _range(found["usual"]) if found["usual"] else None
        return Number(_KINDS[found["word"]], _range(found["range"] or "[,]"), usual)
    return ObjectOf(found["word"][1:]) if found["word"].startswith("@") else _PLAIN[found["word"]]()


def _range(text: str) -> Range:
    least, most = (_end(end) for end in text[1:-1].split(","))
    return Range(least, most, text[0] == "(" and least is not None, text[-1] == ")" and most is not None)


def _end(text: str) -> float | None:
    if not text:
        return None
    return float(text) if set(text) & set(".e") else int(text)


def _split(text: str, separator: str) -> list[str]:
    """Split at a separator that stands in no brackets."""
    parts, depth, start = [], 0, 0
    for position, letter in enumerate(text):
        depth += (letter in "([") - (letter in ")]")
        if letter == separator and depth == 0:
            parts.append(text[start:position].strip())
            start = position + 1
    return [*parts, text[start:].strip()]
