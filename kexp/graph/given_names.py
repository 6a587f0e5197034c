"""What a model's author called its layers, and what these names say of the parts that belong together."""

import re
from collections.abc import Sequence
from functools import cache, reduce

from kexp.spec.catalogue import catalogue
from kexp.spec.types import Component
from kexp.spec.wiring import snake_case

_SAY_NOTHING = frozenset(
    {"block", "cell", "stage", "layer", "layers", "unit", "model", "functional", "group", "res", "stack"}
    | {"conv", "conv1", "conv2", "conv2d", "conv1d", "bn", "dense", "add", "expr", "relu", "out", "x"}
)
"""Words in layers' names that say no more than the layer's class, or where it stands."""


@cache
def _automatic() -> re.Pattern[str]:
    """Match the names that nobody gave: a class in snake case with a count, a part of an expression."""
    layers = {snake_case(Component(name, "layers")) for name in catalogue().names("layers")}
    others = ("model", "functional", "sequential", "expr", "input", "input_layer", "keras_tensor")
    kinds = "|".join(sorted({*layers, *others}, key=len, reverse=True))
    return re.compile(rf"(?:{kinds})(?:_\d+)?|.*\.\d+")


@cache
def is_automatic(name: str) -> bool:
    """Tell whether a name was given by nobody."""
    return not name or _automatic().fullmatch(name) is not None


def says_nothing(name: str, kind: str) -> bool:
    """Tell whether a name ends in what the call is anyway, as in `encoder_0_add`."""
    words = name.split("_")
    ends = ("_".join(words[index:]) for index in range(len(words)))
    return any(map(is_automatic, ends)) or re.fullmatch(rf"{re.escape(kind)}(_\d+)?", name) is not None


def says_part(name: str) -> bool:
    """Tell whether what all uses of a block call a tensor says what it is: `mixed`, but not `1_conv`."""
    return name[:1].isalpha() and not _SAY_NOTHING.intersection(name.lower().split("_"))


def common_start(names: Sequence[str]) -> list[str]:
    """Return the words with which all names begin that somebody gave: `block_3_expand` and `block_3_add`."""
    words = [name.split("_") for name in names if not is_automatic(name)]
    return reduce(_shared, words) if words else []


def named_stretches(names: Sequence[str]) -> frozenset[tuple[int, int]]:
    """Return where calls begin and end that share a numbered name, and nothing beside them does."""
    words = [[] if is_automatic(name) else name.split("_") for name in names]
    found = set()
    for start in range(len(words)):
        common: list[str] | None = None
        for end in range(start + 1, len(words) + 1):
            own = words[end - 1]
            if own:
                common = own if common is None else _shared(common, own)
            if common is None:
                continue
            if not any(any(map(str.isdigit, word)) for word in common):
                break
            around = (*words[max(start - 1, 0) : start], *words[end : end + 1])
            if all(other[: len(common)] != common for other in around):
                found.add((start, end))
    return frozenset(found)


def _shared(one: list[str], other: list[str]) -> list[str]:
    length = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
    return one[: min(length, len(other))]


def common_end(names: Sequence[str], starts: Sequence[Sequence[str]]) -> str:
    """Return what like calls are called after their pieces' own words; nothing where they differ."""
    ends = {"_".join(name.split("_")[len(start) :]) for name, start in zip(names, starts, strict=True)}
    return ends.pop() if len(ends) == 1 and all(starts) else ""


def part_of(name: str) -> str:
    """Return a name up to its first number: the author's part that a layer belongs to."""
    words = [] if is_automatic(name) else name.split("_")
    numbered = (index for index, word in enumerate(words) if any(map(str.isdigit, word)))
    return "_".join(words[: next(numbered, -1) + 1])


def common_words(starts: Sequence[Sequence[str]]) -> str:
    """Return what the names of like pieces share: `encoder_0` and `encoder_1` share `encoder`."""
    if not all(any(map(str.isdigit, "".join(start))) for start in starts):
        return ""
    shared = [word for word in starts[0] if all(word in start for start in starts)]
    words = [word for word in shared if not word.isdigit()]
    says = any(word not in _SAY_NOTHING for word in words)
    name = "_".join(words).lower()
    return name if says and re.fullmatch(r"[a-z]\w*", name) else ""
