"""Python code as text and brackets, laid out the way formatters do."""

from dataclasses import dataclass
from typing import Union

WIDTH = 88
_INDENT = 4

Code = tuple[Union[str, "Brackets"], ...]
"""One expression or simple statement; what stands in brackets may be broken over lines."""


@dataclass(frozen=True, slots=True)
class Brackets:
    open: str
    items: tuple[Code, ...]
    close: str


def code(text: str) -> Code:
    return (text,)


def call(function: Code, *arguments: Code) -> Code:
    return (*function, Brackets("(", arguments, ")"))


def keyword(name: str, value: Code) -> Code:
    return (f"{name}=", *value)


def sequence(items: tuple[Code, ...]) -> Code:
    return (Brackets("[", items, "]"),)


def several(items: tuple[Code, ...]) -> Code:
    """Return a tuple."""
    return (Brackets("(", items, ",)" if len(items) == 1 else ")"),)


def mapping(items: tuple[tuple[str, Code], ...]) -> Code:
    return (Brackets("{", tuple((f"{key}: ", *value) for key, value in items), "}"),)


def flat(code: Code) -> str:
    """Return the code on one line."""
    return "".join(part if isinstance(part, str) else _flat_brackets(part) for part in code)


def _flat_brackets(brackets: Brackets) -> str:
    return f"{brackets.open}{', '.join(flat(item) for item in brackets.items)}{brackets.close}"


def lines(code: Code, depth: int = 0, ending: str = "", width: int = WIDTH) -> list[str]:
    """Return the code as lines, `depth` levels deep, broken inside brackets where it is too long."""
    pad = " " * (_INDENT * depth)
    text = f"{pad}{flat(code)}{ending}"
    chosen = None if len(text) <= width else _where_to_break(code, width - len(pad))
    if chosen is None:
        return [text]
    brackets = code[chosen]
    assert isinstance(brackets, Brackets)
    tail = (brackets.close.removeprefix(","), *code[chosen + 1 :])
    return [
        f"{pad}{flat(code[:chosen])}{brackets.open}",
        *_inside(brackets, depth + 1, width),
        *lines(tail, depth, ending, width),
    ]


def _where_to_break(code: Code, width: int) -> int | None:
    """Return the last brackets that what stands before them leaves room for, else the longest.

    Brackets around one word, such as the `(x)` of a layer's call, stay closed.
    """
    places = [i for i, part in enumerate(code) if isinstance(part, Brackets) and part.items]
    if not places:
        return None
    worth = [i for i in places if " " in flat((code[i],)) or len(places) == 1] or places
    fitting = [i for i in worth if len(flat(code[:i])) < width]
    return fitting[-1] if fitting else max(worth, key=lambda i: len(flat((code[i],))))


def _inside(brackets: Brackets, depth: int, width: int) -> list[str]:
    """Return all items on one line, or each on lines of its own."""
    together = " " * (_INDENT * depth) + ", ".join(flat(item) for item in brackets.items)
    if len(together) <= width:
        return [together]
    ending = "," if len(brackets.items) > 1 else ""
    return [line for item in brackets.items for line in lines(item, depth, ending, width)]
