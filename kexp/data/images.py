"""Images in files: in a folder per class, listed in a table, or beside masks."""

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from kexp.data.class_folders import class_folders, split_folders
from kexp.data.files import existing
from kexp.data.image_column import Decoding, Fit, ImageColumn, Interpolation, size_of
from kexp.data.image_files import SUFFIXES, ImageFiles, listed_in_table, with_masks
from kexp.errors import DataError, SpecError
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
        no-images.
    """
    given = {"train": train, "val": val, "test": test, "masks": masks, "class_names": class_names}
    _check_together(table, target, {name for name, value in given.items() if value is not None})
    classes: dict[str, tuple[str, ...]] = {}
    if table is not None:
        listed = existing(site.folder / table, "data.table")
        folder = listed.parent if path is None else site.folder / path
        parts = listed_in_table(listed, folder, file, target if isinstance(target, tuple) else (target,))
    else:
        folders = split_folders(site, {"path": path, "train": train, "val": val, "test": test})
        if masks is not None:
            parts = with_masks(folders, site.folder / masks)
        else:
            labelled = class_folders(folders, class_names, SUFFIXES)
            classes = {str(target): labelled.names}
            parts = {n: ImageFiles(f.files, {str(target): f.labels}) for n, f in labelled.parts.items()}
    images = [image for files in parts.values() for image in files.images]
    size = _common_size(images, on_error) if image_size is None else (image_size[0], image_size[1])
    decoding = Decoding(size, color_mode, interpolation, fit)
    notes: tuple[str, ...] = ()
    if on_error == "skip":
        broken = _broken(images, decoding)
        parts = {part: files.without(broken) for part, files in parts.items()}
        notes = _told(broken, len(images))
    return Table(
        {part: _samples(files, decoding) for part, files in parts.items()},
        classes,
        files=tuple(file for files in parts.values() for file in (*files.images, *files.masks)),
        notes=notes,
    )


def _check_together(table: str | None, target: str | tuple[str, ...], given: Collection[str]) -> None:
    """Refuse what a table, or masks, would leave unheeded.

    Raises: conflicting-options, wrong-type.
    """
    unheeded = {"table": ("train", "val", "test", "masks", "class_names"), "masks": ("class_names",)}
    first = "table" if table is not None else "masks"
    other = next((name for name in unheeded[first] if name in given), None)
    if other is not None and (table is not None or "masks" in given):
        message = f"`{first}` and `{other}` are both given, and `{first}` alone says what is in each image"
        help = f"leave out `{first}` or `{other}`"
        raise SpecError.because("conflicting-options", message, path=f"data.{other}", help=help)
    if table is None and isinstance(target, tuple):
        message = "`target` is a list, and only a `table` has several columns"
        raise SpecError.because("wrong-type", message, path="data.target", help="write one name")


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
