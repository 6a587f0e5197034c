"""Pictures in labelled lines, drawn as PNG."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from PIL import Image, ImageDraw, ImageFont

_GAP, _MARGIN = 6, 12
_TEXT, _LINE = 12, 16
_TITLE = 15
_INK, _FAINT, _PAPER = "#1a1a1a", "#6b6b6b", "white"
_MOST_LETTERS = 24


@dataclass(frozen=True, slots=True)
class Cell:
    """A picture, and what is written below it; `begins` sets it apart from the one before."""

    picture: Image.Image
    caption: str = ""
    begins: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """Pictures side by side; `label` is written before them, with a line for each of its own."""

    label: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """Lines of pictures; `note` says how their values are to be read."""

    title: str
    note: str
    lines: tuple[Line, ...]


def sheet_png(sheet: Sheet) -> bytes:
    """Return a sheet without title and note, for a page that has words of its own."""
    return _png(_drawn(sheet))


def stacked_png(sheets: Sequence[Sheet]) -> bytes:
    """Return all sheets below one another, each under its title and note."""
    parts = [_headed(sheet) for sheet in sheets]
    tops = [0, *accumulate(part.height for part in parts)]
    whole = Image.new("RGB", (max(part.width for part in parts), tops[-1]), _PAPER)
    for part, top in zip(parts, tops, strict=False):
        whole.paste(part, (0, top))
    return _png(whole)


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def _headed(sheet: Sheet) -> Image.Image:
    body = _drawn(sheet)
    height = _MARGIN + _TITLE + _LINE + _GAP
    words = max(_width(sheet.title, _TITLE), _width(sheet.note)) + 2 * _MARGIN
    whole = Image.new("RGB", (max(body.width, words), body.height + height), _PAPER)
    pen = ImageDraw.Draw(whole)
    pen.text((_MARGIN, _MARGIN), sheet.title, _INK, _font(_TITLE))
    pen.text((_MARGIN, _MARGIN + _TITLE + _GAP), sheet.note, _FAINT, _font())
    whole.paste(body, (0, height))
    return whole


def _drawn(sheet: Sheet) -> Image.Image:
    """Draw lines whose columns are as wide as what is widest in them."""
    labels = [_shortened(line.label) for line in sheet.lines]
    before = max((_width(text) for text in labels), default=0)
    left = _MARGIN + (before + 2 * _GAP if before else 0)
    number = max((len(line.cells) for line in sheet.lines), default=0)
    columns = [
        [line.cells[place] for line in sheet.lines if place < len(line.cells)] for place in range(number)
    ]
    lefts = [left]
    for column, after in zip(columns, [*columns[1:], []], strict=True):
        gap = _GAP * (3 if any(cell.begins for cell in after) else 1)
        lefts.append(lefts[-1] + max(map(_cell_width, column)) + gap)
    heights = [_height(line, text) for line, text in zip(sheet.lines, labels, strict=True)]
    tops = [*accumulate((height + _GAP for height in heights), initial=_MARGIN)]
    whole = Image.new("RGB", (lefts[-1] - _GAP + _MARGIN, tops[-1] - _GAP + _MARGIN), _PAPER)
    pen = ImageDraw.Draw(whole)
    for line, text, top in zip(sheet.lines, labels, tops, strict=False):
        pen.text((_MARGIN, top), text, _INK, _font())
        for cell, start in zip(line.cells, lefts, strict=False):
            whole.paste(cell.picture, (start, top))
            pen.text((start, top + cell.picture.height + 2), cell.caption, _FAINT, _font())
    return whole


def _shortened(label: str) -> str:
    lines = (
        text if len(text) <= _MOST_LETTERS else f"{text[: _MOST_LETTERS - 1]}…" for text in label.split("\n")
    )
    return "\n".join(lines)


def _cell_width(cell: Cell) -> int:
    return max(cell.picture.width, _width(cell.caption))


def _height(line: Line, label: str) -> int:
    cells = (cell.picture.height + (_LINE if cell.caption else 0) for cell in line.cells)
    return max(_LINE * (label.count("\n") + 1), *cells)


def _width(text: str, size: int = _TEXT) -> int:
    font = _font(size)
    return max(round(font.getlength(line)) for line in text.split("\n"))


def _font(size: int = _TEXT) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
