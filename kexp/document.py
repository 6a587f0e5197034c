"""YAML text -> Document: plain scalars, maps and lists in which every value keeps its place.

Scalars follow YAML 1.2's core schema; what YAML versions read differently is refused unless quoted.
Limits hold on the event stream, before anything is composed: hostile text costs time linear in its size.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml

from kexp.diagnostics import Diagnostic, Related, Source, Span
from kexp.errors import KexpError, NotFound, SpecError

MAX_BYTES = 1 << 20
MAX_DEPTH = 64
MAX_NODES = 100_000
_MAX_DIGITS = 250  # a longer integer overflows a float, and Python refuses to print it

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL = re.compile(r"(?:~|null|Null|NULL|)\Z")
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
_BASED_INT = re.compile(r"0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_SPECIAL_FLOAT = re.compile(r"([-+]?)\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")
_OTHER_BOOLEAN = re.compile(r"(?:yes|no|on|off|true|false)\Z", re.IGNORECASE)
_LEADING_ZERO = re.compile(r"[-+]?0[0-9_]+\Z")
_UNDERSCORED = re.compile(r"[-+]?[0-9][0-9_]*_[0-9_]*(?:\.[0-9_]*)?\Z")
_NOT_YAML = re.compile("[^\\t\\n\\r\\x20-\\x7e\\x85\\xa0-\\ud7ff\\ue000-\\ufefe\\uff00-\\ufffd\\U00010000-\\U0010ffff]")
_OPENERS = ("{", "[", '"', "'", ">", "|")
_SEXAGESIMAL = re.compile(r"[-+]?[0-9]+(?::[0-5]?[0-9])+(?:\.[0-9]*)?\Z")

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
        """Return the span of the value at `path` (`data.split.val`), or of its nearest parent."""
        found = self._find(path)
        return found.span if found else None

    def locate_key(self, path: str) -> Span | None:
        """Return the span of the key at `path`, or of its nearest parent's."""
        found = self._find(path)
        return found.key if found else None

    def _find(self, path: str) -> "_Found | None":
        found = None
        for part in path_parts(path):
            inner = _child(found.node if found else self.root, part)
            if inner is None:
                break
            found = inner
        return found

    def located(self, error: KexpError) -> KexpError:
        """Return the same error with a span for every diagnostic that names a path in this document."""
        return type(error)(
            *(
                replace(d, span=self.locate(d.path)) if d.span is None and d.path else d
                for d in error.diagnostics
            )
        )


def path_parts(path: str) -> list[str]:
    """Split `train.stages[0].optimizer` into its keys and `[index]` parts."""
    return re.findall(r"\[\d+\]|[^.\[\]]+\.py:\w+|[^.\[\]]+", path)


def load_document(path: Path) -> Document:
    """Read a spec from `path`.

    Raises: spec-not-found, spec-not-readable, and what `parse_document` raises.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise _missing_file(path) from None
    except OSError as error:
        raise NotFound.because("spec-not-readable", f"`{path}` cannot be read: {error.strerror}") from None
    return parse_document(data, str(path), path.parent)


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
            "spec-too-large", f"`{name}` has {len(data):,} bytes; a spec has at most {MAX_BYTES:,}"
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
            help="start from one of the examples in `configs/`",
        )
    return Document(source, root, folder, tuple(faults))


def parse_value(source: Source) -> Node:
    """Read one YAML value, as given to `--set`."""
    faults: list[Diagnostic] = []
    node = _compose(source, faults)
    if faults:
        raise SpecError(*faults)
    return node or Scalar(None, Span(source, 1, 1, 1, 1))


@dataclass(frozen=True, slots=True)
class _Found:
    """A value, its place, and its key's; a value that is left out stands at its key, an item is its own key."""

    node: Node
    span: Span
    key: Span


