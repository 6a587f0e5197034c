"""`extends`: a spec laid over its bases; every value still points at the file that says it."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from kexp.diagnostics import Diagnostic, Related, Span
from kexp.document import Document, Entries, Items, Node, Scalar, load_document
from kexp.errors import KexpError, NotFound, SpecError
from kexp.spec.components import looks_like_object
from kexp.spec.references import DATA_PATHS

_FILE_REFERENCE = re.compile(r"([\w./-]+\.py):[A-Za-z_]\w*\Z")


@dataclass(frozen=True, slots=True)
class Extended:
    """A document with its bases merged in, and each base's bytes by its path relative to the spec."""

    document: Document
    bases: dict[str, bytes]


def extend(document: Document, read: Callable[[Path], Document] = load_document) -> Extended:
    """Return the document laid over the bases that `extends` names: one, or a list from weak to strong.

    Maps merge deeply, lists replace, and an object replaces an object of another name.

    Raises: SpecError (extends-cycle, wrong-type, …), NotFound (base-not-found), at the `extends` line.
    """
    bases: dict[str, bytes] = {}
    root = _extended(document, document.folder, read, (), bases)
    return Extended(replace(document, root=root), bases)


def _extended(
    document: Document,
    home: Path,
    read: Callable[[Path], Document],
    above: tuple[Path, ...],
    bases: dict[str, bytes],
) -> Node:
    """Return a document's root over its bases, with relative paths as seen from `home`."""
    root = _rebased(document.root, os.path.relpath(document.folder, home), ())
    if not isinstance(root, Entries) or root.get("extends") is None:
        return root
    named = root.get("extends")
    own = Entries(tuple(e for e in root.entries if e[0].value != "extends"), root.span)
    merged: Node | None = None
    for item in named.items if isinstance(named, Items) else (named,):
        path = _base_path(item, document)
        if path.resolve() in above:
            chain = " -> ".join(str(p.name) for p in (*above, path))
            message = f"the specs extend one another: {chain}"
            raise SpecError(Diagnostic("extends-cycle", message, "extends", _span(item)))
        base = _read_base(path, item, read)
        kept = Path(os.path.relpath(path, home))
        bases["/".join(part for part in kept.parts if part != "..")] = base.source.text.encode()
        laid = _extended(base, home, read, (*above, path.resolve()), bases)
        merged = laid if merged is None else merge(merged, laid)
    return own if merged is None else merge(merged, own)


def _base_path(node: Node | None, document: Document) -> Path:
    if isinstance(node, Scalar) and isinstance(node.value, str) and node.value:
        return document.folder / node.value
    assert node is not None
    message = "`extends` must be the path of a spec, or a list of such paths"
    raise SpecError(Diagnostic("wrong-type", message, "extends", node.span))


def _span(node: Node | None) -> Span | None:
    return node.span if node is not None else None


def _read_base(path: Path, node: Node | None, read: Callable[[Path], Document]) -> Document:
    span = _span(node)
    try:
        base = read(path)
    except NotFound as error:
        fault = error.diagnostics[0]
        raise NotFound(
            Diagnostic("base-not-found", f"there is no base `{path}`", "extends", span, help=fault.help)
        ) from None
    except KexpError as error:
        related = (Related("extended here", span),) if span is not None else ()
        raise error.with_diagnostics(
            replace(d, related=(*d.related, *related)) for d in error.diagnostics
        ) from None
    if not isinstance(base.root, Entries):
        raise SpecError(Diagnostic("not-a-spec", f"the base `{path}` is not a map", "extends", span))
    if base.faults:
        raise SpecError(*base.faults)
    return base


def merge(base: Node, over: Node) -> Node:
    """Return `over` laid over `base`."""
    if not isinstance(base, Entries) or not isinstance(over, Entries):
        return over
    if (looks_like_object(base) or looks_like_object(over)) and _names(base) != _names(over):
        return over
    entries = {str(key.value): (key, value) for key, value in base.entries}
    for key, value in over.entries:
        name = str(key.value)
        entries[name] = (key, merge(entries[name][1], value) if name in entries else value)
    return Entries(tuple(entries.values()), over.span)


def _names(node: Entries) -> list[str]:
    return [name for name, _, _ in node]


def _rebased(node: Node, folder: str, path: tuple[str, ...]) -> Node:
    """Make relative files of a base in another folder relative to the spec that extends it."""
    if folder == ".":
        return node
    match node:
        case Scalar(value=str() as text) if path[-2:] == ("layers", "[]") and "->" in text:
            return _rebased_key(node, folder)
        case Scalar(value=str() as text):
            is_data = len(path) == 2 and path[0] == "data" and path[1] in DATA_PATHS
            is_weights = path[-1:] == ("weights",) or path[-2:] == ("weights", "from")
            moves = _FILE_REFERENCE.match(text) or is_data or is_weights
            return replace(node, value=_moved(text, folder)) if moves else node
        case Items(items=items):
            return replace(node, items=tuple(_rebased(item, folder, (*path, "[]")) for item in items))
        case Entries(entries=entries):
            moved = (
                (_rebased_key(key, folder), _rebased(value, folder, (*path, str(key.value))))
                for key, value in entries
            )
            return replace(node, entries=tuple(moved))
    return node


def _rebased_key(key: Scalar, folder: str) -> Scalar:
    text = str(key.value)
    parts = text.split("->")
    moved = [_moved(part, folder) if _FILE_REFERENCE.match(part.strip()) else part for part in parts]
    return replace(key, value="->".join(moved))


def _moved(text: str, folder: str) -> str:
    bare = text.strip()
    return text if Path(bare).is_absolute() else text.replace(bare, os.path.normpath(f"{folder}/{bare}"))
