"""YAML text -> Document: plain scalars, maps and lists in which every value keeps its place.

Scalars follow YAML 1.2's core schema; what YAML versions read differently is refused unless quoted.
Limits hold on the event stream, before anything is composed: hostile text costs time linear in its size.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml

from kexp.diagnostics import Diagnostic, Related, Source, Span
from kexp.errors import KexpError, NotFound, SpecError

MAX_BYTES = 1 << 20
MAX_DEPTH = 64
MAX_NODES = 100_000

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL = re.compile(r"(?:~|null|Null|NULL|)\Z")
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
_BASED_INT = re.compile(r"0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_SPECIAL_FLOAT = re.compile(r"([-+]?)\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")
_OTHER_BOOLEAN = re.compile(r"(?:yes|no|on|off|true|false)\Z", re.IGNORECASE)
_LEADING_ZERO = re.compile(r"[-+]?0[0-9_]+\Z")
_UNDERSCORED = re.compile(r"[-+]?[0-9][0-9_]*_[0-9_]*(?:\.[0-9_]*)?\Z")
_SEXAGESIMAL = re.compile(r"[-+]?[0-9]+(?::[0-5]?[0-9])+(?:\.[0-9]*)?\Z")

Plain = bool | int | float | str | None


@dataclass(frozen=True, slots=True)
class Scalar:
    """`settled` says that the value's formulas are computed: a `$` in it is a dollar."""

    value: Plain
    span: Span = field(compare=False)
    quoted: bool = field(default=False, compare=False)
    settled: bool = field(default=False, compare=False)


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
        """Return the span at `path` (`data.split.val`, `model.layers[3].Dense`), or of its nearest parent."""
        node, span = self.root, None
        for part in path_parts(path):
            child = _child(node, part)
            if child is None:
                break
            span, node = child
        return span

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
    return re.findall(r"\[\d+\]|[^.\[\]]+", path)


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
        raise SpecError.because("spec-too-large", f"`{name}` has {len(data):,} bytes; a spec has at most {MAX_BYTES:,}")
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


def _child(node: Node, part: str) -> tuple[Span, Node] | None:
    if isinstance(node, Items) and part.startswith("["):
        index = int(part[1:-1])
        return (node.items[index].span, node.items[index]) if index < len(node.items) else None
    if isinstance(node, Entries):
        for key, _, value in node:
            if key == part or part in key.split("->")[0:2] or part in (k.strip() for k in key.split("->")):
                empty = isinstance(value, Scalar) and value.value is None
                return (node.key(key).span if empty else value.span), value  # type: ignore[union-attr]
    return None


# ---------------------------------------------------------------- events: limits and forbidden constructs


