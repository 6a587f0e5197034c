"""What a data set holds, as one HTML page that needs no network."""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from kexp.protocols import DataFacts, Passage, SplitFacts
from kexp.report.columns import NUMBERS, column_table
from kexp.report.data import leak
from kexp.report.passages import chain, change_table, learnt_lines, sections, value_text, version_name

_STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 0.5rem 0 1.5rem; }
th, td { padding: 0.15rem 0.9rem 0.15rem 0; text-align: left; vertical-align: top; }
th { border-bottom: 1px solid currentColor; font-weight: 600; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
h3, h3 + p { margin: 1rem 0 0.2rem; }
.bar { background: #4c78a8; height: 0.8rem; display: inline-block; vertical-align: middle; }
.leak { border-left: 4px solid #e45756; padding-left: 0.8rem; }
.wide { overflow-x: auto; }
img { image-rendering: pixelated; }
"""


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG with its heading, and what says how it is to be read."""

    title: str
    note: str
    png: bytes


def data_page(name: str, facts: DataFacts, pictures: Sequence[Picture]) -> str:
    """Return the page."""
    sizes = ", ".join(f"{split.size:,} {split.name}" for split in facts.splits)
    train = facts.splits[0]
    body = [
        f"<h1>{escape(name)}</h1>",
        f"<p>{escape(facts.source)}: {escape(sizes)}</p>",
        *(f'<p class="leak">{escape(leak(found))}</p>' for found in facts.duplicates),
        *(f"<p>{escape(note)}</p>" for note in facts.notes),
        "<h2>Columns</h2>",
        _table(column_table(train.columns), NUMBERS),
        *(part for target in train.classes for part in _classes(target, facts.splits)),
        *_samples(train),
        *(part for picture in pictures for part in _picture(picture)),
        *_passages(facts),
    ]
    title = escape(f"{name}: data")
    head = f'<meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
    content = "\n".join(body)
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n{content}\n</body></html>\n'


def _table(lines: Sequence[Sequence[str]], numbers: range) -> str:
    head, *rows = lines
    headings = (
        f'<th class="number">{escape(cell)}</th>' if place in numbers else f"<th>{escape(cell)}</th>"
        for place, cell in enumerate(head)
    )
    parts = ['<div class="wide"><table><tr>', *headings, "</tr>"]
    for row in rows:
        cells = (
            f'<td class="number">{escape(cell)}</td>' if place in numbers else f"<td>{escape(cell)}</td>"
            for place, cell in enumerate(row)
        )
        parts.append(f"<tr>{''.join(cells)}</tr>")
    return "".join([*parts, "</table></div>"])


def _classes(target: str, splits: Sequence[SplitFacts]) -> Iterator[str]:
    yield f"<h2>Classes of {escape(target)}</h2>"
    counts = [split.classes.get(target, {}) for split in splits]
    most = max((number for held in counts for number in held.values()), default=1)
    parts = ["<table><tr><th></th>", *(f"<th>{escape(split.name)}</th>" for split in splits), "</tr>"]
    for name in dict.fromkeys(name for held in counts for name in held):
        bars = "".join(_bar(held.get(name, 0), most) for held in counts)
        parts.append(f"<tr><td>{escape(name)}</td>{bars}</tr>")
    yield "".join([*parts, "</table>"])


def _bar(number: int, most: int) -> str:
    width = f"{8 * number / most:.2f}rem"
    return f'<td><span class="bar" style="width:{width}"></span> {number:,}</td>'


def _picture(picture: Picture) -> Iterator[str]:
    title = escape(picture.title)
    data = b64encode(picture.png).decode()
    yield f"<h2>{escape(_capital(picture.title))}</h2>"
    yield f"<p>{escape(picture.note)}</p>"
    yield f'<div class="wide"><img alt="{title}" src="data:image/png;base64,{data}"></div>'


def _samples(split: SplitFacts) -> Iterator[str]:
    if split.rows:
        yield f"<h2>The first samples of {escape(split.name)}</h2>"
        names = tuple(split.rows[0])
        yield _table([names, *[tuple(row[name] for name in names) for row in split.rows]], range(0))


def _passages(facts: DataFacts) -> Iterator[str]:
    for title, passages in sections(facts):
        if passages:
            yield f"<h2>{_marked(_capital(title))}</h2>"
            for passage in passages:
                yield from _passage(passage)


def _passage(passage: Passage) -> Iterator[str]:
    yield f"<h3>{escape(passage.name)}</h3>"
    yield f"<p>{'<br>'.join(map(escape, [chain(passage), *learnt_lines(passage)]))}</p>"
    yield _table(change_table(passage), NUMBERS)
    lines = [("row", "before", "", "after")]
    for passed in passage.rows:
        start = (str(passed.row), value_text([*passed.before.items()]))
        for version in passed.after:
            lines.append((*start, version_name(version), value_text([*version.values.items()])))
            start = ("", "")
    if passage.rows:
        yield _table(lines, range(0))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _marked(text: str) -> str:
    """Set what stands in backticks as code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts))
