"""Samples that are images, side by side in one picture: a line a class where there are classes."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kexp.data.lazy import in_memory
from kexp.protocols import Column, Samples

_CELL, _GAP = 64, 2
_MOST_LINES = 12


def image_inputs(samples: Samples) -> list[str]:
    """Return the inputs that can be shown: (height, width) or (height, width, 1, 3 or 4)."""
    return [name for name, column in samples.inputs.items() if _is_image(column)]


def contact_sheet(samples: Samples, name: str, num_columns: int = 10) -> bytes:
    """Return a PNG of an input's first samples; a line for each class where a target has classes."""
    column = samples.inputs[name]
    lines = _lines(samples, num_columns)
    sheet = Image.new("RGB", _size(max(map(len, lines)), len(lines)), "white")
    for line, rows in enumerate(lines):
        for place, picture in enumerate(column[rows]):
            sheet.paste(_picture(picture), _corner(place, line))
    file = io.BytesIO()
    sheet.save(file, "PNG")
    return file.getvalue()


def _is_image(column: Column) -> bool:
    shape = column.shape[1:]
    fits = len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3, 4))
    return fits and min(shape[:2]) >= 8 and column.dtype.kind in "fu"


def _lines(samples: Samples, num_columns: int) -> list[NDArray[np.int64]]:
    labels = next((c for c in samples.targets.values() if len(c.shape) == 1 and c.dtype.kind in "iu"), None)
    if labels is None:
        rows = np.arange(min(len(samples), num_columns * 4))
        return np.array_split(rows, -(-len(rows) // num_columns))
    known = in_memory(labels)
    return [np.flatnonzero(known == value)[:num_columns] for value in np.unique(known)[:_MOST_LINES]]


def _picture(array: NDArray[Any]) -> Image.Image:
    """Return one sample as a picture; floats are stretched over the range they have."""
    if array.dtype != np.uint8:
        low, high = float(array.min()), float(array.max())
        array = ((array - low) / max(high - low, 1e-12) * 255).astype(np.uint8)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    picture = Image.fromarray(array).convert("RGB")
    filter = Image.Resampling.NEAREST if max(picture.size) < _CELL else Image.Resampling.BILINEAR
    return picture.resize((_CELL, _CELL), filter)


def _corner(place: int, line: int) -> tuple[int, int]:
    return _GAP + place * (_CELL + _GAP), _GAP + line * (_CELL + _GAP)


def _size(columns: int, lines: int) -> tuple[int, int]:
    return _corner(columns, lines)