def _compose(source: Source, faults: list[Diagnostic]) -> Node | None:
    try:
        _check_events(source)
        root = yaml.compose(source.text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        raise SpecError(_syntax_fault(source, error)) from None
    except yaml.reader.ReaderError as error:
        raise SpecError(_character_fault(source, error)) from None
    return None if root is None else _convert(root, source, faults)


def _check_events(source: Source) -> None:
    """Refuse depth, size, tags, recursion and second documents before composing."""
    sizes: dict[str, int | None] = {}
    open_nodes: list[tuple[str | None, int]] = []
    total = documents = 0
    for event in yaml.parse(source.text, Loader=_Loader):
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise _refused(source, event, "yaml-second-document", "a second document begins here", "keep one document per file")
        elif isinstance(event, yaml.AliasEvent):
            size = sizes.get(event.anchor, 1)
            if size is None:
                raise _refused(source, event, "yaml-recursive-alias", f"`*{event.anchor}` stands inside the value it names", None)
            total += size
        elif isinstance(event, yaml.NodeEvent):
            if event.tag is not None and event.tag != "!":
                raise _refused(source, event, "yaml-tag", f"the tag `{event.tag}` is not allowed", "write plain values: text, numbers, lists and maps")
            total += 1
            if isinstance(event, yaml.CollectionStartEvent):
                open_nodes.append((event.anchor, total))
                if event.anchor:
                    sizes[event.anchor] = None
                if len(open_nodes) > MAX_DEPTH:
                    raise _refused(source, event, "yaml-too-deep", f"values are nested more than {MAX_DEPTH} deep here", None)
            elif event.anchor:
                sizes[event.anchor] = 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_nodes.pop()
            if anchor:
                sizes[anchor] = total - before + 1
        if total > MAX_NODES:
            raise _refused(source, event, "yaml-too-many-nodes", f"there are more than {MAX_NODES:,} values here, aliases counted", None)


def _refused(source: Source, event: yaml.Event, id: str, message: str, help: str | None) -> SpecError:
    return SpecError(Diagnostic(id, message, span=_span(source, event.start_mark, event.end_mark), help=help))


def _syntax_fault(source: Source, error: yaml.MarkedYAMLError) -> Diagnostic:
    mark = error.problem_mark or error.context_mark
    assert mark is not None
    span = _point(source, mark.line + 1, mark.column + 1)
    line = source.line(span.line)
    indent = line[: len(line) - len(line.lstrip())]
    if "\t" in indent:
        place = Span(source, span.line, indent.index("\t") + 1, span.line, len(indent) + 1)
        return Diagnostic("yaml-tab", "a tab indents this line; YAML allows only spaces", span=place, help="replace each tab by spaces")
    problem = (error.problem or "not YAML").replace("\n", " ")
    related: tuple[Related, ...] = ()
    if error.context_mark is not None and (error.context_mark.line, error.context_mark.column) != (mark.line, mark.column):
        context = (error.context or "started here").strip()
        related = (Related(context, _point(source, error.context_mark.line + 1, error.context_mark.column + 1)),)
    return Diagnostic("yaml-syntax", f"this is not YAML: {problem}", span=span, related=related, help=_syntax_help(problem, line))


def _syntax_help(problem: str, line: str) -> str | None:
    if "mapping values are not allowed" in problem:
        return "a value that contains `: ` needs quotes, and nested maps go on lines of their own or in `{}`"
    if "did not find expected ',' or" in problem:
        return "close the `{` or `[`, and quote values that contain commas or brackets"
    if "did not find expected key" in problem or "expected <block end>" in problem:
        return "check that the keys of one map start in the same column and that every quote is closed"
    if "cannot start any token" in problem:
        return "quote the value"
    return None


def _character_fault(source: Source, error: yaml.reader.ReaderError) -> Diagnostic:
    before = source.text[: error.position] if isinstance(error.position, int) else ""
    line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
    character = error.character if isinstance(error.character, int) else ord(error.character)
    return Diagnostic(
        "yaml-character", f"the character U+{character:04X} is not allowed in YAML", span=_point(source, line, column)
    )


def _point(source: Source, line: int, column: int) -> Span:
    """Return the span of the word at a place, or of the last character when the text ends there."""
    text = source.line(line)
    if not text and line > 1:
        line = max((n for n in range(1, line) if source.line(n).strip()), default=1)
        text = source.line(line)
        column = len(text) + 1
    word = re.match(r"\S+", text[column - 1 :])
    return Span(source, line, column, line, column + (len(word.group()) if word else 1))


def _span(source: Source, start: yaml.Mark, end: yaml.Mark) -> Span:
    return Span(source, start.line + 1, start.column + 1, end.line + 1, end.column + 1)


# ---------------------------------------------------------------- nodes: YAML 1.2 scalars, unique keys


def _convert(node: yaml.Node, source: Source, faults: list[Diagnostic]) -> Node:
    span = _span(source, node.start_mark, node.end_mark)
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node, span, faults)
    if isinstance(node, yaml.SequenceNode):
        return Items(tuple(_convert(child, source, faults) for child in node.value), _tight(span))
    entries: dict[str, tuple[Scalar, Node]] = {}
    for key_node, value_node in node.value:
        key = _key(key_node, source, faults)
        value = _convert(value_node, source, faults)
        if key is None:
            continue
        first = entries.get(str(key.value))
        if first is not None:
            faults.append(
                Diagnostic(
                    "duplicate-key",
                    f"`{key.value}` stands twice in this map",
                    span=key.span,
                    related=(Related("first defined here", first[0].span),),
                    help="keep one of the two",
                )
            )
        else:
            entries[str(key.value)] = (key, value)
    return Entries(tuple(entries.values()), _tight(span))


def _tight(span: Span) -> Span:
    """End a block collection's span where its first line ends: the C parser ends it at the next token."""
    if span.end_line == span.line:
        return span
    return Span(span.source, span.line, span.column, span.line, len(span.source.line(span.line).rstrip()) + 1)


def _key(node: yaml.Node, source: Source, faults: list[Diagnostic]) -> Scalar | None:
    span = _span(source, node.start_mark, node.end_mark)
    if not isinstance(node, yaml.ScalarNode):
        shape = "list" if isinstance(node, yaml.SequenceNode) else "map"
        faults.append(
            Diagnostic("key-not-text", f"a {shape} stands where a key is expected", span=_tight(span), help="quote the whole key if it starts with `[`, `{` or `$`")
        )
        return None
    if node.value == "<<" and not node.style:
        faults.append(Diagnostic("yaml-merge-key", "the merge key `<<` is not part of YAML 1.2", span=span, help="write the keys out, or use `extends` or `vars`"))
        return None
    scalar = _scalar(node, span, faults)
    return replace(scalar, value=node.value)


def _scalar(node: yaml.ScalarNode, span: Span, faults: list[Diagnostic]) -> Scalar:
    text: str = node.value
    if node.style:
        return Scalar(text, span, quoted=True)
    meant, problem = _ambiguity(text)
    if problem is None:
        return Scalar(_core_value(text), span)
    help = f"write `{meant}`, or quote it" if meant is not None else "quote it"
    faults.append(Diagnostic("ambiguous-scalar", f"`{text}` is {problem}", span=span, help=help))
    return Scalar(_core_value(meant or text), span)


def means_other_than_text(text: str) -> bool:
    """Tell whether unquoted `text` would be read as something else, or refused."""
    return not isinstance(_core_value(text), str) or _ambiguity(text)[1] is not None or text == "<<"


def _ambiguity(text: str) -> tuple[str | None, str | None]:
    """Return what was probably meant by a scalar, and why YAML versions disagree on it."""
    if _OTHER_BOOLEAN.match(text) and text not in ("true", "false"):
        meant = "true" if text.lower() in ("yes", "on", "true") else "false"
        return meant, "a boolean to some YAML versions and text to others"
    if _LEADING_ZERO.match(text):
        return text.replace("_", "").lstrip("0") or "0", "octal to some YAML versions and decimal to others"
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
        return int(text) if len(text) <= sys.get_int_max_str_digits() else float(text)
    if _BASED_INT.match(text):
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

