"""Pages of `kexp explain`: wrapped to the terminal's width, with a little colour; off a terminal plain."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TextIO

from rich.console import Console
from rich.text import Text

from kexp.cli.streams import wants_colour
from kexp.spec.explanations.page import Example, Page, Row, Table

_WIDEST = 100
_INDENT = 4
_LABELS = {"wrong": "bold red", "right": "bold green"}
_CODE = r"`[^`]+`"
_TAB = "⇥   "
"""What shows that a tab stands there."""


class Printer:
    """Writes pages to a stream."""

    def __init__(self, stream: TextIO) -> None:
        colour = wants_colour(stream)
        self.console = Console(
            file=stream, force_terminal=colour, color_system="standard" if colour else None, soft_wrap=True
        )
        self.width = min(self.console.width, _WIDEST)

    def show(self, pages: Iterable[Page]) -> None:
        for number, page in enumerate(pages):
            if number:
                self._say(Text())
            for line in self._page(page):
                self._say(line)

    def show_groups(self, groups: Mapping[str, Iterable[str]]) -> None:
        """List names under headings, and how to ask for one."""
        for heading, names in groups.items():
            self._say(Text(heading, "bold"))
            for line in self._wrapped(Text("  ".join(names)), _INDENT):
                self._say(line)
            self._say(Text())
        self._say(_marked("`kexp explain NAME` explains any of them"))

    def _say(self, line: Text) -> None:
        self.console.print(line, highlight=False)

    def _page(self, page: Page) -> Iterator[Text]:
        yield Text.assemble((page.name, "bold"), "  ", (page.kind, "dim"))
        if page.takes is not None and (facts := _facts(page.takes)):
            yield from self._wrapped(_marked(facts, "dim"))
        yield Text()
        yield from self._wrapped(_marked(page.text))
        yield from _examples(page.examples)
        for table in page.tables:
            yield from self._table(table)
        for label, names in (("also", page.also), ("see", page.see)):
            if names:
                yield Text()
                yield from self._wrapped(Text(f"{label}: {', '.join(names)}"))

    def _table(self, table: Table) -> Iterator[Text]:
        yield from (Text(), Text(table.heading, "bold"))
        names = [row.name.rpartition(".")[2] for row in table.rows]
        column = _INDENT + max(map(len, names)) + 2
        for name, row in zip(names, table.rows, strict=True):
            told = [_marked(_facts(row), "dim"), _marked(row.text)]
            lines = [line for text in told if text for line in self._wrapped(text, column)] or [Text()]
            head = Text(" " * _INDENT) + Text(name, "cyan")
            head.pad_right(column - len(head))
            yield head + lines[0][column:]
            yield from lines[1:]

    def _wrapped(self, text: Text, indent: int = 0) -> Iterator[Text]:
        for line in text.wrap(self.console, self.width - indent):
            line.rstrip()
            yield Text(" " * indent) + line


def _examples(examples: Iterable[Example]) -> Iterator[Text]:
    for example in examples:
        yield Text()
        if example.label or example.file:
            label = Text(example.label, _LABELS.get(example.label, ""))
            yield label + Text(f" {example.file}" if example.label and example.file else example.file, "dim")
        for line in example.text.split("\n"):
            yield Text(f"{'':{_INDENT}}{line}".rstrip().replace("\t", _TAB))


def _facts(row: Row) -> str:
    """Say what an argument takes, and whether it must be given or what holds otherwise."""
    takes = [row.type] if row.type else []
    if row.required:
        takes.append("required")
    elif row.default is not None:
        written = row.default if isinstance(row.default, str) else json.dumps(row.default, default=str)
        takes.append(f"default `{written}`")
    return ", ".join(takes)


def _marked(text: str, style: str = "") -> Text:
    """Let what stands in backticks stand out."""
    marked = Text(text, style)
    marked.highlight_regex(re.compile(_CODE), "cyan")
    return marked
