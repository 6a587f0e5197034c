"""Like calls in a row -> one call with `repeat`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from kexp.graph.links import Body, Link, flat, last_uses
from kexp.spec.types import Component, Formula, Use, Value

_LEAST = 3
"""Calls in a row that are worth a `repeat`."""
_LONG = 3
"""Arguments of a call that is worth it from the second on."""

Blocks = Mapping[str, Body]


def with_repeats(body: Body, blocks: Blocks) -> Body:
    """Write equal calls in a row as one with a number, those that differ in one value with a list of them."""
    links = (link for row in _rows(body) for link in _shortest(row, body.params, blocks))
    return replace(body, links=tuple(links))


def lines_of_row(uses: Sequence[Mapping[str, Value]]) -> float:
    """Return about how many lines the uses of a block in a row take, with these arguments."""
    differing = _differing(uses)
    return min(len(uses), _cost(uses, differing)) if len(differing) < 2 else len(uses)


def _rows(body: Body) -> Iterator[list[Link]]:
    """Yield the calls in stretches of those that a `repeat` may join; other calls come alone."""
    row: list[Link] = []
    last = last_uses(body)
    previous = body.inputs[0].tensor if len(body.inputs) == 1 else None
    for index, link in enumerate(body.links):
        chains = _chains(link, previous, index)
        continues = chains and row and _is_like(row[-1], link) and last[row[-1].gives[0]] == index
        if row and not continues:
            yield row
            row = []
        if chains:
            row.append(link)
        else:
            yield [link]
        previous = link.gives[0] if len(link.gives) == 1 else None
    if row:
        yield row


def _chains(link: Link, previous: int | None, index: int) -> bool:
    """Tell whether a call takes the one above, and could take its own output in the next turn."""
    plain = not link.keywords and link.layer < 0 and link.weights is None and not link.adapt
    if not plain or len(link.gives) != 1 or link.repeat is not None or previous is None:
        return False
    follows = link.takes[:1] == (previous,) and previous not in flat(link.takes[1:])
    return isinstance(link.what, (Component, Use)) and follows and (index > 0 or len(link.takes) == 1)


def _is_like(one: Link, other: Link) -> bool:
    """Tell whether two calls differ in their arguments at most."""
    return _kind(one) == _kind(other)


def _kind(link: Link) -> tuple[object, ...]:
    name = link.what.name if isinstance(link.what, Component) else getattr(link.what, "block", "")
    return type(link.what), name, link.takes[1:], repr(link.call), link.trainable


# ---------------------------------------------------------------- the shortest way to write a row


def _shortest(row: Sequence[Link], params: Mapping[str, Value], blocks: Blocks) -> list[Link]:
    """Return the row with the repeats that leave the fewest lines."""
    arguments = [_arguments(link, blocks) for link in row]
    best: list[tuple[float, list[Link]]] = [(0.0, [])]
    for end in range(1, len(row) + 1):
        ways = [(best[end - 1][0] + 1, [*best[end - 1][1], row[end - 1]])]
        for start in range(end - 2, -1, -1):
            differing = _differing(arguments[start:end])
            if len(differing) > 1:
                break
            cost = _cost(arguments[start:end], differing)
            link = _joined(row[start:end], arguments[start:end], differing, params)
            ways.append((best[start][0] + cost, [*best[start][1], link]))
        best.append(min(ways, key=lambda way: way[0]))
    return best[-1][1]


def _cost(arguments: Sequence[Mapping[str, Value]], differing: set[str]) -> float:
    """Return about how many lines a repeat is; a list that says the same twice reads badly."""
    if not differing:
        worth = len(arguments) >= _LEAST or len(arguments[0]) >= _LONG
        return 1.9 if worth else 2.1
    key = next(iter(differing))
    return 2.5 + sum(repr(one[key]) == repr(other[key]) for one, other in pairwise(arguments))


def _joined(
    row: Sequence[Link],
    arguments: Sequence[Mapping[str, Value]],
    differing: set[str],
    params: Mapping[str, Value],
) -> Link:
    first = replace(row[0], gives=row[-1].gives, name=row[-1].name, names=row[-1].names)
    if not differing:
        return replace(first, repeat=len(row))
    key = next(iter(differing))
    name = f"each_{key}" if key in params else key
    given = {**_given(first), key: Formula(f"${name}")}
    merged = {key: given[key] for key in arguments[0] if key in given}
    what = first.what
    if isinstance(what, Component):
        what = replace(what, options=merged)
    elif isinstance(what, Use):
        what = replace(what, arguments=merged)
    return replace(first, what=what, repeat={name: tuple(each[key] for each in arguments)})


def _given(link: Link) -> Mapping[str, Value]:
    match link.what:
        case Component(options=options):
            return options or {}
        case Use(arguments=arguments):
            return arguments
    return {}


def _arguments(link: Link, blocks: Blocks) -> Mapping[str, Value]:
    """Return what a call is given, with a block's own values for what it is not."""
    if isinstance(link.what, Use) and link.what.block in blocks:
        return {**blocks[link.what.block].params, **link.what.arguments}
    return _given(link)


def _differing(arguments: Sequence[Mapping[str, Value]]) -> set[str]:
    """Return the arguments that are not the same everywhere; two at least where a list cannot hold them."""
    keys = dict.fromkeys(key for each in arguments for key in each)
    found = {key for key in keys if len({repr(each.get(key)) for each in arguments}) > 1}
    plain = all(isinstance(each.get(key), (int, float, str)) for key in found for each in arguments)
    return found if plain else {*keys, "no list"}
