"""Samples that are images, side by side: a line for each class where there are classes."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from kexp.data.lazy import in_memory
from kexp.data.pictures import is_image, picture, shades_of
from kexp.data.sheets import Cell, Line, Sheet
from kexp.protocols import Samples

_SIDE = 84
_MOST_LINES = 12
_LINES_WITHOUT_CLASSES = 4

Classes = Mapping[str, tuple[str, ...]]
"""The names of the classes, by target."""


def image_inputs(samples: Samples) -> list[str]:
    """Return the inputs that can be shown: (height, width) or (height, width, 1, 3 or 4)."""
    return [
        name
        for name, column in samples.inputs.items()
        if column.dtype.kind in "fu" and is_image(column.shape[1:])
    ]


def contact_sheet(samples: Samples, name: str, classes: Classes, num_columns: int = 10) -> Sheet:
    """Return an input's first samples; a line for each class where a target has classes."""
    column = samples.inputs[name]
    groups = _by_class(samples, classes) or [("", np.arange(len(samples)))]
    lines = [
        (label, np.asarray(column[part]))
        for label, rows in groups[:_MOST_LINES]
        for part in _cut(rows, num_columns, 1 if label else _LINES_WITHOUT_CLASSES)
    ]
    shades = shades_of(images for _, images in lines)
    left = f"; {_MOST_LINES} of {len(groups):,} classes" if len(groups) > _MOST_LINES else ""
    return Sheet(
        f"the input {name}",
        f"{shades}{left}",
        tuple(
            Line(label, tuple(Cell(picture(image, shades, _SIDE)) for image in images))
            for label, images in lines
        ),
    )


def _by_class(samples: Samples, classes: Classes) -> list[tuple[str, NDArray[np.int64]]]:
    """Return the rows of every class, under its name."""
    for target, column in samples.targets.items():
        if len(column.shape) == 1 and column.dtype.kind in "iu":
            known, names = in_memory(column), classes.get(target, ())
            return [
                (names[value] if names else f"{target} {value}", np.flatnonzero(known == value))
                for value in np.unique(known)
            ]
    return []


def _cut(rows: NDArray[np.int64], length: int, most: int) -> list[NDArray[np.int64]]:
    return [rows[start : start + length] for start in range(0, len(rows), length)[:most]]
