"""A drawing as SVG: no outside tool, no font, no script; readable on light and dark pages."""

from html import escape
from itertools import pairwise

from kexp.report.boxes import Drawing, Node
from kexp.report.layers import Line, Place, Size, layout
from kexp.report.svg_style import STYLE

_MARGIN = 20.0
_PADDING = 14.0
_HEADING = 24.0
_COLUMN_GAP = 36.0
_MOST_LETTERS = 44
_STRAIGHT = 0.5
_ARROW = (
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"'
    ' orient="auto">'
    '<path class="tip" d="M0 0.8 L7.5 4 L0 7.2 z"/></marker></defs>'
)
_TITLE_WIDTH, _DETAIL_WIDTH = 8.6, 6.6
_NARROW, _WIDE = frozenset("iljtfrI.,:;|'!()[] "), frozenset("mwMW@%→\u00d7")


def svg(drawing: Drawing) -> str:
    """Return the model, and beside it the blocks that it uses."""
    main = _Panel(drawing)
    columns = [[main]]
    height = max([main.size.height, *(_Panel(part).size.height for part in drawing.parts)])
    used = height  # the blocks begin a column of their own
    for part in drawing.parts:
        panel = _Panel(part)
        if used + panel.size.height > height + 1:
            columns.append([])
            used = 0.0
        columns[-1].append(panel)
        used += panel.size.height + _MARGIN
    pieces, x = [], _MARGIN
    for column in columns:
        y = _MARGIN
        for panel in column:
            pieces.append(panel.drawn(x, y))
            y += panel.size.height + _MARGIN
        x += max(panel.size.width for panel in column) + _COLUMN_GAP
    bottom = max(sum(panel.size.height + _MARGIN for panel in column) for column in columns) + _MARGIN
    return _document(drawing.title, x - _COLUMN_GAP + _MARGIN, bottom, pieces)


def _document(title: str, width: float, height: float, pieces: list[str]) -> str:
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
    return "\n".join(
        [head, f"<title>{_text(title)}</title>", f"<style>{STYLE}</style>", _ARROW, *pieces, "</svg>"]
    )


class _Panel:
    """A graph with its heading."""

    def __init__(self, drawing: Drawing) -> None:
        self.drawing = drawing
        self.inner = _Inside(drawing)
        heading = _width(drawing.title, _TITLE_WIDTH)
        self.size = Size(
            max(self.inner.size.width, heading) + 2 * _PADDING,
            self.inner.size.height + _HEADING + 2 * _PADDING,
        )

    def drawn(self, x: float, y: float) -> str:
        width, height = self.size.width, self.size.height
        frame = f'<rect class="panel" width="{width:.1f}" height="{height:.1f}" rx="10"/>'
        heading = (
            f'<text class="heading" x="{_PADDING}" y="{_PADDING + 8}">{_text(self.drawing.title)}</text>'
        )
        inside = self.inner.drawn((width - self.inner.size.width) / 2, _HEADING + _PADDING)
        return f'<g transform="translate({x:.1f} {y:.1f})">{frame}{heading}\n{inside}</g>'


