"""The calls of a Keras graph in the order in which a person would write them: chain after chain."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import keras

Node = Any
"""Keras's record of one call."""


def node_of(tensor: Any) -> Node:
    operation, index, _ = tensor._keras_history
    return operation._inbound_nodes[index]


def nodes_in_order(inputs: Sequence[Any], outputs: Sequence[Any]) -> list[Node]:
    """Return the calls between two sets of tensors.

    What several branches share comes before the first of them, so that what belongs together stays together;
    what is computed from inputs alone for several layers, such as a mask, comes before everything.
    """
    graph = _Graph(frozenset(map(id, inputs)))
    ends = graph.parents_of(outputs)
    graph.explore(ends)
    graph.settle(ends)
    aside = graph.computed_aside()
    return [node for node in graph.settled if id(node) in aside] + [
        node for node in graph.settled if id(node) not in aside
    ]


class _Graph:
    def __init__(self, entries: frozenset[int]) -> None:
        self.entries = entries
        self.parents: dict[int, list[Node]] = {}
        self.ranked: list[Node] = []
        self.rank: dict[int, int] = {}
        self.above: list[int] = []
        self.settled: list[Node] = []
        self.waiting = 0

    def parents_of(self, tensors: Iterable[Any]) -> list[Node]:
        nodes = {id(node): node for node in (node_of(t) for t in tensors if id(t) not in self.entries)}
        return list(nodes.values())

    def explore(self, ends: list[Node]) -> None:
        """Rank the nodes by the longest way from an input; note, as bits, the nodes above each."""
        heights: dict[int, int] = {}
        found: list[Node] = []
        stack = list(ends)
        while stack:
            node = stack[-1]
            if id(node) not in self.parents:
                self.parents[id(node)] = self.parents_of(node.input_tensors)
            missing = [p for p in self.parents[id(node)] if id(p) not in heights]
            stack += missing
            if not missing:
                stack.pop()
                if id(node) not in heights:
                    heights[id(node)] = 1 + max((heights[id(p)] for p in self.parents[id(node)]), default=0)
                    found.append(node)
        self.ranked = sorted(found, key=lambda node: heights[id(node)])
        self.rank = {id(node): rank for rank, node in enumerate(self.ranked)}
        for node in self.ranked:
            bits = 1 << self.rank[id(node)]
            for parent in self.parents[id(node)]:
                bits |= self.above[self.rank[id(parent)]]
            self.above.append(bits)
        self.waiting = (1 << len(self.ranked)) - 1

    def settle(self, ends: list[Node]) -> None:
        stack: list[Node | None] = [None]
        while stack:
            node = stack[-1]
            parents = ends if node is None else self.parents[id(node)]
            following = self._next(parents)
            if following is not None:
                stack.append(following)
                continue
            stack.pop()
            if node is not None and self._waits(node):
                self.waiting &= ~(1 << self.rank[id(node)])
                self.settled.append(node)

    def _waits(self, node: Node) -> bool:
        return bool(self.waiting >> self.rank[id(node)] & 1)

    def _next(self, parents: list[Node]) -> Node | None:
        """Return the highest node that several parents need, else the first parent not yet settled."""
        waiting = [parent for parent in parents if self._waits(parent)]
        seen = shared = 0
        for parent in waiting:
            above = self.above[self.rank[id(parent)]] & self.waiting
            shared |= seen & above
            seen |= above
        if shared:
            return self.ranked[shared.bit_length() - 1]
        return waiting[0] if waiting else None

    def computed_aside(self) -> set[int]:
        """Return the operations on inputs alone whose result several others take, with what leads to it."""
        aside: set[int] = set()
        takers = Counter(id(parent) for parents in self.parents.values() for parent in parents)
        pure: set[int] = set()
        for node in self.settled:
            parents = [id(parent) for parent in self.parents[id(node)]]
            if not isinstance(node.operation, keras.Layer) and pure.issuperset(parents):
                pure.add(id(node))
                if takers[id(node)] > 1:
                    aside |= self._with_parents(node)
        return aside

    def _with_parents(self, node: Node) -> set[int]:
        above = (self._with_parents(parent) for parent in self.parents[id(node)])
        return {id(node)}.union(*above)
