"""`--set KEY=VALUE` put into a document, so that its faults are found and placed like any other's."""

from collections.abc import Sequence
from dataclasses import replace

from kexp.diagnostics import Diagnostic, Source, Span
from kexp.document import Document, Entries, Items, Node, Scalar, parse_value, path_parts
from kexp.errors import SpecError, did_you_mean
from kexp.spec.catalogue import NAMESPACES, catalogue
from kexp.spec.components import looks_like_object

COMMAND_LINE = "command line"


def override(document: Document, assignments: Sequence[str]) -> Document:
    """Return the document with each `path=value` put in; the value is YAML.

    Raises: SpecError (override-syntax, override-path), at `command line`.
    """
    for assignment in assignments:
        document = replace(document, root=_assign(document.root, assignment))
    return document


def _assign(root: Node, assignment: str) -> Node:
    path, equals, text = assignment.partition("=")
    source = Source(COMMAND_LINE, assignment)
    whole = Span(source, 1, 1, 1, len(assignment) + 1)
    if not equals or not path.strip():
        raise SpecError(
            Diagnostic(
                "override-syntax",
                f"`{assignment}` is not `KEY=VALUE`",
                span=whole,
                help="such as `train.epochs=3`",
            )
        )
    parts = path_parts(path.strip())
    # The value keeps its column on the command line: blanks stand for what comes before it.
    padded = Source(COMMAND_LINE, " " * (len(path) + 1) + text)
    value = _moved(parse_value(padded), source)
    return _put(root, parts, value, Span(source, 1, 1, 1, len(path) + 1), "")


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


def _put(node: Node, parts: list[str], value: Node, span: Span, done: str) -> Node:
    """Return `node` with `value` at `parts`; `done` is the path so far."""
    if not parts:
        return value
    part, rest = parts[0], parts[1:]
    if part.startswith("["):
        return _put_item(node, int(part[1:-1]), rest, value, span, done)
    if isinstance(node, Scalar) and node.value is None:
        node = Entries((), span)
    if isinstance(node, Scalar) and isinstance(node.value, str) and node.value == part:
        node = Entries(((node, Scalar(None, node.span)),), node.span)
    if not isinstance(node, Entries):
        raise _no_such(part, done, span, [])
    here = f"{done}.{part}" if done else part
    key = next((name for name, _, _ in node if name == part or part in _arrow_parts(name)), None)
    if key is None:
        if looks_like_object(node) and not part[:1].isupper():
            raise _no_such(part, done, span, [name for name, _, _ in node])
        added = (Scalar(part, span), _put(Scalar(None, span), rest, value, span, here))
        return Entries((*node.entries, added), node.span)
    entries = tuple(
        (k, _put(_expanded(k, v, rest), rest, value, span, here)) if k.value == key else (k, v)
        for k, v in node.entries
    )
    return Entries(entries, node.span)


def _put_item(node: Node, index: int, rest: list[str], value: Node, span: Span, done: str) -> Node:
    if not isinstance(node, Items) or index >= len(node.items):
        count = len(node.items) if isinstance(node, Items) else 0
        raise SpecError(
            Diagnostic("override-path", f"`{done}` has no item {index}; it has {count}", span=span, path=done)
        )
    items = list(node.items)
    items[index] = _put(items[index], rest, value, span, f"{done}[{index}]")
    return Items(tuple(items), node.span)


def _expanded(key: Scalar, node: Node, rest: list[str]) -> Node:
    """Turn `Adam: 1e-3` into `Adam: {learning_rate: 1e-3}` when another argument is set beside it."""
    if not rest or rest[0].startswith("[") or (isinstance(node, Entries) and not looks_like_object(node)):
        return node
    if isinstance(node, Scalar) and node.value is None:
        return node
    what = next((part for part in _arrow_parts(str(key.value)) if part[:1].isupper()), "")
    signature = catalogue().find(what, tuple(n for n in NAMESPACES if n != "sources"))
    if signature is None or not signature.params:
        return node
    return Entries(((Scalar(signature.params[0].name, node.span), node),), node.span)


def _arrow_parts(key: str) -> list[str]:
    return [part.strip() for part in key.split("->")]


def _no_such(part: str, done: str, span: Span, known: list[str]) -> SpecError:
    where = f"`{done}`" if done else "the spec"
    help = did_you_mean(part, known) or (f"it holds {', '.join(f'`{k}`' for k in known)}" if known else None)
    return SpecError(
        Diagnostic("override-path", f"{where} has no `{part}` to set", span=span, path=done, help=help)
    )