class _Inside:
    """The boxes and arrows of one graph; boxes that hold a graph are laid out first."""

    def __init__(self, drawing: Drawing) -> None:
        self.drawing = drawing
        self.inner = {node.id: _Inside(node.inside) for node in drawing.nodes if node.inside is not None}
        sizes = {node.id: self._size(node) for node in drawing.nodes}
        pairs = list(dict.fromkeys((edge.source, edge.target) for edge in drawing.edges))
        self.layout = layout(sizes, pairs)
        self.labels = {
            (edge.source, edge.target): edge.label for edge in reversed(drawing.edges) if edge.label
        }
        self.pairs = pairs
        self.size = self.layout.size

    def _size(self, node: Node) -> Size:
        words = _width(_heading(node), _TITLE_WIDTH)
        if node.id in self.inner:
            inner = self.inner[node.id].size
            return Size(max(inner.width, words) + 2 * _PADDING, inner.height + _HEADING + 2 * _PADDING)
        width = max(words, _width(_short(node.detail), _DETAIL_WIDTH), 40.0) + 2 * _PADDING
        return Size(width, 44.0 if node.detail else 30.0)

    def drawn(self, x: float, y: float) -> str:
        lines = [_line(points) for points in self.layout.lines]
        boxes = [self._box(node, self.layout.places[node.id]) for node in self.drawing.nodes]
        labels = [
            _label(self.labels[pair], points)
            for pair, points in zip(self.pairs, self.layout.lines, strict=True)
            if pair in self.labels
        ]
        return f'<g transform="translate({x:.1f} {y:.1f})">' + "\n".join([*lines, *boxes, *labels]) + "</g>"

    def _box(self, node: Node, place: Place) -> str:
        kind = "output" if node.output is not None and node.id not in self.inner else node.kind
        radius = place.height / 2 if node.kind == "input" else 6
        rect = (
            f'<rect class="{kind}" width="{place.width:.1f}" height="{place.height:.1f}" rx="{radius:.1f}"/>'
        )
        pieces = [f"<title>{_text(_tooltip(node))}</title>", rect]
        if node.id in self.inner:
            inner = self.inner[node.id]
            pieces.append(_words(node, _PADDING, 18, "start"))
            pieces.append(inner.drawn((place.width - inner.size.width) / 2, _HEADING + _PADDING))
        else:
            middle = place.width / 2
            pieces.append(_words(node, middle, 18.5 if node.detail else 19.5, "middle"))
            if node.detail:
                pieces.append(
                    f'<text class="detail" x="{middle:.1f}" y="34.5">{_text(_short(node.detail))}</text>'
                )
        return f'<g transform="translate({place.x:.1f} {place.y:.1f})">{"".join(pieces)}</g>'


def _line(points: Line) -> str:
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x0, y0), (x1, y1) in pairwise(points):
        middle = (y0 + y1) / 2
        curve = f" C{x0:.1f} {middle:.1f} {x1:.1f} {middle:.1f} {x1:.1f} {y1:.1f}"
        path += f" L{x1:.1f} {y1:.1f}" if abs(x0 - x1) < _STRAIGHT else curve
    return f'<path class="line" d="{path}" marker-end="url(#arrow)"/>'


def _label(text: str, points: Line) -> str:
    """Return the name of a call argument beside the end of its line."""
    x, y = points[-1]
    return f'<text class="label" x="{x + 7:.1f}" y="{y - 6:.1f}">{_text(text)}</text>'


def _words(node: Node, x: float, y: float, anchor: str) -> str:
    name = _name(node)
    spans = f'<tspan class="{"code" if node.kind == "expr" else "what"}">{_text(_short(node.title))}</tspan>'
    if name:
        spans += f'<tspan class="name" dx="6">{_text(name)}</tspan>'
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{spans}</text>'


def _name(node: Node) -> str:
    """Return the user's name, and the key under which an output is known by another."""
    if node.output in (None, "", *node.name.split(", ")):
        return node.name
    return f"{node.name} → {node.output}".strip()


def _heading(node: Node) -> str:
    return f"{_short(node.title)}  {_name(node)}" if _name(node) else _short(node.title)


def _tooltip(node: Node) -> str:
    return " · ".join(part for part in (node.title, _name(node), node.detail) if part)


def _short(text: str) -> str:
    return text if len(text) <= _MOST_LETTERS else f"{text[: _MOST_LETTERS - 1]}…"


def _width(text: str, letter: float) -> float:
    return sum(letter * (0.66 if c in _NARROW else 1.4 if c in _WIDE else 1.0) for c in text)


def _text(text: str) -> str:
    """Escape, and leave out what XML cannot hold."""
    return escape("".join(c if c.isprintable() else " " for c in text), quote=True)
