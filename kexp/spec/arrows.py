"""A step's key, `[inputs ->] what [-> names]`, as parts that know their place in the key."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from kexp.spec.types import Operand, Operands

_NAME = re.compile(r"(?:[A-Za-z_]|\$(?=[A-Za-z_(]))(?:\w|\$[A-Za-z_]\w*|\$\((?:[^()]|\([^()]*\))*\))*\Z")
_NAMED = re.compile(r"([A-Za-z_]\w*)\s*\((.*)\)\Z", re.DOTALL)
_WRONG_ARROW = re.compile(r"=>|→|⇒|-->|~>|- >|<-+|←|(?<!-)>")
_OPENING, _CLOSING = "([", ")]"
MAX_DEPTH = 16
RESERVED = ("prev", "input", "null")


class ArrowError(Exception):
    """A key that cannot be read. `start` and `length` mark the stretch of the key to blame."""

    def __init__(self, id: str, message: str, part: "Part", help: str | None = None) -> None:
        super().__init__(message)
        self.id, self.message, self.part, self.help = id, message, part, help


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of the key, blanks around it dropped."""

    text: str
    start: int

    @property
    def length(self) -> int:
        return max(1, len(self.text))


@dataclass(frozen=True, slots=True)
class Arrow:
    """A key taken apart."""

    what: Part
    takes: Operands
    gives: tuple[Part, ...]
    layer_name: str | None


def parse_arrow(key: str, is_what: Callable[[str], bool]) -> Arrow:
    """Read a step's key; `is_what` knows layers, applications, custom names and the words of the language.

    Raises: ArrowError (arrow-spelling, arrow-count, arrow-what, arrow-name, arrow-brackets).
    """
    wrong = _WRONG_ARROW.search(key)
    if wrong:
        message = f"`{wrong[0]}` is not an arrow of this language"
        if wrong[0][0] in "<←":
            help = "an arrow points to the right: `inputs -> layer -> names`"
            raise ArrowError("arrow-spelling", message, Part(wrong[0], wrong.start()), help)
        corrected = " -> ".join(part.strip() for part in re.split(rf"{_WRONG_ARROW.pattern}|->", key))
        raise ArrowError(
            "arrow-spelling",
            message,
            Part(wrong[0], wrong.start()),
            f"write `{corrected}`",
        )
    parts = _split(Part(key, 0), "->")
    if len(parts) == 1:
        return _arrow(parts[0], None, None)
    if len(parts) == 2:
        left, right = parts
        return _arrow(left, None, right) if _is_left(left, right, is_what) else _arrow(right, left, None)
    if len(parts) == 3:
        return _arrow(parts[1], parts[0], parts[2])
    raise ArrowError(
        "arrow-count",
        "a step has at most two arrows: `inputs -> what -> names`",
        parts[3],
        "split it into several steps",
    )


def place_of(text: str, name: str, start: int = 0) -> tuple[int, int] | None:
    """Return where a key or an expression names a tensor, as start and length; an argument's name is none."""
    found = re.compile(rf"(?<![\w$]){re.escape(name)}(?![\w(]|\s*=(?!=))").search(text, start)
    return (found.start(), len(name)) if found else None


def _is_left(left: Part, right: Part, is_what: Callable[[str], bool]) -> bool:
    """Tell on which side the *what* of `a -> b` stands; of two unknown sides, the capitalised one."""
    known = is_what(left.text), is_what(right.text)
    if all(known):
        raise ArrowError(
            "arrow-what",
            f"both `{left.text}` and `{right.text}` are layers; a step has one",
            right,
            "give the second a step of its own, or choose a name that is no layer",
        )
    if any(known):
        return known[0]
    if not left.text[:1].isupper() and not right.text[:1].isupper():
        whole = Part(f"{left.text} -> {right.text}", left.start)
        raise ArrowError("arrow-what", f"neither `{left.text}` nor `{right.text}` is a layer", whole)
    return left.text[:1].isupper()


def _arrow(what: Part, inputs: Part | None, names: Part | None) -> Arrow:
    gives, layer_name = _names(names) if names else ((), None)
    return Arrow(what, _operands(inputs) if inputs else Operands(), gives, layer_name)


def _operands(part: Part) -> Operands:
    positional: list[Operand] = []
    keywords: dict[str, Operand] = {}
    for piece in _split(part, ","):
        keyword, equals, value = piece.text.partition("=")
        name = keyword.strip()
        if equals and _NAME.match(name):
            if name in keywords:
                raise ArrowError("arrow-argument-twice", f"`{name}` is given twice", piece)
            keywords[name] = _operand(_trimmed(value, piece.start + len(keyword) + 1))
        elif keywords:
            raise ArrowError(
                "arrow-order",
                "positions come before keywords",
                piece,
                "put it before the first `argument=name`",
            )
        else:
            positional.append(_operand(piece))
    return Operands(tuple(positional), keywords)


def _operand(part: Part) -> Operand:
    if part.text.startswith("[") and part.text.endswith("]"):
        inner = _trimmed(part.text[1:-1], part.start + 1)
        return tuple(_operand(piece) for piece in _split(inner, ","))
    if part.text == "null":
        return None
    _check_name(part)
    return part.text


def _names(part: Part) -> tuple[tuple[Part, ...], str | None]:
    layer_name = None
    found = _NAMED.match(part.text)
    if found:
        layer_name = found[1]
        part = _trimmed(found[2], part.start + found.start(2))
    names = tuple(_split(part, ","))
    for name in names:
        _check_name(name)
        if name.text in RESERVED:
            raise ArrowError(
                "arrow-name", f"`{name.text}` is a word of the language and cannot be a name", name
            )
    return names, layer_name


def _check_name(part: Part) -> None:
    if _NAME.match(part.text):
        return
    if not part.text:
        raise ArrowError("arrow-name", "a name is missing here", part)
    help = "name the tensor with `expr` first" if re.search(r"[\[(.]", part.text) else None
    if re.fullmatch(r"\w+(?:\s+\w+)+", part.text):
        help = f"several names are separated by commas: `{', '.join(part.text.split())}`"
    raise ArrowError("arrow-name", f"`{part.text}` is not a name: letters, digits and `_`", part, help)


def _split(part: Part, separator: str) -> list[Part]:
    """Split at a separator outside brackets."""
    pieces: list[Part] = []
    depth = start = position = 0
    text = part.text
    while position < len(text):
        character = text[position]
        if character in _OPENING:
            depth += 1
        elif character in _CLOSING:
            depth -= 1
        elif depth == 0 and text.startswith(separator, position):
            pieces.append(_trimmed(text[start:position], part.start + start))
            position += len(separator)
            start = position
            continue
        if depth < 0 or depth > MAX_DEPTH:
            break
        position += 1
    if depth:
        raise ArrowError("arrow-brackets", f"the brackets in `{text}` do not match", part)
    pieces.append(_trimmed(text[start:], part.start + start))
    return pieces


def _trimmed(text: str, start: int) -> Part:
    stripped = text.strip()
    return Part(stripped, start + (len(text) - len(text.lstrip()) if stripped else 0))