def _child(node: Node, part: str) -> _Found | None:
    if isinstance(node, Items) and part.startswith("["):
        index = int(part[1:-1])
        if index >= len(node.items):
            return None
        item = node.items[index]
        return _Found(item, item.span, item.span)
    if isinstance(node, Entries):
        for name, key, value in node:
            if name == part or part in (piece.strip() for piece in name.split("->")):
                left_out = isinstance(value, Scalar) and value.value is None
                return _Found(value, key.span if left_out else value.span, key.span)
    return None


# ---------------------------------------------------------------- events: limits and forbidden constructs


def _compose(source: Source, faults: list[Diagnostic]) -> Node | None:
    bad = _NOT_YAML.search(source.text)
    if bad:
        raise SpecError(_character_fault(source, bad.start()))
    try:
        _check_events(source)
        root = yaml.compose(source.text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        raise SpecError(_syntax_fault(source, error)) from None
    return None if root is None else _convert(root, source, faults)


def _character_fault(source: Source, position: int) -> Diagnostic:
    line, column = source.place(position)
    return Diagnostic(
        "yaml-character",
        f"the character U+{ord(source.text[position]):04X} is not allowed in YAML",
        span=Span(source, line, column, line, column + 1),
    )


def _check_events(source: Source) -> None:
    """Refuse depth, size, tags, recursion and second documents before composing."""
    census = _Census(source)
    documents = 0
    for event in yaml.parse(source.text, Loader=_Loader):
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise _refused(
                    _event_span(source, event),
                    "yaml-second-document",
                    "a second document begins here",
                    "keep one document per file",
                )
        elif isinstance(event, yaml.AliasEvent):
            census.alias(event)
        elif isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent)):
            census.node(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            census.end()


class _Census:
    """Counts the nodes of a text as if every alias were written out."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.total = 0
        self.sizes: dict[str, int | None] = {}
        self.open: list[tuple[str | None, int]] = []

    def alias(self, event: yaml.AliasEvent) -> None:
        size = self.sizes.get(event.anchor or "", 1)
        if size is None:
            message = f"`*{event.anchor}` stands inside the value it names"
            raise _refused(_event_span(self.source, event), "yaml-recursive-alias", message)
        self._add(size, event)

    def node(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.tag is not None and event.tag != "!":
            place = _tag_span(self.source, event)
            raise _refused(
                place,
                "yaml-tag",
                f"the tag `{place.text}` is not allowed",
                "write plain values: text, numbers, lists and maps",
            )
        self._add(1, event)
        if isinstance(event, yaml.ScalarEvent):
            if event.anchor:
                self.sizes[event.anchor] = 1
            return
        self.open.append((event.anchor, self.total))
        if event.anchor:
            self.sizes[event.anchor] = None
        if len(self.open) > MAX_DEPTH:
            message = f"values are nested more than {MAX_DEPTH} deep here"
            raise _refused(_event_span(self.source, event), "yaml-too-deep", message)

    def end(self) -> None:
        anchor, before = self.open.pop()
        if anchor:
            self.sizes[anchor] = self.total - before + 1

    def _add(self, size: int, event: yaml.Event) -> None:
        self.total += size
        if self.total > MAX_NODES:
            message = f"there are more than {MAX_NODES:,} values here, aliases counted"
            raise _refused(_event_span(self.source, event), "yaml-too-many-nodes", message)


def _refused(span: Span, id: str, message: str, help: str | None = None) -> SpecError:
    return SpecError(Diagnostic(id, message, span=span, help=help))


def _event_span(source: Source, event: yaml.Event) -> Span:
    assert event.start_mark is not None and event.end_mark is not None
    return _span(source, event.start_mark, event.end_mark)


def _tag_span(source: Source, event: yaml.NodeEvent) -> Span:
    span = _event_span(source, event)
    tag = re.compile(r"!<[^>]*>|![^\s,\[\]{}]*").search(source.line(span.line), span.column - 1)
    assert tag is not None
    return Span(source, span.line, tag.start() + 1, span.line, tag.end() + 1)


def _span(source: Source, start: yaml.Mark, end: yaml.Mark) -> Span:
    return Span(source, start.line + 1, start.column + 1, end.line + 1, end.column + 1)


# ---------------------------------------------------------------- syntax: what libyaml says, in plain words


@dataclass(frozen=True, slots=True)
class _Plain:
    """A sentence for libyaml's `problem` (in its `context`); `{word}` is the text at the place.

    `opener`: the fault is where the thing began that libyaml could not end.
    """

    problem: str
    context: str
    message: str
    help: str | None = None
    opener: bool = False


_SYNTAX = (
    _Plain("unexpected end of stream", "quoted scalar", "this quote is never closed", opener=True),
    _Plain("unexpected document indicator", "quoted scalar", "this quote is never closed", opener=True),
    _Plain(
        "did not find expected ',' or",
        "flow",
        "this bracket is never closed, or a comma is missing after a value in it",
        "close it, and quote values that contain commas or brackets",
        opener=True,
    ),
    _Plain("expected node content", "", "a value or a closing bracket is expected before this"),
    _Plain(
        "expected comment or line break",
        "block scalar",
        "an unquoted value cannot begin with `{word}`",
        "quote the value",
        opener=True,
    ),
    _Plain("cannot start any token", "", "an unquoted value cannot begin with `{word}`", "quote the value"),
    _Plain(
        "did not find expected key",
        "block mapping",
        "this does not continue the map that is open here",
        "the keys of one map begin in the same column, and nothing follows a closing quote or bracket",
    ),
    _Plain(
        "did not find expected '-' indicator",
        "block collection",
        "this does not continue the list that is open here",
        "the items of one list begin with `- ` in the same column",
    ),
    _Plain(
        "mapping values are not allowed",
        "",
        "a second `: ` stands in one line",
        "quote a value that contains `: `, and put nested maps on lines of their own or in `{}`",
    ),
    _Plain(
        "block sequence entries are not allowed",
        "",
        "a list cannot begin here",
        "put its first `- ` on a line of its own, or write `[…]`",
    ),
    _Plain("could not find expected ':'", "simple key", "a key without `: ` stands here", opener=True),
    _Plain("found undefined alias", "", "there is no anchor for `{word}` above", "quote text that begins with `*`"),
    _Plain("unknown escape character", "", "this is no escape sequence of YAML", "use single quotes for plain text"),
)  # fmt: skip
_BLANK_MISSING = re.compile(r"\s*(?:- +)*(?P<key>[^\s:#'\"{}\[\]]+:)(?P<value>[^\s:/].*)")


def _syntax_fault(source: Source, error: yaml.MarkedYAMLError) -> Diagnostic:
    mark = error.problem_mark or error.context_mark
    assert mark is not None
    span = _point(source, mark.line + 1, mark.column + 1)
    return (
        _tab_fault(span)
        or _blank_fault(source, span.line)
        or _known_fault(source, span, error)
        or Diagnostic("yaml-syntax", f"this is not YAML: {error.problem}", span=span)
    )


def _tab_fault(span: Span) -> Diagnostic | None:
    line = span.source.line(span.line)
    indent = line[: len(line) - len(line.lstrip())]
    if "\t" not in indent:
        return None
    place = Span(span.source, span.line, indent.index("\t") + 1, span.line, len(indent) + 1)
    message = "a tab indents this line; YAML allows only spaces"
    return Diagnostic("yaml-tab", message, span=place, help="replace each tab by spaces")


def _blank_fault(source: Source, number: int) -> Diagnostic | None:
    """Recognise `epochs:3`, which YAML takes for text until the next line makes no sense."""
    for line in (number, number - 1):
        found = _BLANK_MISSING.match(source.line(line))
        if found:
            place = Span(source, line, found.start("key") + 1, line, found.end("key") + 1)
            help = f"write `{found['key']} {found['value'].rstrip()}`"
            return Diagnostic("yaml-blank", "a blank is missing after this colon", span=place, help=help)
    return None


def _known_fault(source: Source, span: Span, error: yaml.MarkedYAMLError) -> Diagnostic | None:
    problem, context = error.problem or "", error.context or ""
    known = next((k for k in _SYNTAX if k.problem in problem and k.context in context), None)
    if known is None:
        return None
    related: tuple[Related, ...] = ()
    opener = error.context_mark
    if opener is not None and known.opener:
        span = _point(source, opener.line + 1, opener.column + 1)
        if span.text[:1] in _OPENERS:
            span = span.part(0, 1)
    elif opener is not None and opener.line + 1 != span.line:
        related = (Related("it begins here", _point(source, opener.line + 1, opener.column + 1)),)
    message = known.message.replace("{word}", span.text)
    return Diagnostic("yaml-syntax", message, span=span, related=related, help=known.help)


def _point(source: Source, line: int, column: int) -> Span:
    """Return the span of the word at a place, or of the last character when the text ends there."""
    while line > 1 and not source.line(line)[column - 1 :].strip():
        line, column = line - 1, 1
        column = max(1, len(source.line(line).rstrip()))
        if source.line(line).strip():
            break
    word = re.match(r"\S+", source.line(line)[column - 1 :])
    return Span(source, line, column, line, column + (len(word.group()) if word else 1))


# ---------------------------------------------------------------- nodes: YAML 1.2 scalars, unique keys


def _convert(node: yaml.Node, source: Source, faults: list[Diagnostic]) -> Node:
    span = _span(source, node.start_mark, node.end_mark)
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
    span = _tight(_span(source, node.start_mark, node.end_mark))
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
    meant, problem = _ambiguity(text)
    if problem is None:
        return Scalar(_core_value(text), span)
    help = f"write `{meant}`, or quote it" if meant is not None else "quote it"
    faults.append(Diagnostic("ambiguous-scalar", f"`{text}` is {problem}", span=span, help=help))
    return Scalar(text, span, refused=True)


def means_other_than_text(text: str) -> bool:
    """Tell whether unquoted `text` would be read as something else, or refused."""
    return not isinstance(_core_value(text), str) or _ambiguity(text)[1] is not None or text == "<<"


def _ambiguity(text: str) -> tuple[str | None, str | None]:
    """Return what was probably meant by a scalar, and why YAML versions disagree on it."""
    if _OTHER_BOOLEAN.match(text) and text not in ("true", "false"):
        meant = "true" if text.lower() in ("yes", "on", "true") else "false"
        return meant, "a boolean to some YAML versions and text to others"
    if _LEADING_ZERO.match(text):
        meant = re.sub(r"0+(?=\d)", "", text.replace("_", ""), count=1)
        return meant, "octal to some YAML versions and decimal to others"
    if _UNDERSCORED.match(text):
        return text.replace("_", ""), "a number to some YAML versions and text to others"
    if _SEXAGESIMAL.match(text):
        return None, "a number in base 60 to some YAML versions and text to others"
    return None, None


def _core_value(text: str) -> Plain:
    """Resolve a plain scalar. Source: YAML 1.2.2, section 10.3.2, core schema."""
    if _NULL.match(text):
        return None
    if text in ("true", "false"):
        return text == "true"
    if _INT.match(text):
        return int(text) if len(text) <= _MAX_DIGITS else float(text)
    if _BASED_INT.match(text) and len(text) <= _MAX_DIGITS:
        return int(text, 0)
    if _FLOAT.match(text):
        return float(text)
    special = _SPECIAL_FLOAT.match(text)
    if special:
        return float("nan") if special[3] else float(f"{special[1]}inf")
    return text


def plain(node: Node) -> object:
    """Return the node as plain Python values, places dropped."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Items):
        return [plain(item) for item in node.items]
    return {name: plain(value) for name, _, value in node}
