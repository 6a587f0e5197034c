"""Images in files: in a folder per class, listed in a table, or beside masks."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from kexp.data.image_column import Decoding, Fit, ImageColumn, Interpolation, size_of
from kexp.data.image_files import ImageFiles
from kexp.data.image_labels import Labelling
from kexp.data.masks import check_masks
from kexp.errors import DataError
from kexp.protocols import Samples, Site, Table
from kexp.spec.types import PositiveInt


def load(
    site: Site,
    /,
    *,
    path: str | None = None,
    train: str | None = None,
    val: str | None = None,
    test: str | None = None,
    table: str | None = None,
    file: str = "file",
    target: str | tuple[str, ...] = "label",
    masks: str | None = None,
    class_names: tuple[str, ...] | None = None,
    image_size: tuple[PositiveInt, PositiveInt] | None = None,
    color_mode: Literal["rgb", "rgba", "grayscale"] = "rgb",
    interpolation: Interpolation = "bilinear",
    fit: Fit = "stretch",
    on_error: Literal["error", "skip"] = "error",
) -> Table:
    """Read images, decoded only when they are needed.

    path: a folder with a folder per class; folders `train`, `val` and `test` in it are splits
    train: the folder of the training split
    val: the folder of the validation split
    test: the folder of the test split
    table: a CSV file of images and labels; its files are relative to `path`, or to the table's folder
    file: the column of `table` that names the images
    target: what the label is called; with `table` the column to predict, or a list of columns
    masks: a folder with a mask of class numbers for every image, under the same name and in the same folders
    class_names: the folders that are classes, in the order of their numbers; by default sorted
    image_size: height and width of the arrays; by default the files', when all are alike
    color_mode: rgb, rgba or grayscale
    interpolation: how images are resized: nearest, bilinear, bicubic, lanczos3 or area
    fit: stretch, crop or pad, where the proportions differ
    on_error: error, or skip to leave out images that cannot be decoded

    Raises: what finds the files raises; conflicting-options, wrong-type, images-differ, image-unreadable,
        mask-not-classes, no-images.
    """
    targets = target if isinstance(target, tuple) else (target,)
    labelling = Labelling(table, file, targets, masks, class_names)
    found = labelling.found(site, {"path": path, "train": train, "val": val, "test": test})
    size = _common_size(found.images, on_error) if image_size is None else (image_size[0], image_size[1])
    decoding = Decoding(size, color_mode, interpolation, fit)
    notes = check_masks(found.masks)
    if on_error == "skip":
        broken = _broken(found.images, decoding)
        notes += _told(broken, len(found.images))
        found = found.without(broken)
    samples = {part: _samples(files, decoding) for part, files in found.parts.items()}
    return Table(samples, found.classes, files=found.files, notes=notes)


def _samples(files: ImageFiles, decoding: Decoding) -> Samples:
    targets: dict[str, Any] = dict(files.labels)
    if files.masks:
        nearest = replace(decoding, color_mode="classes", interpolation="nearest")
        targets["mask"] = ImageColumn(files.masks, nearest)
    return Samples({"image": ImageColumn(files.images, decoding)}, targets)


def _common_size(images: Sequence[Path], on_error: str) -> tuple[int, int]:
    """Return the size that all images have, read from their heads."""
    first: tuple[Path, tuple[int, int]] | None = None
    for image in images:
        try:
            size = size_of(image)
        except DataError:
            if on_error == "skip":
                continue
            raise
        first = first or (image, size)
        if size != first[1]:
            raise DataError.because(
                "images-differ",
                f"`{first[0]}` is {_sized(first[1])} and `{image}` is {_sized(size)}; arrays have one size",
                path="data",
                help=f"say which, as height and width: `image_size: [{first[1][0]}, {first[1][1]}]`",
            )
    if first is None:
        raise DataError.because("no-images", "none of the images can be decoded", path="data")
    return first[1]


def _sized(size: tuple[int, int]) -> str:
    return f"{size[0]} by {size[1]}"


def _broken(images: Sequence[Path], decoding: Decoding) -> set[Path]:
    def is_broken(image: Path) -> bool:
        try:
            decoding.decode(image)
        except DataError:
            return True
        return False

    with ThreadPoolExecutor() as pool:
        return {image for image, broken in zip(images, pool.map(is_broken, images), strict=True) if broken}


def _told(broken: set[Path], total: int) -> tuple[str, ...]:
    if not broken:
        return ()
    shown = ", ".join(f"`{image}`" for image in sorted(broken)[:3]) + (", …" if len(broken) > 3 else "")
    return (f"left out {len(broken):,} of {total:,} images that cannot be decoded: {shown}",)
