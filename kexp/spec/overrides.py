"""`--set KEY=VALUE` put into a document, so that its faults are found and placed like any other's."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kexp.diagnostics import Diagnostic, Source, Span
from kexp.document import Document, Entries, Items, Node, Scalar, parse_value, path_parts
from kexp.errors import SpecError, did_you_mean
from kexp.spec.catalogue import NAMESPACES, catalogue
from kexp.spec.components import is_custom, looks_like_object

COMMAND_LINE = "command line"
_OBJECTS = tuple(namespace for namespace in NAMESPACES if namespace != "sources")


def override(document: Document, assignments: Sequence[str]) -> Document:
    """Return the document with each `path=value` put in; the value is YAML.

    One that cannot be is among the document's faults (override-syntax, override-path), at `command line`.
    """
    root, faults = document.root, [*document.faults]
    for assignment in assignments:
        try:
            root = _assign(root, assignment)
        except SpecError as error:
            faults += error.diagnostics
    return replace(document, root=root, faults=tuple(faults))


@dataclass(frozen=True, slots=True)
class _Given:
    """The value to put in, and where its path stands."""

    value: Node
    span: Span

    def tail(self, part: str) -> Span:
        """Return the place of the path's last part."""
        return self.span.part(self.span.end_column - self.span.column - len(part), len(part))


def _assign(root: Node, assignment: str) -> Node:
    path, equals, _ = assignment.partition("=")
    source = Source(COMMAND_LINE, assignment)
    if not equals or not path.strip():
        raise SpecError(
            Diagnostic(
                "override-syntax",
                f"`{assignment}` is not `KEY=VALUE`",
                span=Span(source, 1, 1, 1, len(assignment) + 1),
                help="such as `train.epochs=3`",
            )
        )
    given = _Given(_value(source, len(path) + 1), Span(source, 1, 1, 1, len(path.rstrip()) + 1))
    return _put(root, path_parts(path.strip()), given, "")


def _value(source: Source, start: int) -> Node:
    """Read the value that begins after `start` characters; blanks before it keep its column."""
    padded = Source(source.name, " " * start + source.text[start:])
    try:
        return _moved(parse_value(padded), source)
    except SpecError as error:
        moved = (d.at(replace(d.span, source=source) if d.span else None) for d in error.diagnostics)
        raise SpecError(*moved) from None


def _moved(node: Node, source: Source) -> Node:
    """Make a node's spans point into the whole assignment."""
    span = replace(node.span, source=source)
    match node:
        case Scalar():
            return replace(node, span=span)
        case Items(items=items):
            return Items(tuple(_moved(item, source) for item in items), span)
        case Entries(entries=entries):
            pairs = ((replace(k, span=replace(k.span, source=source)), _moved(v, source)) for k, v in entries)
            return Entries(tuple(pairs), span)


def _put(node: Node, parts: list[str], given: _Given, done: str) -> Node:
    """Return `node` with the value at `parts`; `done` is the path so far."""
    if not parts:
        return given.value
    if parts[0].startswith("["):
        return _put_item(node, parts, given, done)
    return _put_entry(node, parts, given, done)


def _put_item(node: Node, parts: list[str], given: _Given, done: str) -> Node:
    index = int(parts[0][1:-1])
    if not isinstance(node, Items) or index >= len(node.items):
        where = f"`{done}`" if done else "the spec"
        held = f"has {len(node.items)} items, and no" if isinstance(node, Items) else "is no list with an"
        message = f"{where} {held} item {index}"
        raise SpecError(Diagnostic("override-path", message, span=given.span, path=done))
    items = list(node.items)
    items[index] = _put(items[index], parts[1:], given, f"{done}[{index}]")
    return Items(tuple(items), node.span)


def _put_entry(node: Node, parts: list[str], given: _Given, done: str) -> Node:
    part, rest = parts[0], parts[1:]
    if isinstance(node, Scalar):
        node = _as_entries(node, part, done, given)
    if not isinstance(node, Entries):
        raise _no_such(part, done, given.span, [])
    here = f"{done}.{part}" if done else part
    entries = list(node.entries)
    for position, (key, value) in enumerate(entries):
        if part == key.value or part in _arrow_parts(str(key.value)):
            if not rest and part == key.value:
                key = replace(key, span=given.tail(part))
            entries[position] = (key, _put(_expanded(key, value, rest), rest, given, here))
            return Entries(tuple(entries), node.span)
    if looks_like_object(node):  # another object takes its place, but a step or an item only by its own name
        if done.endswith("]") or not _is_object_name(part):
            raise _no_such(part, done, given.span, [name for name, _, _ in node])
        entries = []
    added = Scalar(part, given.span if rest else given.tail(part))
    left_out = Scalar(None, given.span)
    return Entries((*entries, (added, _put(left_out, rest, given, here))), node.span)


def _as_entries(node: Scalar, part: str, done: str, given: _Given) -> Entries:
    """Return what is left out, or an object without arguments, as a map to put a value in."""
    if node.value is None:
        return Entries((), given.span)
    if node.value == part:
        return Entries(((node, Scalar(None, node.span)),), node.span)
    raise _no_such(part, done, given.span, [])


def _is_object_name(name: str) -> bool:
    return is_custom(name) or catalogue().find(name, _OBJECTS) is not None


def _expanded(key: Scalar, node: Node, rest: list[str]) -> Node:
    """Turn `Adam: 1e-3` into `Adam: {learning_rate: 1e-3}` when another argument is set beside it."""
    if not rest or rest[0].startswith("[") or (isinstance(node, Entries) and not looks_like_object(node)):
        return node
    if isinstance(node, Scalar) and node.value is None:
        return node
    what = next((part for part in _arrow_parts(str(key.value)) if part[:1].isupper()), "")
    signature = catalogue().find(what, _OBJECTS)
    if signature is None or not signature.params:
        return node
    return Entries(((Scalar(signature.params[0].name, node.span), node),), node.span)


def _arrow_parts(key: str) -> list[str]:
    return [part.strip() for part in key.split("->")]


def _no_such(part: str, done: str, span: Span, known: list[str]) -> SpecError:
    where = f"`{done}`" if done else "the spec"
    help = did_you_mean(part, known) or (f"it holds {', '.join(f'`{k}`' for k in known)}" if known else None)
    message = f"{where} has no `{part}` to set"
    return SpecError(Diagnostic("override-path", message, span=span, path=done, help=help))
