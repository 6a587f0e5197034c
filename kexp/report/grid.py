"""Boxes and lines in rows: below what they take from, ordered so that few lines cross."""

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

_GAP = 22.0
_GAP_BESIDE_LINES = 12.0
_LINE = 8.0
_SWEEPS = 8


@dataclass(slots=True)
class Grid:
    """Boxes and stretches of long lines (`edge:row`) in rows; `above` and `below` are their neighbours."""

    rows: list[list[str]]
    widths: dict[str, float]
    above: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    below: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def offsets(self, row: list[str]) -> list[float]:
        """Return the least distance of every item's centre from the first one's."""
        gaps = [
            (self.widths[left] + self.widths[right]) / 2
            + (_GAP_BESIDE_LINES if is_line(left) or is_line(right) else _GAP)
            for left, right in pairwise(row)
        ]
        return list(accumulate(gaps, initial=0.0))


def is_line(item: str) -> bool:
    return ":" in item


def rows_of(nodes: list[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Return each box's row: below all that it takes from; an input stands just above its first user."""
    row_of = dict.fromkeys(nodes, 0)
    sources, targets = defaultdict(list), defaultdict(list)
    for source, target in edges:
        sources[target].append(source)
        targets[source].append(target)
    for node in nodes:
        row_of[node] = max((row_of[source] + 1 for source in sources[node]), default=0)
    for node in nodes:
        if not sources[node] and targets[node]:
            row_of[node] = min(row_of[target] for target in targets[node]) - 1
    return row_of


def grid_of(
    widths: Mapping[str, float], edges: Sequence[tuple[str, str]], row_of: Mapping[str, int]
) -> tuple[Grid, list[list[str]]]:
    """Put boxes and stretches of long lines into rows."""
    grid = Grid([[] for _ in range(max(row_of.values(), default=-1) + 1)], dict(widths))
    for node in widths:
        grid.rows[row_of[node]].append(node)
    chains = []
    for number, (source, target) in enumerate(edges):
        stretches = [f"{number}:{row}" for row in range(row_of[source] + 1, row_of[target])]
        for stretch, row in zip(stretches, range(row_of[source] + 1, row_of[target]), strict=True):
            grid.rows[row].append(stretch)
            grid.widths[stretch] = _LINE
        chain = [source, *stretches, target]
        for upper, lower in pairwise(chain):
            grid.below[upper].append(lower)
            grid.above[lower].append(upper)
        chains.append(chain)
    return grid, chains


def order(grid: Grid) -> None:
    """Order each row by the mean place of its neighbours, down and up again; keep what crosses least."""
    best, fewest = [list(row) for row in grid.rows], _crossings(grid)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        neighbours = grid.above if down else grid.below
        rows = grid.rows if down else grid.rows[::-1]
        for beside, row in pairwise(rows):
            at = {item: place for place, item in enumerate(beside)}
            means = {item: _mean([at[n] for n in neighbours[item]], place) for place, item in enumerate(row)}
            row.sort(key=means.__getitem__)
        crossings = _crossings(grid)
        if crossings < fewest:
            best, fewest = [list(row) for row in grid.rows], crossings
    grid.rows = best


def _mean(places: list[int], otherwise: float) -> float:
    return sum(places) / len(places) if places else otherwise


def _crossings(grid: Grid) -> int:
    """Count the pairs of lines that cross between two rows: inversions, found by sorted insertion."""
    total = 0
    for upper, lower in pairwise(grid.rows):
        at = {item: place for place, item in enumerate(lower)}
        passed: list[int] = []
        for item in upper:
            ends = sorted(at[below] for below in grid.below[item])
            total += sum(len(passed) - bisect_right(passed, end) for end in ends)
            for end in ends:
                insort(passed, end)
    return total
