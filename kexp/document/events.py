"""Limits on a text before it is composed, so that hostile text costs time linear in its size."""

import re
from typing import Any

import yaml

from kexp.diagnostics import Diagnostic, Source, Span
from kexp.errors import SpecError

MAX_DEPTH = 64
MAX_NODES = 100_000
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def check_events(source: Source) -> None:
    """Refuse depth, size, tags, recursion and second documents before composing."""
    census = _Census(source)
    documents = 0
    for event in yaml.parse(source.text, Loader=LOADER):
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
    return span_of(source, event.start_mark, event.end_mark)


def _tag_span(source: Source, event: yaml.NodeEvent) -> Span:
    span = _event_span(source, event)
    tag = re.compile(r"!<[^>]*>|![^\s,\[\]{}]*").search(source.line(span.line), span.column - 1)
    assert tag is not None
    return Span(source, span.line, tag.start() + 1, span.line, tag.end() + 1)


def span_of(source: Source, start: Any, end: Any) -> Span:
    return Span(source, start.line + 1, start.column + 1, end.line + 1, end.column + 1)
