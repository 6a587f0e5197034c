"""What libyaml says of a text that is not YAML, in plain words and at the place to mend."""

import re
from dataclasses import dataclass

import yaml

from kexp.diagnostics import Diagnostic, Related, Source, Span

_OPENERS = ("{", "[", '"', "'", ">", "|")


def character_fault(source: Source, position: int) -> Diagnostic:
    line, column = source.place(position)
    return Diagnostic(
        "yaml-character",
        f"the character U+{ord(source.text[position]):04X} is not allowed in YAML",
        span=Span(source, line, column, line, column + 1),
    )


@dataclass(frozen=True, slots=True)
class _Plain:
    """A sentence for libyaml's `problem` in its `context`; `{word}` stands there and begins with `{first}`.

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
        "an unquoted value cannot begin with `{first}`",
        "quote the value",
        opener=True,
    ),
    _Plain("cannot start any token", "", "an unquoted value cannot begin with `{first}`", "quote the value"),
    _Plain(
        "did not find expected key",
        "block mapping",
        "this does not continue the map that is open here",
        "the keys of one map begin in the same column",
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
    _Plain(
        "could not find expected ':'",
        "simple key",
        "a key without `: ` stands here",
        "write `key: value`",
        opener=True,
    ),
    _Plain(
        "found undefined alias",
        "",
        "there is no anchor for `{word}` above",
        "quote text that begins with `*`",
    ),
    _Plain(
        "unknown escape character",
        "",
        "this is no escape sequence of YAML",
        "use single quotes for plain text",
    ),
)
_KEY_IN_PARTS = re.compile(r"\s*(?:- +)*(?P<key>[\[\"'][^:]*->[^:]*[^:\s])")
_BLANK_MISSING = re.compile(r"\s*(?:- +)*(?P<key>[^\s:#'\"{}\[\]]+:)(?P<value>[^\s:/].*)")


def syntax_fault(source: Source, error: yaml.MarkedYAMLError) -> Diagnostic:
    mark = error.problem_mark or error.context_mark
    assert mark is not None
    span = _point(source, mark.line + 1, mark.column + 1)
    return (
        _tab_fault(span)
        or _blank_fault(source, span.line)
        or _colon_fault(span, error)
        or _key_fault(span)
        or _tail_fault(span, error)
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
            return Diagnostic("blank-missing", "a blank is missing after this colon", span=place, help=help)
    return None


def _colon_fault(span: Span, error: yaml.MarkedYAMLError) -> Diagnostic | None:
    """Recognise `- Flatten` above `trainable: false`, which YAML takes for one text."""
    before = span.source.line(span.line)[: span.column - 1]
    above = span.source.line(span.line - 1)
    text = re.sub(r"^\s*(?:- +)*", "", above).rstrip()
    if "mapping values are not allowed" not in (error.problem or "") or ": " in before or not text:
        return None
    start = above.index(text) + 1
    place = Span(span.source, span.line - 1, start, span.line - 1, start + len(text))
    message = "a colon is missing after this, for the next line belongs to it"
    return Diagnostic("colon-missing", message, span=place, help=f"write `{text}:`")


def _key_fault(span: Span) -> Diagnostic | None:
    """Recognise `[a, b] -> Add` and `"a", b -> Add`: YAML ends the key at the bracket or quote."""
    found = _KEY_IN_PARTS.match(span.source.line(span.line))
    if not found:
        return None
    start, end = found.span("key")
    key = re.sub("[\"']", "", found["key"])
    return Diagnostic(
        "key-in-parts",
        "a key that begins with a bracket or quote must be quoted as a whole",
        span=Span(span.source, span.line, start + 1, span.line, end + 1),
        help=f'write `"{key}"`' if "[" in key else f"write `{key}`",
    )


def _tail_fault(span: Span, error: yaml.MarkedYAMLError) -> Diagnostic | None:
    """Recognise what follows a value that has ended, such as `Dense: {units: 3} -> hidden`."""
    before = span.source.line(span.line)[: span.column - 1]
    if "while parsing a block" not in (error.context or "") or not before.strip(" -"):
        return None
    place = span.part(0, len(span.source.line(span.line)[span.column - 1 :].rstrip()))
    key, colon, value = before.strip(" -").partition(":")
    if not place.text.startswith("->") or not colon:
        message = "this follows a value that has ended"
        return Diagnostic("yaml-syntax", message, span=place, help="quote the whole value")
    message = "the arrow stands after the value; names belong to the key"
    help = f"write `{key} {place.text}:{value.rstrip()}`"
    return Diagnostic("arrow-in-value", message, span=place, help=help)


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
    if span.text[:1] == "\\":
        span = span.part(0, 2)
    message = known.message.replace("{word}", span.text).replace("{first}", span.text[:1])
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
