"""How many samples of each class go into each split."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise, permutations

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]


def proportional_counts(counts: Sequence[int], sizes: Sequence[int]) -> Counts:
    """Return how many of each class go into each split, with both sums kept.

    Every entry is its exact share count * size / total, rounded down or up. Each class first rounds up its
    largest remainders; then single samples move between splits, cheapest first, until the sizes are right.

    Shapes: (classes,), (splits,) -> (classes, splits)
    Source: such a rounding exists; Cox, "A Constructive Procedure for Unbiased Controlled Rounding", 1987.
    """
    product = np.outer(np.asarray(counts, np.int64), np.asarray(sizes, np.int64))
    floors, rests = np.divmod(product, sum(sizes))
    ups = np.zeros(floors.shape, bool)
    for row, short in enumerate(counts - floors.sum(axis=1)):
        ups[row, np.argsort(-rests[row], kind="stable")[:short]] = True
    surplus = (floors + ups).sum(axis=0) - sizes
    while surplus.any():
        for move in _cheapest_moves(ups, rests, surplus):
            ups[move.row, [move.giver, move.taker]] = False, True
            surplus[[move.giver, move.taker]] += -1, 1
    return floors + ups


@dataclass(frozen=True, slots=True)
class _Move:
    """One class rounds up in `taker` instead of in `giver`."""

    cost: int
    row: int
    giver: int
    taker: int


def _cheapest_moves(ups: NDArray[np.bool_], rests: Counts, surplus: Counts) -> list[_Move]:
    """Return the moves that take one sample from a split too large, perhaps by others, to one too small."""
    lengths = range(2, len(surplus) + 1)
    ways = []
    for path in chain.from_iterable(permutations(range(len(surplus)), length) for length in lengths):
        if surplus[path[0]] > 0 > surplus[path[-1]]:
            moves = [_cheapest_move(ups, rests, giver, taker) for giver, taker in pairwise(path)]
            found = [move for move in moves if move is not None]
            if len(found) == len(moves):
                ways.append(found)
    return min(ways, key=lambda moves: (sum(move.cost for move in moves), len(moves)))


def _cheapest_move(ups: NDArray[np.bool_], rests: Counts, giver: int, taker: int) -> _Move | None:
    able = np.flatnonzero(ups[:, giver] & ~ups[:, taker] & (rests[:, taker] > 0))
    if not able.size:
        return None
    costs = rests[able, giver] - rests[able, taker]
    best = np.argmin(costs)
    return _Move(int(costs[best]), int(able[best]), giver, taker)
