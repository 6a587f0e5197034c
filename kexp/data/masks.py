"""Pictures in which every pixel is the number of a class."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image

from kexp.errors import DataError, KexpError

DAMAGE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
"""What Pillow raises of files that are no images, torn ones and immense ones."""
_NUM_LOOKED_AT = 16
"""How many masks are decoded to tell what numbers people wrote for two classes."""


def class_numbers(image: Image.Image) -> Image.Image:
    """Return a mask as a picture of bytes.

    Raises: mask-not-classes.
    """
    _check_mode(image)
    if image.mode in ("L", "P"):  # a palette's colours are for people: its indices are the classes
        return image
    numbers = np.asarray(image)
    if numbers.min() < 0 or numbers.max() > 255:
        odd = int(numbers.min() if numbers.min() < 0 else numbers.max())
        raise _not_classes(image, f"holds the number {odd:,}, and classes are 0 to 255")
    return Image.fromarray(numbers.astype(np.uint8))


def check_masks(masks: Sequence[Path]) -> tuple[str, ...]:
    """Look at the heads of all masks and into some of them; return what the user should know.

    Raises: mask-not-classes.
    """

    def check(mask: Path) -> None:
        # What cannot be read is named when it is decoded.
        with suppress(*DAMAGE), Image.open(mask) as image:
            _check_mode(image)

    with ThreadPoolExecutor() as pool:
        for _ in pool.map(check, masks):
            pass
    return _doubts(masks)


def _check_mode(image: Image.Image) -> None:
    if image.mode not in ("1", "L", "P") and not image.mode.startswith("I"):
        raise _not_classes(image, f"is of mode {image.mode}, whose colours are no numbers of classes")


def _doubts(masks: Sequence[Path]) -> tuple[str, ...]:
    found: set[int] = set()
    for mask in masks[:_NUM_LOOKED_AT]:
        with suppress(*DAMAGE), Image.open(mask) as image:
            found.update(np.unique(np.asarray(class_numbers(image))).tolist())
    if found not in ({255}, {0, 255}):
        return ()
    return ("the masks hold 0 and 255, which are taken for classes 0 to 255: write 1 for 255 into the files",)


def _not_classes(image: Image.Image, what: str) -> KexpError:
    name = getattr(image, "filename", "") or "a mask"
    return DataError.because(
        "mask-not-classes",
        f"`{name}` {what}",
        path="data.masks",
        help="save masks with one channel that holds the number of each pixel's class",
    )
