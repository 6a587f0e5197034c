"""Repeated pieces of a graph -> blocks and repeats, where the spec becomes shorter by it.

Greedy: the piece that saves most becomes a block; then the next, inside that block too, until none saves.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from kexp.graph.given_names import common_start, common_words, named_stretches, part_of
from kexp.graph.links import Body, Inlet, Link, flat
from kexp.graph.pieces import Piece, Slot, Sort, apart, pieces_of
from kexp.graph.repeats import lines_of_row, with_repeats
from kexp.graph.templates import Template, template_of
from kexp.graph.wording import block_name
from kexp.spec.catalogue import catalogue
from kexp.spec.types import Component, Use, Value

_SIMPLE = Sort(1, 1, 2)
_SORTS = (_SIMPLE, Sort(3, 1, 6), Sort(2, 2, 4))
"""Pieces with several inputs or outputs hardly ever read well: those that an author named, and cells."""
_MOST_PARAMS = 8
_CANDIDATES = 60
_LEAST_GAIN = 3.3
_INPUT_NAMES = ("x", "skip", "side")
_WORDS = ("reuse", "model", "layers", "expr")


def fold(model: Body) -> tuple[Body, dict[str, Body]]:
    """Return the graph with its repeated pieces as uses of blocks, and the blocks."""
    folding = _Folding(model)
    while folding.fold_once(
        candidate for sort in _SORTS for candidate in folding.repeated(sort, sort != _SIMPLE)
    ):
        pass
    for sort in _SORTS:
        while folding.fold_once(folding.repeated(sort)):
            pass
    return folding.result()


class _Folding:
    """`wanted` are the names that say what the blocks do; several blocks may want the same.

    By body, `parts` are the author's own parts that the calls belong to, `named` the stretches that he named.
    """

    def __init__(self, model: Body) -> None:
        self.bodies: dict[str, Body] = {}
        self.parts: dict[str, list[str]] = {}
        self.named: dict[str, frozenset[tuple[int, int]]] = {}
        self.wanted: dict[str, str] = {}
        self._take("", model)

    def _put(self, name: str, body: Body) -> None:
        self.bodies[name] = body
        self.parts[name] = [part_of(link.name) for link in body.links]
        self.named[name] = named_stretches([link.name for link in body.links])

    def _take(self, name: str, body: Body) -> None:
        links = []
        for index, link in enumerate(body.links):
            if isinstance(link.what, Body):
                slot = f"{name}/{index}"
                self._take(slot, link.what)
                link = replace(link, what=Slot(slot))  # type: ignore[arg-type]
            links.append(link)
        self._put(name, with_repeats(replace(body, links=tuple(links)), {}))

    def fold_once(self, candidates: Iterable[tuple[float, list[Piece]]]) -> bool:
        """Make one block of what saves most; tell whether there was anything."""
        found = sorted(candidates, key=lambda entry: -entry[0])[:_CANDIDATES]
        best: tuple[float, list[Piece], Template] | None = None
        for most, pieces in found:
            if best is not None and most <= best[0]:
                break
            template = template_of([self._links(piece) for piece in pieces], self.bodies)
            gain = self._gain(pieces, template)
            if gain >= _LEAST_GAIN and (best is None or gain > best[0]):
                best = (gain, pieces, template)
        if best is None:
            return False
        self._make_block(best[1], best[2])
        return True

    def _links(self, piece: Piece) -> tuple[Link, ...]:
        return self.bodies[piece.body].links[piece.start : piece.end]

    def repeated(self, sort: Sort, named: bool = False) -> Iterator[tuple[float, list[Piece]]]:
        """Yield the pieces that occur more than once, with what a block of them saves at most."""
        alike: dict[Hashable, list[Piece]] = defaultdict(list)
        for name, body in self.bodies.items():
            if name in self.wanted and not sort.is_simple:
                continue
            for key, piece in pieces_of(name, body, sort, self.named[name] if named else None):
                alike[key].append(piece)
        for pieces in alike.values():
            chosen = apart(pieces)
            if len(chosen) > 1:
                yield self._saved(chosen, _lines_of_uses(chosen, None)), chosen

    # ------------------------------------------------------------ what a block is worth

    def _gain(self, pieces: list[Piece], template: Template) -> float:
        """Return about how many lines a block saves, less what its parameters cost to read."""
        if len(template.params) > _MOST_PARAMS:
            return 0.0
        uses = _lines_of_uses(pieces, template.arguments)
        return self._saved(pieces, uses) - (0.25 * uses + 0.5) * len(template.params)

    def _saved(self, pieces: list[Piece], uses: float) -> float:
        """Return about how many lines are saved; a piece that begins where the graph forks reads best."""
        links = self._links(pieces[0])
        size = sum(1 + (link.repeat is not None) + 0.2 * _num_arguments(link) for link in links)
        taken = Counter(tensor for link in links for tensor in link.taken)
        forks = 0.5 if taken[pieces[0].inputs[0]] > 1 else 0.0
        wide = 0.5 * (len(pieces[0].inputs) - 1) * len(pieces)
        header = 2 + len(pieces[0].inputs[:2]) + 2 * (len(pieces[0].outputs) - 1)
        saved = (len(pieces) - 1) * size - header - uses - wide + forks
        together = self._share(pieces, self._is_named_together)
        cuts = self._share(pieces, self._cuts_parts)
        return (saved * (1 + 0.4 * together) + together) * (1 - cuts)

    def _share(self, pieces: Sequence[Piece], holds: Callable[[Piece], bool]) -> float:
        return sum(map(holds, pieces)) / len(pieces)

    def _is_named_together(self, piece: Piece) -> bool:
        """Tell whether its author called the piece, and nothing beside it, by a common name."""
        return (piece.start, piece.end) in self.named[piece.body]

    def _cuts_parts(self, piece: Piece) -> bool:
        """Tell whether a piece spans several parts of its author's and ends within one."""
        parts = self.parts[piece.body]
        inside = [part for part in parts[piece.start : piece.end] if part]
        before = next((part for part in reversed(parts[: piece.start]) if part), "")
        after = next((part for part in parts[piece.end :] if part), "")
        return len(set(inside)) > 1 and (inside[0] == before or inside[-1] == after)

    def _start_of(self, piece: Piece) -> list[str]:
        return common_start([link.name for link in self._links(piece)])

    # ------------------------------------------------------------ rewriting

    def _make_block(self, pieces: list[Piece], template: Template) -> None:
        first = pieces[0]
        name = f"block {len(self.wanted)}"
        is_named = self._share(pieces, self._is_named_together) == 1
        own = common_words([self._start_of(piece) for piece in pieces]) if is_named else ""
        described = [self._named(link, self.wanted) for link in template.links]
        self.wanted[name] = block_name(described, first.inputs, own)
        inlets = _inlets(first.inputs, template.links)
        uses = dict(zip(pieces, template.arguments, strict=True))
        for body in {piece.body: None for piece in pieces}:
            links: list[Link] = list(self.bodies[body].links)
            for piece in sorted((p for p in pieces if p.body == body), key=lambda p: -p.start):
                links[piece.start : piece.end] = [self._use(name, piece, uses[piece])]
            self._put(body, replace(self.bodies[body], links=tuple(links)))
        self._put(name, Body(inlets, template.links, first.outputs, params=template.params))

    def _use(self, name: str, piece: Piece, arguments: Mapping[str, Value]) -> Link:
        made = {tensor: link for link in self._links(piece) for tensor in link.gives}
        names = tuple(made[tensor].name for tensor in piece.outputs)
        return Link(Use(name, arguments), piece.inputs, piece.outputs, name=names[0], names=names)

    # ------------------------------------------------------------ the result

    def result(self) -> tuple[Body, dict[str, Body]]:
        """Return the graph and its blocks, each block after those that it uses."""
        order: dict[str, None] = {}
        self._use_in_order("", order)
        names: dict[str, str] = {}
        for block in order:
            names[block] = _unused(self.wanted[block], names.values())
        model, *blocks = (self._finished(name, names) for name in ("", *order))
        return model, dict(zip(names.values(), blocks, strict=True))

    def _use_in_order(self, name: str, order: dict[str, None]) -> None:
        for link in self.bodies[name].links:
            if isinstance(link.what, Slot):
                self._use_in_order(link.what.name, order)
            elif isinstance(link.what, Use) and link.what.block not in order:
                self._use_in_order(link.what.block, order)
                order[link.what.block] = None

    def _finished(self, name: str, names: Mapping[str, str]) -> Body:
        body = with_repeats(self.bodies[name], self.bodies)
        return replace(body, links=tuple(self._named(link, names) for link in body.links))

    def _named(self, link: Link, names: Mapping[str, str]) -> Link:
        match link.what:
            case Slot(name=name):
                return replace(link, what=self._finished(name, names))
            case Use(block=block, arguments=arguments):
                return replace(link, what=Use(names[block], arguments))
        return link


