"""Repeated pieces of a graph -> blocks and repeats, where the spec becomes shorter by it.

Greedy: the piece that saves most becomes a block; then the next, inside that block too, until none saves.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace

from kexp.graph.links import Body, Inlet, Link, last_uses
from kexp.graph.pieces import LIGHT, Piece, Slot, apart, class_of, common_start, pieces_of
from kexp.graph.templates import Template, template_of
from kexp.spec.types import Component, Use
from kexp.spec.wiring import snake_case

_MOST_INPUTS = 3
_MOST_PARAMS = 8
_CANDIDATES = 60
_LEAST_GAIN = 2.5
_SHORT_NAMES = {
    "Conv1D": "conv",
    "Conv2D": "conv",
    "DepthwiseConv2D": "depthwise",
    "SeparableConv2D": "separable",
    "BatchNormalization": "bn",
    "LayerNormalization": "norm",
    "MaxPooling2D": "pool",
    "AveragePooling2D": "pool",
    "ZeroPadding2D": "pad",
    "Dropout": "drop",
}
_INPUT_NAMES = ("x", "skip", "side")


def fold(model: Body) -> tuple[Body, dict[str, Body]]:
    """Return the graph with its repeated pieces as uses of blocks, and the blocks."""
    folding = _Folding(model)
    for most_inputs in (1, _MOST_INPUTS):
        while folding.fold_once(most_inputs):
            pass
    return folding.result()


class _Folding:
    def __init__(self, model: Body) -> None:
        self.bodies: dict[str, Body] = {}
        self.blocks: list[str] = []
        self._take("", model)

    def _take(self, name: str, body: Body) -> None:
        links = []
        for index, link in enumerate(body.links):
            if isinstance(link.what, Body):
                slot = f"{name}/{index}"
                self._take(slot, link.what)
                link = replace(link, what=Slot(slot))  # type: ignore[arg-type]
            links.append(link)
        self.bodies[name] = replace(body, links=tuple(links))

    def result(self) -> tuple[Body, dict[str, Body]]:
        finished = {name: self._finished(name) for name in ("", *self.blocks)}
        return finished[""], {name: finished[name] for name in self.blocks}

    def _finished(self, name: str) -> Body:
        body = self.bodies[name]
        links = tuple(
            replace(link, what=self._finished(link.what.name)) if isinstance(link.what, Slot) else link
            for link in body.links
        )
        return with_repeats(replace(body, links=links))

    def fold_once(self, most_inputs: int) -> bool:
        """Make one block of what saves most; tell whether there was anything."""
        found = sorted(self._repeated(most_inputs), key=lambda entry: -entry[0])[:_CANDIDATES]
        best: tuple[float, list[Piece], Template] | None = None
        for saved, pieces in found:
            bound = saved * (1 + 0.4 * self._share_named_together(pieces))
            template = template_of([self._links(piece) for piece in pieces], self.bodies)
            gain = bound - 0.25 * len(pieces) * len(template.params) - 0.5 * len(template.params)
            enough = gain >= _LEAST_GAIN and len(template.params) <= _MOST_PARAMS
            if enough and (best is None or gain > best[0]):
                best = (gain, pieces, template)
        if best is None:
            return False
        self._make_block(best[1], best[2])
        return True

    def _links(self, piece: Piece) -> tuple[Link, ...]:
        return self.bodies[piece.body].links[piece.start : piece.end]

    # ------------------------------------------------------------ finding

    def _repeated(self, most_inputs: int) -> Iterator[tuple[float, list[Piece]]]:
        """Yield the pieces that occur more than once, with what a block of them would save at most.

        Pieces with several inputs hardly ever read well; only cells of the model itself are worth it.
        """
        alike: dict[Hashable, list[Piece]] = defaultdict(list)
        for name, body in self.bodies.items():
            if most_inputs > 1 and name in self.blocks:
                continue
            for key, piece in pieces_of(name, body, most_inputs):
                alike[key].append(piece)
        for pieces in alike.values():
            chosen = apart(pieces)
            if len(chosen) > 1:
                yield self._gain(chosen), chosen

    def _gain(self, pieces: list[Piece]) -> float:
        """Return about how many lines are saved; a piece that begins where the graph forks reads best."""
        links = self._links(pieces[0])
        size = sum(1 + 0.2 * _num_arguments(link) for link in links)
        taken = Counter(tensor for link in links for tensor in link.taken)
        forks = 0.5 if taken[pieces[0].inputs[0]] > 1 else 0.0
        uses = len(pieces) * (1 + 0.5 * (len(pieces[0].inputs) - 1))
        return len(pieces) * size - size - 3 - uses + forks

    def _share_named_together(self, pieces: list[Piece]) -> float:
        """Return how many of the pieces their author called by a common name, as in `block_3_`."""
        together = 0
        for piece in pieces:
            names = [link.name.split("_") for link in self.bodies[piece.body].links]
            common = common_start(names[piece.start : piece.end])
            around = names[max(piece.start - 1, 0) : piece.start] + names[piece.end : piece.end + 1]
            numbered = any(any(map(str.isdigit, token)) for token in common)
            together += numbered and all(name[: len(common)] != common for name in around)
        return together / len(pieces)

    # ------------------------------------------------------------ rewriting

    def _make_block(self, pieces: list[Piece], template: Template) -> None:
        first = pieces[0]
        name = self._block_name(template.links, first)
        inlets = tuple(Inlet(t, word) for t, word in zip(first.inputs, _INPUT_NAMES, strict=False))
        uses = dict(zip(pieces, template.arguments, strict=True))
        for body in {piece.body for piece in pieces}:
            links: list[Link] = list(self.bodies[body].links)
            for piece in sorted((p for p in pieces if p.body == body), key=lambda p: -p.start):
                use = Link(Use(name, uses[piece]), piece.inputs, links[piece.end - 1].gives, name=name)
                links[piece.start : piece.end] = [use]
            self.bodies[body] = replace(self.bodies[body], links=tuple(links))
        outputs = template.links[-1].gives
        self.bodies[name] = Body(inlets, template.links, outputs, params=template.params)
        self.blocks.insert(0, name)

    def _block_name(self, links: Sequence[Link], piece: Piece) -> str:
        wanted = _described(links, piece)
        name, number = wanted, 1
        while name in self.bodies:
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


def _described(links: Sequence[Link], piece: Piece) -> str:
    """Return a name that says what a block does."""
    ending = next(
        (class_of(link) for link in reversed(links) if class_of(link) not in ("ReLU", "Activation")), ""
    )
    straight = len(piece.inputs) == 1 and all(len(link.takes) == 1 for link in links)
    if straight and len(links) <= 4:
        return "_".join(dict.fromkeys(map(_word, links)))
    skips = any(piece.inputs[0] in link.takes for link in links if len(link.takes) > 1)
    if ending == "Add":
        return "residual" if skips else "projected"
    if ending == "Concatenate":
        return "dense" if skips else "branches"
    if ending == "Multiply":
        return "gate"
    if not straight:
        return "gated" if any(class_of(link) == "Multiply" for link in links) else "cell"
    heavy = [_word(link) for link in links if class_of(link) not in LIGHT]
    return "_".join(heavy) if len(heavy) <= 3 else "stack"


def _word(link: Link) -> str:
    if isinstance(link.what, Component) and link.what.name == "Activation":
        return str((link.what.options or {}).get("activation", "activation"))
    return _SHORT_NAMES.get(class_of(link)) or snake_case(link.what)


# ---------------------------------------------------------------- repeats


def with_repeats(body: Body) -> Body:
    """Write three and more equal calls in a row as one with `repeat`."""
    links: list[Link] = []
    run: list[Link] = []
    previous = body.inputs[0].tensor if len(body.inputs) == 1 else None
    last = last_uses(body)
    for index, link in enumerate(body.links):
        chains = len(link.gives) == 1 and link.takes == (previous,) and _repeats(link)
        continues = run and chains and _alike(run[-1], link) and last[run[-1].gives[0]] == index
        if not continues:
            links += _as_repeat(run)
            run = []
        if chains:
            run.append(link)
        else:
            links.append(link)
        previous = link.gives[0] if len(link.gives) == 1 else None
    return replace(body, links=(*links, *_as_repeat(run)))


def _repeats(link: Link) -> bool:
    plain = not link.keywords and link.layer < 0 and link.weights is None and not link.adapt
    return plain and isinstance(link.what, (Component, Use))


def _alike(one: Link, other: Link) -> bool:
    return (repr(one.what), one.call, one.trainable) == (repr(other.what), other.call, other.trainable)


def _as_repeat(run: Sequence[Link]) -> list[Link]:
    if len(run) < 3:
        return list(run)
    return [replace(run[0], repeat=len(run), gives=run[-1].gives)]
