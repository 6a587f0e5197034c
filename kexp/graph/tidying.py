"""Body -> Body that says the same in fewer calls."""

from collections import Counter
from dataclasses import replace

from kexp.graph.links import Body, Link, flat
from kexp.graph.operations import TENSOR, count_of, rewritten
from kexp.spec.types import Expr

_LONGEST = 60
"""Characters of an expression that still reads at a glance."""


def tidied(body: Body) -> Body:
    """Drop calls whose outputs nobody takes, and write short expressions into the one that uses them."""
    links: list[Link] = []
    needed = set(body.outputs)
    for link in reversed(body.links):
        if needed.intersection(link.gives):
            needed.update(link.taken)
            links.append(link)
    return replace(body, links=_merged(links[::-1], body.outputs))


def _merged(links: list[Link], outputs: tuple[int, ...]) -> tuple[Link, ...]:
    uses = Counter(tensor for link in links for tensor in link.taken) + Counter(outputs)
    kept: dict[int, Link] = {}
    for link in links:
        if isinstance(link.what, Expr):
            for tensor in dict.fromkeys(flat(link.takes)):
                inner = kept.get(tensor)
                alone = inner is not None and len(inner.gives) == uses[tensor] == 1
                if inner is not None and alone and isinstance(inner.what, Expr):
                    joined = _joined(link, inner, tensor)
                    if joined is not None:
                        link = joined
                        del kept[tensor]
        kept[link.gives[0]] = link
    return tuple(kept.values())


def _joined(outer: Link, inner: Link, tensor: int) -> Link | None:
    """Put one expression into another, unless it becomes too long to read."""
    assert isinstance(outer.what, Expr) and isinstance(inner.what, Expr)
    takes = list(dict.fromkeys(t for t in flat((*inner.takes, *outer.takes)) if t != tensor))
    place = {number: f"{TENSOR}{index}" for index, number in enumerate(takes)}
    inside = rewritten(inner.what.text, [place[t] for t in flat(inner.takes)])
    text = rewritten(outer.what.text, [place.get(t, inside) for t in flat(outer.takes)])
    if len(text) > _LONGEST or count_of(outer.what.text, outer.takes.index(tensor)) > 1:
        return None
    return replace(outer, what=Expr(text, tuple(place.values())), takes=tuple(takes))
