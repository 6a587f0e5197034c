"""The stretches of a graph that could be blocks, under a key that like ones share."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kexp.graph.links import Again, Body, Link, Ref, last_uses
from kexp.spec.types import Component, Expr, Use

_LONGEST = 160
_LEAST_CELL = 8
_JOINS = ("Add", "Concatenate", "Average", "Maximum")
LIGHT = (
    *("Activation", "ReLU", "LeakyReLU", "ELU", "PReLU", "Softmax", "BatchNormalization"),
    *("LayerNormalization", "GroupNormalization", "Dropout", "SpatialDropout1D", "SpatialDropout2D"),
)
"""Layers that may stand before and after the branches of a block."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of one graph with one output; `inputs` are the tensors from outside, in order of use."""

    body: str
    start: int
    end: int
    inputs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a nested model stands while its own graph is folded."""

    name: str


def pieces_of(name: str, body: Body, most_inputs: int) -> Iterator[tuple[Hashable, Piece]]:
    """Yield every stretch of at least two calls that gives one tensor, under a key of its structure."""
    last = last_uses(body)
    made = {
        tensor: (index, place)
        for index, link in enumerate(body.links)
        for place, tensor in enumerate(link.gives)
    }
    shapes = [_shape(link) for link in body.links]
    forks = _forks(body)
    whole = (0, len(body.links)) if name else None
    least = 1 if most_inputs == 1 else _LEAST_CELL
    for start in range(len(body.links)):
        inputs: dict[int, int] = {}
        joined: list[tuple[int, int]] = []
        key = kept = 0
        for end in range(start + 1, min(start + _LONGEST, len(body.links)) + 1):
            link, shape = body.links[end - 1], shapes[end - 1]
            if shape is None:
                break
            wiring = tuple(
                _relative(ref, start, made, inputs) for ref in (*link.takes, *link.keywords.values())
            )
            key = hash((key, shape, wiring))
            if len(inputs) > most_inputs:
                break
            fork = forks.get(end - 1, -1)
            if fork >= start:
                joined = [*(pair for pair in joined if pair[1] < fork), (fork, end - 1)]
            if len(joined) > 1 and most_inputs == 1:
                break
            reads_well = most_inputs > 1 or all(
                _is_light(body.links[start:first]) and _is_light(body.links[at + 1 : end])
                for first, at in joined
            )
            gives_one = reads_well and all(tensor not in last for tensor in link.gives[1:])
            if end - start > least and kept < end and gives_one and (start, end) != whole:
                yield (end - start, key), Piece(name, start, end, tuple(inputs))
            kept = max(kept, *(last.get(tensor, 0) for tensor in link.gives))


def _forks(body: Body) -> dict[int, int]:
    """Return, for every call that joins branches, where the first of these branches begins.

    Between the two only one tensor comes in from outside.
    """
    made = {tensor: index for index, link in enumerate(body.links) for tensor in link.gives}
    found: dict[int, int] = {}
    for index, link in enumerate(body.links):
        is_sum = isinstance(link.what, Expr) and len(link.takes) > 1
        if class_of(link) not in _JOINS and not is_sum:
            continue
        outside: set[int] = set()
        for start in range(index, max(index - _LONGEST, -1), -1):
            outside.update(body.links[start].taken)
            if sum(made.get(tensor, -1) < start for tensor in outside) == 1:
                found[index] = start
                break
    return found


def _is_light(links: Sequence[Link]) -> bool:
    return len(links) <= 2 and all(class_of(link) in LIGHT for link in links)


def common_start(names: Sequence[list[str]]) -> list[str]:
    common = names[0]
    for name in names:
        length = next((i for i, (a, b) in enumerate(zip(common, name, strict=False)) if a != b), len(common))
        common = common[: min(length, len(name))]
    return common


def _shape(link: Link) -> Hashable:
    """Return what must be alike in two calls besides their wiring; None for a call that must stay."""
    if link.layer >= 0 or link.weights is not None or isinstance(link.what, (Again, Slot)):
        return None
    match link.what:
        case Component(name=name, options=options):
            what: Hashable = (name, options is None and not link.full)
        case Use(block=block):
            what = ("use", block)
        case Expr(text=text):
            what = ("expr", text)
        case _:
            return None
    siblings = (link.trainable, link.adapt, repr(link.call))
    return hash((what, siblings, tuple(link.keywords), len(link.takes), len(link.gives)))


def _relative(ref: Ref, start: int, made: Mapping[int, tuple[int, int]], inputs: dict[int, int]) -> Hashable:
    """Return where a tensor comes from as seen from the piece, so that like pieces look alike."""
    if isinstance(ref, tuple):
        return tuple(_relative(item, start, made, inputs) for item in ref)
    if ref is None:
        return None
    index, place = made.get(ref, (-1, 0))
    return (index - start, place) if index >= start else ("input", inputs.setdefault(ref, len(inputs)))


def apart(pieces: Sequence[Piece]) -> list[Piece]:
    """Return those that do not overlap, from the left."""
    chosen: list[Piece] = []
    ends: dict[str, int] = {}
    for piece in pieces:
        if piece.start >= ends.get(piece.body, 0):
            chosen.append(piece)
            ends[piece.body] = piece.end
    return chosen


def class_of(link: Link) -> str:
    return link.what.name if isinstance(link.what, Component) else ""
