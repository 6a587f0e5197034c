"""What a message to the user is: a place, a sentence, a way out, and the text they make."""

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

Severity = Literal["error", "warning"]
Paint = Callable[[str, str], str]
"""Takes a text and its role (`error`, `warning`, `place`, `mark`, `help`); returns the text to show."""

_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""What ends a line in YAML; `str.splitlines` knows others."""

_LINE_LENGTH = 300
"""What is shown of a line, around the place that is meant."""

_MESSAGE_LENGTH = 2000
_DETAIL_LENGTH = 20_000

_LOOK_ALIKES = frozenset(
    "АВЕЅІЈКМНОРСТУХЬаеѕіјорсухһԁԛԝгпѵ"  # Cyrillic
    "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧανορι"  # noqa: RUF001  (Greek)
    "աԱսՍօՕոհցքզ"  # Armenian
    "ᎪᏴᏟᎠᎬᎻᎫᏦᏞᎷᏢᎡᏚᎢᏙᎳᏃ"  # noqa: RUF001  (Cherokee)
    "ıɑɡɩʀ"  # Latin, and no ASCII
)
"""Letters that are drawn like ASCII's. Source: Unicode TR39, confusables.txt, single letters."""


@dataclass(frozen=True, slots=True)
class Source:
    """A text that the user wrote: a file, standard input or the command line."""

    name: str
    text: str

    def line(self, number: int) -> str:
        lines = _lines(self.text)
        return lines[number - 1] if 0 < number <= len(lines) else ""

    def place(self, position: int) -> tuple[int, int]:
        """Return the line and column of a position in the text."""
        before = _BREAK.split(self.text[:position])
        return len(before), len(before[-1]) + 1


@lru_cache(maxsize=8)
def _lines(text: str) -> list[str]:
    return _BREAK.split(text)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a source. Lines and columns count from 1; the end column is exclusive."""

    source: Source
    line: int
    column: int
    end_line: int
    end_column: int

    def part(self, start: int, length: int) -> "Span":
        """Return the stretch of `length` characters that begins `start` characters into this one."""
        column = self.column + start
        return Span(self.source, self.line, column, self.line, column + length)

    @property
    def text(self) -> str:
        """What stands here, up to the end of the first line."""
        line = self.source.line(self.line)
        return line[self.column - 1 : self.end_column - 1 if self.end_line == self.line else None]

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Related:
    """A second place that explains the first, such as `first defined here`."""

    message: str
    span: Span


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One fault. A part that knows the path but not the text leaves `span` to `Document.locate`."""

    id: str
    message: str
    path: str = ""
    span: Span | None = None
    help: str | None = None
    detail: str | None = None
    related: tuple[Related, ...] = ()
    severity: Severity = "error"

    def at(self, span: Span | None) -> "Diagnostic":
        return replace(self, span=span)


def in_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Sort by place, files in the order of their first fault, and drop exact repeats."""
    unique = list(dict.fromkeys(diagnostics))
    files = list(dict.fromkeys(d.span.source.name if d.span else "" for d in unique))

    def place(diagnostic: Diagnostic) -> tuple[int, int, int]:
        span = diagnostic.span
        if span is None:
            return (files.index(""), 0, 0)
        return (files.index(span.source.name), span.line, span.column)

    return sorted(unique, key=place)


def plain(text: str, role: str) -> str:
    return text


def render(diagnostics: Iterable[Diagnostic], paint: Paint = plain) -> str:
    """Return the full text of all diagnostics, one paragraph each."""
    return "\n\n".join(_paragraph(d, paint) for d in in_order(diagnostics))


def printable(text: str) -> str:
    """Replace control characters, so that text from a file cannot steer the terminal."""
    return text.translate(_Shown({ord("\n"): "\n", ord("\t"): " "}))


class _Shown(dict[int, str]):
    """What stands for a character; `str.translate` asks, and is fast for long texts."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        self[code] = character if character.isprintable() else "\ufffd"
        return self[code]


def unambiguous(text: str) -> str:
    """Return a text on one line, cut where it is endless: letters that only look like ASCII are escaped."""
    shown = printable(text[: _MESSAGE_LENGTH + 1]).replace("\n", " ")
    shown = shown if len(text) <= _MESSAGE_LENGTH else f"{shown[:-1]}…"
    return shown if shown.isascii() else re.sub(r"\w+", lambda word: _escaped(word[0]), shown)


def _escaped(word: str) -> str:
    """Escape look-alikes in a word that has ASCII letters too; a word of another script stays as it is."""
    if word.isascii() or not re.search("[A-Za-z]", word):
        return word
    return "".join(f"\\u{ord(c):04x}" if _looks_like_ascii(c) else c for c in word)


def _looks_like_ascii(character: str) -> bool:
    if character.isascii():
        return False
    return character in _LOOK_ALIKES or unicodedata.normalize("NFKC", character).isascii()


def _paragraph(diagnostic: Diagnostic, paint: Paint) -> str:
    head = paint(f"{diagnostic.severity}[{diagnostic.id}]", diagnostic.severity)
    lines = [f"{head}: {unambiguous(diagnostic.message)}"]
    if diagnostic.span is not None:
        lines += _excerpt(diagnostic.span, diagnostic.path, "", paint)
    elif diagnostic.path:
        lines.append(paint(f"  --> {unambiguous(diagnostic.path)}", "place"))
    for related in diagnostic.related:
        lines += _excerpt(related.span, "", related.message, paint)
    if diagnostic.detail:
        detail = printable(diagnostic.detail[:_DETAIL_LENGTH])
        lines += [f"  {line}".rstrip() for line in detail.splitlines()]
    if diagnostic.help:
        lines.append(f"{paint('help', 'help')}: {unambiguous(diagnostic.help)}")
    return "\n".join(lines)


def _excerpt(span: Span, path: str, label: str, paint: Paint) -> list[str]:
    """Draw the line a span begins on, with the span underlined."""
    gutter = " " * len(str(span.line))
    line = span.source.line(span.line)
    where = f"  ({path})" if path else ""
    last = span.end_column if span.end_line == span.line else len(line.rstrip()) + 1
    start = 0 if len(line) <= _LINE_LENGTH else max(0, span.column - 1 - _LINE_LENGTH // 2)
    text = printable(line[start : start + _LINE_LENGTH])
    shown = f"{'…' if start else ''}{text}{'…' if start + _LINE_LENGTH < len(line) else ''}"
    before = span.column - 1 - start + (1 if start else 0)
    width = max(1, min(last - span.column, _LINE_LENGTH - (span.column - 1 - start)))
    mark = paint("^" * width, "mark") + (f" {unambiguous(label)}" if label else "")
    return [
        paint(f"{gutter}--> {unambiguous(f'{span}{where}')}", "place"),
        f"{gutter} |",
        f"{span.line} | {shown}".rstrip(),
        f"{gutter} | {' ' * before}{mark}",
    ]
