"""Plain scalars, maps and lists in which every value keeps its place, and the document they make."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from kexp.diagnostics import Diagnostic, Source, Span
from kexp.errors import KexpError

Plain = bool | int | float | str | None


@dataclass(frozen=True, slots=True)
class Scalar:
    """`settled`: the value's formulas are computed, and a `$` in it is a dollar.

    `refused`: its fault is gathered already, and whoever needs the value goes without it.
    """

    value: Plain
    span: Span = field(compare=False)
    quoted: bool = field(default=False, compare=False)
    settled: bool = field(default=False, compare=False)
    refused: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Items:
    """A YAML list."""

    items: tuple["Node", ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Entries:
    """A YAML map, in the order of the text."""

    entries: tuple[tuple[Scalar, "Node"], ...]
    span: Span = field(compare=False)

    def __iter__(self) -> Iterator[tuple[str, Scalar, "Node"]]:
        return ((str(key.value), key, value) for key, value in self.entries)

    def get(self, name: str) -> "Node | None":
        return next((value for key, value in self.entries if key.value == name), None)

    def key(self, name: str) -> Scalar | None:
        return next((key for key, _ in self.entries if key.value == name), None)


Node = Scalar | Items | Entries


@dataclass(frozen=True, slots=True)
class Document:
    """A text and what it says. `folder` is where its relative paths start.

    `faults` are those that leave the rest readable; `spec.parse_experiment` reports them with its own.
    """

    source: Source = field(compare=False)
    root: Node
    folder: Path = field(compare=False, default=Path())
    faults: tuple[Diagnostic, ...] = field(compare=False, default=())

    def locate(self, path: str) -> Span | None:
        """Return the span of the value at `path` (`data.split.val`), or of its nearest parent.

        Below a step's key (`layers[0].Dense.weights`) also stand the keys beside it.
        """
        found = self._find(path)
        return found.span if found else None

    def locate_key(self, path: str) -> Span | None:
        """Return the span of the key at `path`, or of its nearest parent's."""
        found = self._find(path)
        return found.key if found else None

    def path_of(self, span: Span) -> str:
        """Return the path of the value or key that stands at a place; nothing where there is none."""
        waiting = [("", self.root)]
        while waiting:
            path, node = waiting.pop()
            if node.span == span:
                return path
            match node:
                case Items(items=items):
                    waiting += [(f"{path}[{index}]", item) for index, item in enumerate(items)]
                case Entries(entries=entries):
                    inner = [(f"{path}.{_what(key)}".lstrip("."), key, value) for key, value in entries]
                    found = next((name for name, key, _ in inner if key.span == span), None)
                    if found is not None:
                        return found
                    waiting += [(name, value) for name, _, value in inner]
        return ""

    def _find(self, path: str) -> "_Found | None":
        found, step = None, None
        for part in path_parts(path):
            inner = _child(found.node if found else self.root, part)
            if inner is None and step is not None:
                inner = _child(step.node, part)
            if inner is None:
                break
            found, step = inner, found if found and found.is_item else None
        return found

    def located(self, error: KexpError) -> KexpError:
        """Return the same error with a span for every diagnostic that names a path in this document."""
        return error.with_diagnostics(
            replace(d, span=self.locate(d.path)) if d.span is None and d.path else d
            for d in error.diagnostics
        )


def path_parts(path: str) -> list[str]:
    """Split `train.stages[0].optimizer` into its keys and `[index]` parts."""
    return re.findall(r"\[\d+\]|[^.\[\]]+\.py:\w+|[^.\[\]]+", path)


def _what(key: Scalar) -> str:
    """Return what a path calls a key: a step's by what it does, without its arrows."""
    parts = [part.strip() for part in str(key.value).split("->")]
    capital = next((part for part in parts if part[:1].isupper()), None)
    return capital or (parts[1] if len(parts) == 3 else parts[0])


@dataclass(frozen=True, slots=True)
class _Found:
    """A value, its place, and its key's; a value left out stands at its key, an item is its own key."""

    node: Node
    span: Span
    key: Span
    is_item: bool = False


def _child(node: Node, part: str) -> _Found | None:
    if isinstance(node, Items) and part.startswith("["):
        index = int(part[1:-1])
        if index >= len(node.items):
            return None
        item = node.items[index]
        return _Found(item, item.span, item.span, is_item=True)
    if isinstance(node, Entries):
        for name, key, value in node:
            if name == part or part in (piece.strip() for piece in name.split("->")):
                left_out = isinstance(value, Scalar) and value.value is None
                return _Found(value, key.span if left_out else value.span, key.span)
    return None


def texts(node: Node | None) -> Iterator[Scalar]:
    """Yield every text in a node, keys too."""
    waiting = [node]
    while waiting:
        match waiting.pop():
            case Scalar(value=str()) as scalar:
                yield scalar
            case Items(items=items):
                waiting += items
            case Entries(entries=entries):
                waiting += (inner for entry in entries for inner in entry)


def plain(node: Node) -> object:
    """Return the node as plain Python values, places dropped."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Items):
        return [plain(item) for item in node.items]
    return {name: plain(value) for name, _, value in node}
