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
    search = _Search(name, body, most_inputs)
    for start in range(len(body.links)):
        yield from search.begun_at(start)


class _Search:
    def __init__(self, name: str, body: Body, most_inputs: int) -> None:
        self.name, self.links, self.most_inputs = name, body.links, most_inputs
        self.least = 2 if most_inputs == 1 else _LEAST_CELL
        self.last = last_uses(body)
        self.made = {
            tensor: (index, place)
            for index, link in enumerate(body.links)
            for place, tensor in enumerate(link.gives)
        }
        self.shapes = [_shape(link) for link in body.links]
        self.forks = _forks(body)

    def begun_at(self, start: int) -> Iterator[tuple[Hashable, Piece]]:
        inputs: dict[int, int] = {}
        joined: list[tuple[int, int]] = []
        key = kept = 0
        for end in range(start + 1, min(start + _LONGEST, len(self.links)) + 1):
            link, shape = self.links[end - 1], self.shapes[end - 1]
            refs = (*link.takes, *link.keywords.values())
            key = hash((key, shape, tuple(_relative(ref, start, self.made, inputs) for ref in refs)))
            fork = self.forks.get(end - 1, -1)
            if fork >= start:
                joined = [*(pair for pair in joined if pair[1] < fork), (fork, end - 1)]
            if shape is None or len(inputs) > self.most_inputs or (len(joined) > 1 == self.most_inputs):
                break
            gives_one = kept < end and all(tensor not in self.last for tensor in link.gives[1:])
            if gives_one and self._reads_well(start, end, joined):
                yield (end - start, key), Piece(self.name, start, end, tuple(inputs))
            kept = max(kept, *(self.last.get(tensor, 0) for tensor in link.gives))

    def _reads_well(self, start: int, end: int, joined: list[tuple[int, int]]) -> bool:
        """Tell whether a stretch begins and ends where a person would draw the line."""
        is_whole = bool(self.name) and end - start == len(self.links)
        if end - start < self.least or is_whole or self._is_run(start, end):
            return False
        if self.most_inputs > 1:
            return True
        around = ((self.links[start:first], self.links[at + 1 : end]) for first, at in joined)
        return all(_is_light(before) and _is_light(after) for before, after in around)

    def _is_run(self, start: int, end: int) -> bool:
        """Tell whether a stretch is one call over and over, or cuts such a row in two."""
        if all(shape == self.shapes[start] for shape in self.shapes[start:end]):
            return True
        borders = ((i - 1, i) for i in (start, end) if 0 < i < len(self.links))
        return any(_is_same_use(self.links[before], self.links[after]) for before, after in borders)


def _is_same_use(one: Link, other: Link) -> bool:
    return isinstance(one.what, Use) and repr(one.what) == repr(other.what)


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
