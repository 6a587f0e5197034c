"""Arrays -> pictures: what of their values is black and white, and how large they are drawn."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_LEAST_SIDE = 8
_BYTE_LIKE = 64
"""Whole numbers up to here or more are taken for a byte's."""


@dataclass(frozen=True, slots=True)
class Shades:
    """The values that are black and white in pictures which are to be compared; what lies beyond is cut."""

    black: float
    white: float

    def __str__(self) -> str:
        return f"black is {self.black:.4g}, white is {self.white:.4g}"


def is_image(shape: tuple[int | None, ...]) -> bool:
    """Tell (height, width) and (height, width, 1, 3 or 4) from other shapes, and from ones too small."""
    fits = len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3, 4))
    return fits and min(size or 0 for size in shape[:2]) >= _LEAST_SIDE


def shades_of(arrays: Iterable[NDArray[Any]]) -> Shades:
    """Return 0 to 255, 0 to 1 or -1 to 1 where the values are such; else the range that they have."""
    low, high = np.inf, -np.inf
    for array in arrays:
        finite = array[np.isfinite(array)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    if low > high:
        return Shades(0, 1)
    if low >= 0 and _BYTE_LIKE <= high <= 255:
        return Shades(0, 255)
    if low >= -1 and 0.5 <= high <= 1:
        return Shades(0 if low >= 0 else -1, 1)
    return Shades(low, high if high > low else low + 1)


def picture(array: NDArray[Any], shades: Shades, side: int) -> Image.Image:
    """Return one sample as a picture whose longer side is about `side`, whole pixels where it is smaller."""
    values = np.nan_to_num(array.astype(np.float32), nan=shades.black)
    part = (values - shades.black) / (shades.white - shades.black)
    pixels = np.round(np.clip(part, 0, 1) * 255).astype(np.uint8)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    image = Image.fromarray(pixels).convert("RGB")
    times = side // max(image.size)
    if times >= 1:
        return image.resize((image.width * times, image.height * times), Image.Resampling.NEAREST)
    image.thumbnail((side, side))
    return image
