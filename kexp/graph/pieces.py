"""The stretches of a graph that could be blocks, under a key that like ones share."""

from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kexp.graph.links import Again, Body, Link, Ref, last_uses
from kexp.graph.wording import LIGHT, class_of
from kexp.spec.types import Component, Expr, Use

_LONGEST = 160
_JOINS = ("Add", "Concatenate", "Average", "Maximum")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of one graph; `inputs` are the tensors from outside, in order of use.

    `outputs` are those that are used outside, the last call's first.
    """

    body: str
    start: int
    end: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sort:
    """A sort of pieces: with up to so many inputs, so many outputs, and at least so many calls."""

    inputs: int
    outputs: int
    least: int

    @property
    def is_simple(self) -> bool:
        return self.inputs == self.outputs == 1


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a nested model stands while its own graph is folded."""

    name: str


def pieces_of(
    name: str, body: Body, sort: Sort, stretches: Collection[tuple[int, int]] | None = None
) -> Iterator[tuple[Hashable, Piece]]:
    """Yield every stretch of one sort, or those of `stretches`, under a key of its structure."""
    search = _Search(name, body, sort)
    starts = range(len(body.links)) if stretches is None else sorted({start for start, _ in stretches})
    for start in starts:
        for key, piece in search.begun_at(start):
            if stretches is None or (piece.start, piece.end) in stretches:
                yield key, piece


class _Search:
    def __init__(self, name: str, body: Body, sort: Sort) -> None:
        self.name, self.links, self.sort = name, body.links, sort
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
        kept: list[int] = []
        key = 0
        for end in range(start + 1, min(start + _LONGEST, len(self.links)) + 1):
            link, shape = self.links[end - 1], self.shapes[end - 1]
            refs = (*link.takes, *link.keywords.values())
            key = hash((key, shape, tuple(_relative(ref, start, self.made, inputs) for ref in refs)))
            fork = self.forks.get(end - 1, -1)
            if fork >= start:
                joined = [*(pair for pair in joined if pair[1] < fork), (fork, end - 1)]
            if shape is None or len(inputs) > self.sort.inputs or self._is_several(start, end, joined):
                break
            kept = [tensor for tensor in (*kept, *link.gives) if self.last.get(tensor, -1) >= end]
            if (
                link.gives[0] in kept
                and len(kept) == self.sort.outputs
                and self._reads_well(start, end, joined)
            ):
                others = tuple(tensor for tensor in kept if tensor != link.gives[0])
                places = tuple(_relative(tensor, start, self.made, inputs) for tensor in others)
                outputs = (link.gives[0], *others)
                yield (end - start, key, places), Piece(self.name, start, end, tuple(inputs), outputs)

    def _reads_well(self, start: int, end: int, joined: list[tuple[int, int]]) -> bool:
        """Tell whether a stretch begins and ends where a person would draw the line."""
        is_whole = bool(self.name) and end - start == len(self.links)
        if end - start < self.sort.least or is_whole or self._is_run(start, end):
            return False
        if not self.sort.is_simple:
            return True
        begins, ends = [first for first, _ in joined], [at + 1 for _, at in joined]
        around = zip([start, *ends], [*begins, end], strict=True)
        return not joined or all(_is_light(self.links[first:after]) for first, after in around)

    def _is_several(self, start: int, end: int, joined: list[tuple[int, int]]) -> bool:
        """Tell whether a simple piece joins branches more than once, but for a pair of different kinds.

        Attention beside a shortcut, then a network beside a shortcut, is one piece.
        """
        if not self.sort.is_simple or len(joined) < 2:
            return False
        (first, at), (second, last) = joined[0], joined[-1]
        alike = self.shapes[first : at + 1] == self.shapes[second : last + 1]
        return len(joined) > 2 or alike or any(isinstance(link.what, Use) for link in self.links[start:end])

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
        if not _joins(link):
            continue
        outside: set[int] = set()
        for start in range(index, max(index - _LONGEST, -1), -1):
            outside.update(body.links[start].taken)
            if sum(made.get(tensor, -1) < start for tensor in outside) == 1:
                found[index] = start
                break
    return found


def _joins(link: Link) -> bool:
    """Tell whether branches end in a call; a gate is no branch, and of the user's own layers nobody knows."""
    unknown = isinstance(link.what, Expr) or (isinstance(link.what, Component) and link.what.is_custom)
    return class_of(link) in _JOINS or (unknown and class_of(link) != "Multiply" and len(link.takes) > 1)


def _is_light(links: Sequence[Link]) -> bool:
    return len(links) <= 2 and all(class_of(link) in LIGHT for link in links)


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
    siblings = (link.trainable, link.adapt, repr(link.call), repr(link.repeat))
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
