"""Images in files, decoded when they are asked for, by several threads."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from kexp.data.files import Watched
from kexp.data.fingerprint import hash_file
from kexp.data.lazy import LazyColumn
from kexp.data.masks import DAMAGE, class_numbers
from kexp.data.order import Indices
from kexp.errors import DataError, KexpError

ColorMode = Literal["rgb", "rgba", "grayscale", "classes"]
Fit = Literal["stretch", "crop", "pad"]
Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos3", "area"]

_MODES = {"rgb": ("RGB", 3), "rgba": ("RGBA", 4), "grayscale": ("L", 1)}
_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos3": Image.Resampling.LANCZOS,
    "area": Image.Resampling.BOX,
}


@dataclass(frozen=True, slots=True)
class Decoding:
    """How a file becomes an array. Shapes: `image_size` is (height, width)."""

    image_size: tuple[int, int]
    color_mode: ColorMode = "rgb"
    interpolation: Interpolation = "bilinear"
    fit: Fit = "stretch"

    @property
    def shape(self) -> tuple[int, ...]:
        return self.image_size if self.color_mode == "classes" else (*self.image_size, self.channels)

    @property
    def channels(self) -> int:
        return _MODES[self.color_mode][1]

    def decode(self, file: Path) -> NDArray[np.uint8]:
        """Return the image in a file.

        Raises: image-unreadable.
        """
        try:
            with Image.open(file) as image:
                return self.array(image)
        except DAMAGE as error:
            raise unreadable(file, error) from None

    def array(self, image: Image.Image) -> NDArray[np.uint8]:
        return self._resized(self._converted(image))

    def _converted(self, image: Image.Image) -> Image.Image:
        if self.color_mode == "classes":
            return class_numbers(image)
        mode, _ = _MODES[self.color_mode]
        height, width = self.image_size
        image.draft(mode, (width, height))
        if image.mode.startswith("I;16"):  # Pillow would cut off what is over 255
            image = Image.fromarray((np.asarray(image, np.uint16) >> 8).astype(np.uint8))
        return image if image.mode == mode else image.convert(mode)

    def _resized(self, image: Image.Image) -> NDArray[np.uint8]:
        height, width = self.image_size
        if image.size != (width, height):
            image = self._framed(image).resize((width, height), _FILTERS[self.interpolation])
        return np.asarray(image, np.uint8).reshape(self.shape)

    def _framed(self, image: Image.Image) -> Image.Image:
        """Cut the middle out, or pad with black, so that resizing keeps the proportions."""
        if self.fit == "stretch":
            return image
        height, width = self.image_size
        scale = (min if self.fit == "crop" else max)(image.width / width, image.height / height)
        box_width, box_height = round(width * scale), round(height * scale)
        left, top = (image.width - box_width) // 2, (image.height - box_height) // 2
        return image.crop((left, top, left + box_width, top + box_height))


class ImageColumn(LazyColumn):
    """One image a row. Shapes: (n, height, width, channels) of uint8; masks have no channels."""

    def __init__(self, files: Sequence[Path], decoding: Decoding) -> None:
        super().__init__((len(files), *decoding.shape), np.uint8)
        self.files, self.decoding = [Watched.now(file) for file in files], decoding

    def read(self, rows: Indices) -> NDArray[Any]:
        array = np.empty((len(rows), *self.shape[1:]), np.uint8)

        def place(number: int) -> None:
            file = self.files[rows[number]]
            file.check()
            array[number] = self.decoding.decode(file.path)

        if len(rows) == 1:
            place(0)
            return array
        with ThreadPoolExecutor() as pool:  # decoding leaves Python's lock, and reading waits for the disk
            for _ in pool.map(place, range(len(rows))):
                pass
        return array

    def digest(self, rows: Indices) -> str:
        digest = hashlib.sha256(repr(astuple(self.decoding)).encode())
        with ThreadPoolExecutor() as pool:
            for found in pool.map(hash_file, [self.files[row].path for row in rows]):
                digest.update(found.sha256.encode())
        return digest.hexdigest()


def size_of(file: Path) -> tuple[int, int]:
    """Return an image's height and width; only its head is read.

    Raises: image-unreadable.
    """
    try:
        with Image.open(file) as image:
            return image.height, image.width
    except DAMAGE as error:
        raise unreadable(file, error) from None


def unreadable(file: Path, error: Exception) -> KexpError:
    if isinstance(error, UnidentifiedImageError):
        reason = "it is no image of a known format"
    else:
        reason = str(error) or type(error).__name__
    return DataError.because(
        "image-unreadable",
        f"`{file}` cannot be decoded: {reason}",
        path="data",
        help="mend or remove the file; `on_error: skip` leaves out such files and says how many",
    )
