"""Diagnostics in the forms that people, editors, programs and pull requests read."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kexp.diagnostics import Diagnostic, Paint, Span, printable, unambiguous
from kexp.record.jsonfile import json_text
from kexp.spec.overrides import COMMAND_LINE

SCHEMA = 1
_NO_FILES = (COMMAND_LINE, "<stdin>")


def concise(diagnostics: Iterable[Diagnostic], paint: Paint) -> str:
    """Return one line each, which begins with a place that editors and terminals open."""
    return "\n".join(_line(diagnostic, paint) for diagnostic in diagnostics)


def _line(diagnostic: Diagnostic, paint: Paint) -> str:
    where = str(diagnostic.span or diagnostic.path)
    place = paint(f"{unambiguous(where)}: ", "place") if where else ""
    head = paint(f"{diagnostic.severity}[{diagnostic.id}]", diagnostic.severity)
    help = f"; {diagnostic.help}" if diagnostic.help else ""
    return f"{place}{head}: {_one_line(diagnostic.message + help)}"


def as_json(diagnostics: Iterable[Diagnostic]) -> str:
    """Return the contract of `validate --format json`; a fault without a place has nulls there."""
    found = [_record(diagnostic) for diagnostic in diagnostics]
    return json_text({"schema": SCHEMA, "diagnostics": found}, indent=2)


def _record(diagnostic: Diagnostic) -> dict[str, Any]:
    return {
        "id": diagnostic.id,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        **_place(diagnostic.span),
        "path": diagnostic.path or None,
        "help": diagnostic.help,
        **({"detail": diagnostic.detail} if diagnostic.detail else {}),
        "related": [{"message": other.message, **_place(other.span)} for other in diagnostic.related],
    }


def _place(span: Span | None) -> dict[str, Any]:
    names = ("file", "line", "column", "end_line", "end_column")
    if span is None:
        return dict.fromkeys(names)
    values = (span.source.name, span.line, span.column, span.end_line, span.end_column)
    return dict(zip(names, values, strict=True))


def github(diagnostics: Iterable[Diagnostic]) -> str:
    """Return workflow commands that annotate a pull request. Source: actions/toolkit, `command.ts`."""
    return "\n".join(_annotation(diagnostic) for diagnostic in diagnostics)


def _annotation(diagnostic: Diagnostic) -> str:
    span = diagnostic.span
    place: Mapping[str, object] = {}
    if span is not None and span.source.name not in _NO_FILES:
        place = {"file": span.source.name, "line": span.line, "endLine": span.end_line}
        if span.end_line == span.line:  # GitHub takes columns within one line only
            place = {**place, "col": span.column, "endColumn": span.end_column}
    given = {**place, "title": diagnostic.id}
    properties = ",".join(f"{name}={_escaped(str(value), _IN_PROPERTIES)}" for name, value in given.items())
    parts = [diagnostic.message, diagnostic.detail, diagnostic.help and f"help: {diagnostic.help}"]
    text = "\n".join(part for part in parts if part)
    return f"::{diagnostic.severity} {properties}::{_escaped(printable(text), _IN_TEXT)}"


_IN_TEXT = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_IN_PROPERTIES = {**_IN_TEXT, ":": "%3A", ",": "%2C"}


def _escaped(text: str, signs: Mapping[str, str]) -> str:
    return "".join(signs.get(sign, sign) for sign in text)


def _one_line(text: str) -> str:
    return " ".join(printable(text).split())


def summary(num_files: int, diagnostics: Sequence[Diagnostic]) -> str:
    """Return `3 files: 2 errors, 1 warning`."""
    counts = {"error": 0, "warning": 0}
    for diagnostic in diagnostics:
        counts[diagnostic.severity] += 1
    found = [counted(count, noun) for noun, count in counts.items() if count]
    return f"{counted(num_files, 'file')}: {', '.join(found) or 'nothing wrong'}"


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
