"""What a data set holds, as one HTML page that needs no network."""

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from html import escape

from kexp.protocols import DataFacts, SplitFacts
from kexp.report.data import column_table, leak

_STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 0.5rem 0 1.5rem; }
th, td { padding: 0.15rem 0.9rem 0.15rem 0; text-align: left; vertical-align: top; }
th { border-bottom: 1px solid currentColor; font-weight: 600; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
.bar { background: #4c78a8; height: 0.8rem; display: inline-block; vertical-align: middle; }
.leak { border-left: 4px solid #e45756; padding-left: 0.8rem; }
img { max-width: 100%; image-rendering: pixelated; }
"""


def data_page(name: str, facts: DataFacts, sheets: Mapping[str, bytes]) -> str:
    """Return the page; `sheets` are PNGs by the input they show."""
    sizes = ", ".join(f"{split.size:,} {split.name}" for split in facts.splits)
    train = facts.splits[0]
    body = [
        f"<h1>{escape(name)}</h1>",
        f"<p>{escape(facts.source)}: {escape(sizes)}</p>",
        *(f'<p class="leak">{escape(leak(found))}</p>' for found in facts.duplicates),
        *(f"<p>{escape(note)}</p>" for note in facts.notes),
        "<h2>Columns</h2>",
        _table(column_table(train.columns), numbers=range(4, 7)),
        *(part for target in train.classes for part in _classes(target, facts.splits)),
        *(part for what, png in sheets.items() for part in _picture(f"The input {what}", png)),
        "<h2>The first samples of train</h2>",
        _samples(train),
    ]
    title = escape(f"{name}: data")
    head = f'<meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
    content = "\n".join(body)
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n{content}\n</body></html>\n'


def _table(lines: Sequence[Sequence[str]], numbers: range) -> str:
    head, *rows = lines
    parts = ["<table><tr>", *(f"<th>{escape(cell)}</th>" for cell in head), "</tr>"]
    for row in rows:
        cells = (
            f'<td class="number">{escape(cell)}</td>' if place in numbers else f"<td>{escape(cell)}</td>"
            for place, cell in enumerate(row)
        )
        parts.append(f"<tr>{''.join(cells)}</tr>")
    return "".join([*parts, "</table>"])


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


def _picture(what: str, png: bytes) -> Iterator[str]:
    yield f"<h2>{escape(what)}</h2>"
    yield f'<img alt="{escape(what)}" src="data:image/png;base64,{b64encode(png).decode()}">'


def _samples(split: SplitFacts) -> str:
    if not split.rows:
        return ""
    names = tuple(split.rows[0])
    return _table([names, *[tuple(row[name] for name in names) for row in split.rows]], range(0))
