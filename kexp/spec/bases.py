"""`extends`: a spec laid over its bases; every value still points at the file that says it."""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from kexp.diagnostics import Diagnostic, Related, Span
from kexp.document import Document, Entries, Items, Node, Scalar, parse_document
from kexp.document.reading import is_spec_file, spec_bytes
from kexp.errors import KexpError, NotFound, SpecError
from kexp.spec.components import looks_like_object
from kexp.spec.references import DATA_PATHS

MAX_BASES = 100

_LOOKUP = re.compile(r"\b(StringLookup|IntegerLookup|TextVectorization)\b")
_FILE_REFERENCE = re.compile(r"([\w./-]+\.py):[A-Za-z_]\w*\Z")


@dataclass(frozen=True, slots=True)
class Extended:
    """A document with its bases merged in, and each base's bytes by its path relative to the spec."""

    document: Document
    bases: dict[str, bytes]


def extend(document: Document) -> Extended:
    """Return the document laid over the bases that `extends` names: one, or a list from weak to strong.

    Maps merge deeply, lists replace, and an object replaces an object of another name.

    What leaves a base readable is among the document's faults.

    Raises: SpecError (extends-cycle, wrong-type, …), NotFound (base-not-found), at the `extends` lines.
    """
    laying = _Laying(document.folder)
    root = laying.laid(document, ())
    if laying.errors:
        faults = (d for error in laying.errors for d in error.diagnostics)
        raise laying.errors[0].with_diagnostics((*document.faults, *laying.faults, *faults))
    return Extended(replace(document, root=root, faults=(*document.faults, *laying.faults)), laying.bases)


@dataclass(frozen=True, slots=True)
class _Laying:
    """One spec laid over its bases, with relative paths as seen from `home`; what was found on the way."""

    home: Path
    bases: dict[str, bytes] = field(default_factory=dict)
    seen: list[Node] = field(default_factory=list)
    faults: list[Diagnostic] = field(default_factory=list)
    errors: list[KexpError] = field(default_factory=list)

    def laid(self, document: Document, above: tuple[Path, ...]) -> Node:
        """Return a document's root over its bases."""
        root = _rebased(document.root, os.path.relpath(document.folder, self.home), ())
        named = root.get("extends") if isinstance(root, Entries) else None
        if not isinstance(root, Entries) or named is None:
            return root
        merged: Node | None = None
        for item in named.items if isinstance(named, Items) else (named,):
            self.seen.append(item)
            if len(self.seen) > MAX_BASES:  # bases that each extend others twice multiply
                message = f"more than {MAX_BASES} bases are laid over one another"
                raise SpecError(Diagnostic("too-many-bases", message, "extends", item.span))
            try:
                path, base = self._base(item, document, above)
            except KexpError as error:
                self.errors.append(error)
                continue
            laid = self.laid(base, (*above, path.resolve()))
            merged = laid if merged is None else merge(merged, laid)
        own = Entries(tuple(e for e in root.entries if e[0].value != "extends"), root.span)
        return own if merged is None else merge(merged, own)

    def _base(self, item: Node, document: Document, above: tuple[Path, ...]) -> tuple[Path, Document]:
        path = _base_path(item, document)
        if path.resolve() in above:
            chain = " -> ".join(str(p.name) for p in (*above, path))
            message = f"the specs extend one another: {chain}"
            raise SpecError(Diagnostic("extends-cycle", message, "extends", item.span))
        data, base = _read_base(path, item.span)
        kept = Path(os.path.relpath(path, self.home))
        self.bases["/".join(part for part in kept.parts if part != "..")] = data
        self.faults.extend(_extended_here(base.faults, item.span))
        return path, base


def _base_path(node: Node, document: Document) -> Path:
    if isinstance(node, Scalar) and isinstance(node.value, str) and node.value and "\0" not in node.value:
        return document.folder / node.value
    message = "`extends` must be the path of a spec, or a list of such paths"
    raise SpecError(Diagnostic("wrong-type", message, "extends", node.span))


def _read_base(path: Path, span: Span) -> tuple[bytes, Document]:
    """Return what a base holds, to the byte and as a document."""
    try:
        if path.exists() and not path.is_dir() and not is_spec_file(path):
            raise NotFound.because("base-not-found", "", help="a base is a file that ends in `.yaml`")
        data = spec_bytes(path)
        base = parse_document(data, str(path), path.parent)
    except NotFound as error:
        fault = error.diagnostics[0]
        raise NotFound(
            Diagnostic("base-not-found", f"there is no base `{path}`", "extends", span, help=fault.help)
        ) from None
    except KexpError as error:
        raise error.with_diagnostics(_extended_here(error.diagnostics, span)) from None
    if not isinstance(base.root, Entries):
        raise SpecError(Diagnostic("not-a-spec", f"the base `{path}` is not a map", "extends", span))
    return data, base


def _extended_here(faults: Iterable[Diagnostic], span: Span) -> Iterator[Diagnostic]:
    """Yield a base's faults with the line that extends it."""
    return (replace(d, related=(*d.related, Related("extended here", span))) for d in faults)


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
            is_data = path[:1] == ("data",) and path[1:2] and path[1] in DATA_PATHS
            is_weights = path[-1:] == ("weights",) or path[-2:] == ("weights", "from")
            is_vocabulary = path[-1:] == ("vocabulary",) and _LOOKUP.search(path[-2]) is not None
            moves = _FILE_REFERENCE.match(text) or is_data or is_weights or is_vocabulary
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