def _inlets(tensors: Sequence[int], links: Sequence[Link]) -> tuple[Inlet, ...]:
    """Name the inputs of a block; one that is only a keyword argument is called after that: `mask`."""
    words = iter(_INPUT_NAMES)
    inlets = []
    for tensor in tensors:
        keywords = {key for link in links for key, ref in link.keywords.items() if tensor in flat((ref,))}
        is_plain = any(tensor in flat(link.takes) for link in links) or len(keywords) != 1
        inlets.append(Inlet(tensor, next(words) if is_plain else keywords.pop().rpartition("_")[2]))
    return tuple(inlets)


def _lines_of_uses(pieces: Sequence[Piece], arguments: Sequence[Mapping[str, Value]] | None) -> float:
    """Return in about how many lines a block is used; without arguments, in how many at least."""
    rows: list[list[int]] = []
    for index, piece in enumerate(pieces):
        before = pieces[rows[-1][-1]] if rows else None
        follows = before is not None and (before.body, before.end) == (piece.body, piece.start)
        if follows and before is not None and before.outputs[0] == piece.inputs[0]:
            rows[-1].append(index)
        else:
            rows.append([index])
    given = arguments or [{} for _ in pieces]
    return sum(lines_of_row([given[index] for index in row]) for row in rows)


def _unused(wanted: str, taken: Collection[str]) -> str:
    name, number = wanted, 1
    while name in taken or name in _WORDS or catalogue().find(name, ("layers", "applications")):
        number += 1
        name = f"{wanted}_{number}"
    return name


def _num_arguments(link: Link) -> int:
    match link.what:
        case Component(options=options):
            return len(options or ())
        case Use(arguments=arguments):
            return len(arguments)
    return 0
