"""Where the boxes of a drawing go: rows by longest path, order by barycentre, columns by least squares.

Source: Sugiyama, Tagawa and Toda (1981), Methods for visual understanding of hierarchical system structures.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from kexp.report.grid import Grid, grid_of, is_line, order, rows_of

_ROW_GAP = 30.0
_SETTLINGS = 120
_FEWEST_SETTLINGS = 6
_MOST_MOVES = 150_000
_STRAIGHT = 1.0
_NO_PULL = 0.01
_PORT = 16.0
_PORT_ROUNDS = 3

Line = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Size:
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Place:
    """A box by its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def centre(self) -> float:
        return self.x + self.width / 2

    @property
    def bottom(self) -> float:
        return self.y + self.height


@dataclass(frozen=True, slots=True)
class Layout:
    """Boxes by node, and for every edge the points where its line enters and leaves each row."""

    places: Mapping[str, Place]
    lines: tuple[Line, ...]
    size: Size


def layout(sizes: Mapping[str, Size], edges: Sequence[tuple[str, str]]) -> Layout:
    """Place boxes so that every edge, given from a box to a later one, points down."""
    row_of = rows_of(list(sizes), edges)
    grid, chains = grid_of({node: size.width for node, size in sizes.items()}, edges, row_of)
    order(grid)
    centres = _centres(grid)
    rows = _extents(grid, sizes)
    places = {
        node: Place(
            centres[node] - size.width / 2,
            (sum(rows[row_of[node]]) - size.height) / 2,
            size.width,
            size.height,
        )
        for node, size in sizes.items()
    }
    width = max((centres[item] + grid.widths[item] / 2 for item in centres), default=0.0)
    bottom = rows[-1][1] if rows else 0.0
    return Layout(places, _lines(edges, chains, places, centres, rows, row_of), Size(width, bottom))


def _centres(grid: Grid) -> dict[str, float]:
    """Return the centre of every item: near its neighbours, long lines straight above all."""
    centres: dict[str, float] = {}
    for row in grid.rows:
        offsets = grid.offsets(row)
        centres |= {item: offset - offsets[-1] / 2 for item, offset in zip(row, offsets, strict=True)}
    sweeps = max(_FEWEST_SETTLINGS, min(_SETTLINGS, _MOST_MOVES // max(len(centres), 1)))
    for sweep in range(sweeps):
        for row in grid.rows if sweep % 2 == 0 else grid.rows[::-1]:
            _settle(row, grid, centres)
    left = min((x - grid.widths[item] / 2 for item, x in centres.items()), default=0.0)
    return {item: x - left for item, x in centres.items()}


def _settle(row: list[str], grid: Grid, centres: dict[str, float]) -> None:
    """Move a row's items as near to their neighbours as their order and gaps allow, by least squares."""
    offsets = grid.offsets(row)
    wanted, weights = [], []
    for item, offset in zip(row, offsets, strict=True):
        pulls = [(centres[n], _pull(item, n)) for n in grid.above[item] + grid.below[item]]
        weight = sum(pull for _, pull in pulls)
        wanted.append((sum(x * pull for x, pull in pulls) / weight if pulls else centres[item]) - offset)
        weights.append(weight or _NO_PULL)
    for item, place, offset in zip(row, _ascending(wanted, weights), offsets, strict=True):
        centres[item] = place + offset


def _pull(item: str, neighbour: str) -> float:
    """Return how much two neighbours want to stand in one column; a long line hardly moves boxes."""
    return {0: 4.0, 1: 0.04, 2: 24.0}[is_line(item) + is_line(neighbour)]


def _ascending(wanted: list[float], weights: list[float]) -> list[float]:
    """Return the ascending numbers nearest to `wanted`: pooled adjacent violators."""
    pools: list[tuple[float, float, int]] = []
    for value, weight in zip(wanted, weights, strict=True):
        pool = (value, weight, 1)
        while pools and pools[-1][0] > pool[0]:
            before = pools.pop()
            total = before[1] + pool[1]
            pool = ((before[0] * before[1] + pool[0] * pool[1]) / total, total, before[2] + pool[2])
        pools.append(pool)
    return [value for value, _, count in pools for _ in range(count)]


def _extents(grid: Grid, sizes: Mapping[str, Size]) -> list[tuple[float, float]]:
    """Return the top and bottom of every row."""
    extents, top = [], 0.0
    for row in grid.rows:
        height = max((sizes[item].height for item in row if item in sizes), default=0.0)
        extents.append((top, top + height))
        top += height + _ROW_GAP
    return extents


def _lines(
    edges: Sequence[tuple[str, str]],
    chains: list[list[str]],
    places: Mapping[str, Place],
    centres: Mapping[str, float],
    rows: Sequence[tuple[float, float]],
    row_of: Mapping[str, int],
) -> tuple[Line, ...]:
    """Return the points of every line, straight down inside the rows that it crosses."""
    leaving = [centres[chain[0]] for chain in chains]
    for _ in range(_PORT_ROUNDS):
        beyond = [
            x if len(chain) == 2 else centres[chain[-2]] for chain, x in zip(chains, leaving, strict=True)
        ]
        entering = _ports(1, edges, beyond, places)
        beyond = [
            x if len(chain) == 2 else centres[chain[1]] for chain, x in zip(chains, entering, strict=True)
        ]
        leaving = _ports(0, edges, beyond, places)
    drawn = []
    for (source, target), chain, start, end in zip(edges, chains, leaving, entering, strict=True):
        points = [(start, places[source].bottom), (start, rows[row_of[source]][1])]
        for stretch in chain[1:-1]:
            top, bottom = rows[int(stretch.partition(":")[2])]
            points += [(centres[stretch], top), (centres[stretch], bottom)]
        points += [(end, rows[row_of[target]][0]), (end, places[target].y)]
        drawn.append(tuple(_bends(points)))
    return tuple(drawn)


def _bends(points: list[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Leave out the points in the middle of a straight stretch."""
    last = points[0]
    yield last
    for point, following in pairwise(points[1:]):
        if abs(point[0] - last[0]) > _STRAIGHT or abs(following[0] - last[0]) > _STRAIGHT:
            last = point
            yield point
    yield points[-1]


def _ports(
    side: int, edges: Sequence[tuple[str, str]], beyond: list[float], places: Mapping[str, Place]
) -> list[float]:
    """Return where each line meets its box: straight above or below where it comes from, side by side."""
    ports = [0.0] * len(edges)
    meeting: dict[str, list[tuple[float, int]]] = {}
    for number, edge in enumerate(edges):
        meeting.setdefault(edge[side], []).append((beyond[number], number))
    for node, mine in meeting.items():
        place = places[node]
        mine.sort()
        reach = 0.36 * place.width
        step = min(_PORT, 2 * reach / max(len(mine) - 1, 1))
        wanted = [
            min(max(x, place.centre - reach + i * step), place.centre + reach - (len(mine) - 1 - i) * step)
            - i * step
            for i, (x, _) in enumerate(mine)
        ]
        for i, (x, (_, number)) in enumerate(zip(_ascending(wanted, [1.0] * len(mine)), mine, strict=True)):
            ports[number] = x + i * step
    return ports
