"""YAML text -> Document; what YAML versions read differently is refused unless quoted."""

import re
from dataclasses import replace
from pathlib import Path

import yaml

from kexp.diagnostics import Diagnostic, Related, Source, Span
from kexp.document.events import LOADER, check_events, span_of
from kexp.document.nodes import Document, Entries, Items, Node, Scalar
from kexp.document.scalars import ambiguity, core_value
from kexp.document.syntax import character_fault, syntax_fault
from kexp.errors import KexpError, NotFound, SpecError

MAX_BYTES = 1 << 20
MAX_FAULTS = 100
_SUFFIXES = (".yaml", ".yml")
_NOT_YAML = re.compile(
    "[^\\t\\n\\r\\x20-\\x7e\\x85\\xa0-\\ud7ff\\ue000-\\ufefe\\uff00-\\ufffd\\U00010000-\\U0010ffff]"
)


def load_document(path: Path) -> Document:
    """Read a spec from `path`.

    Raises: what `spec_bytes` and `parse_document` raise.
    """
    return parse_document(spec_bytes(path), str(path), path.parent)


def spec_bytes(path: Path) -> bytes:
    """Return what a spec file holds, to the byte; of one that is too large no more than shows it.

    Raises: spec-not-found, spec-not-readable.
    """
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise _missing_file(path) from None
    except IsADirectoryError:
        inside = path / "resolved.yaml"
        help = f"a run trains again by `{inside}`" if inside.is_file() else "name the YAML file in it"
        raise NotFound.because("spec-not-readable", f"`{path}` is a folder", help=help) from None
    except OSError as error:
        raise NotFound.because("spec-not-readable", f"`{path}` cannot be read: {error.strerror}") from None


def is_spec_file(path: Path) -> bool:
    """Tell whether a file that nobody named by hand may be read, and shown where it is wrong.

    A pipe would be waited for; a link to something else than YAML leads to what is nobody's business.
    """
    return path.is_file() and path.resolve().suffix in _SUFFIXES


def _missing_file(path: Path) -> KexpError:
    folder = path.parent
    nearby = sorted(p.name for p in folder.glob("*.y*ml")) if folder.is_dir() else []
    hint = f"`{folder}` holds {', '.join(f'`{n}`' for n in nearby[:8])}" if nearby else None
    return NotFound(Diagnostic("spec-not-found", f"there is no file `{path}`", help=hint))


def parse_document(data: bytes, name: str, folder: Path = Path()) -> Document:
    """Read a spec from bytes.

    Raises: spec-too-large, spec-not-utf8, spec-empty, and the faults of YAML at their places.
    """
    if len(data) > MAX_BYTES:
        raise SpecError.because(
            "spec-too-large", f"`{name}` has more than {MAX_BYTES:,} bytes, and no spec does"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpecError.because(
            "spec-not-utf8", f"`{name}` is not UTF-8 text: {error.reason} at byte {error.start}"
        ) from None
    source = Source(name, text)
    faults: list[Diagnostic] = []
    root = _compose(source, faults)
    if root is None:
        raise SpecError.because(
            "spec-empty",
            f"`{name}` is empty; a spec is a map with at least `data`, `model` and `train`",
            help="`kexp init` writes one to start from",
        )
    return Document(source, root, folder, tuple(faults[:MAX_FAULTS]))


def parse_value(source: Source) -> Node:
    """Read one YAML value, as given to `--set`."""
    faults: list[Diagnostic] = []
    node = _compose(source, faults)
    if faults:
        raise SpecError(*faults)
    return node or Scalar(None, Span(source, 1, 1, 1, 1))


def _compose(source: Source, faults: list[Diagnostic]) -> Node | None:
    bad = _NOT_YAML.search(source.text)
    if bad:
        raise SpecError(character_fault(source, bad.start()))
    try:
        check_events(source)
        root = yaml.compose(source.text, Loader=LOADER)
    except yaml.MarkedYAMLError as error:
        raise SpecError(syntax_fault(source, error)) from None
    return None if root is None else _convert(root, source, faults)


def _convert(node: yaml.Node, source: Source, faults: list[Diagnostic]) -> Node:
    span = span_of(source, node.start_mark, node.end_mark)
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node, span, faults)
    if isinstance(node, yaml.SequenceNode):
        return Items(tuple(_convert(child, source, faults) for child in node.value), _tight(span))
    entries: dict[str, tuple[Scalar, Node]] = {}
    refused = False
    for key_node, value_node in node.value:
        key = _key(key_node, source, faults)
        value = _convert(value_node, source, faults)
        if key.refused:
            refused = True
        elif str(key.value) in entries:
            faults.append(_duplicate(key, entries[str(key.value)][0]))
        else:
            entries[str(key.value)] = (key, value)
    if refused:  # what the refused key stood for would be missed in this map
        return Scalar(None, _tight(span), refused=True)
    return Entries(tuple(entries.values()), _tight(span))


def _duplicate(key: Scalar, first: Scalar) -> Diagnostic:
    is_layer = str(key.value)[:1].isupper()
    return Diagnostic(
        "duplicate-key",
        f"`{key.value}` stands twice in this map",
        span=key.span,
        related=(Related("first defined here", first.span),),
        help="keep one of the two, or put `- ` in front of the second" if is_layer else "keep one of the two",
    )


def _tight(span: Span) -> Span:
    """End a block collection's span where its first line ends: the C parser ends it at the next token."""
    if span.end_line == span.line:
        return span
    return Span(span.source, span.line, span.column, span.line, len(span.source.line(span.line).rstrip()) + 1)


def _key(node: yaml.Node, source: Source, faults: list[Diagnostic]) -> Scalar:
    span = _tight(span_of(source, node.start_mark, node.end_mark))
    if isinstance(node, yaml.ScalarNode) and (node.value != "<<" or node.style):
        return replace(_scalar(node, span, faults), value=node.value)
    if isinstance(node, yaml.ScalarNode):
        message = "the merge key `<<` is not part of YAML 1.2"
        fault = Diagnostic("yaml-merge-key", message, span=span, help="write the keys out, or use `vars`")
    else:
        shape = "list" if isinstance(node, yaml.SequenceNode) else "map"
        message = f"a {shape} stands where a key is expected"
        help = "quote a whole key that begins with `[` or `{`"
        fault = Diagnostic("key-not-text", message, span=span, help=help)
    faults.append(fault)
    return Scalar(None, span, refused=True)


def _scalar(node: yaml.ScalarNode, span: Span, faults: list[Diagnostic]) -> Scalar:
    text: str = node.value
    if node.style:
        return Scalar(text, span, quoted=True)
    meant, problem = ambiguity(text)
    if problem is None:
        return Scalar(core_value(text), span)
    help = f"write `{meant}`, or quote it" if meant is not None else "quote it"
    whole = re.search(r"(?<![\w.])\d+(?=,\Z)", span.source.line(span.line)[: span.column - 1])
    if whole is not None and text.isdigit():
        help = f"write `{whole[0]}.{text}` with a decimal point, or `{meant}` for a number of its own"
    faults.append(Diagnostic("ambiguous-scalar", f"`{text}` is {problem}", span=span, help=help))
    return Scalar(text, span, refused=True)
