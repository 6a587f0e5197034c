"""Which image files there are, and what folders, tables and masks say of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kexp.data.columns import ColumnFinder
from kexp.data.csv_file import read_sheet
from kexp.data.csv_values import Reading, label_dtype
from kexp.data.files import nearby
from kexp.diagnostics import Diagnostic
from kexp.errors import DataError, NotFound, did_you_mean

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
_SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


@dataclass(frozen=True, slots=True)
class ImageFiles:
    """The images of one part in order, with labels by target, or with a mask for each."""

    images: Sequence[Path]
    labels: Mapping[str, NDArray[Any]]
    masks: Sequence[Path] = ()

    def without(self, left_out: set[Path]) -> "ImageFiles":
        rows = [row for row, image in enumerate(self.images) if image not in left_out]
        return ImageFiles(
            [self.images[row] for row in rows],
            {name: labels[rows] for name, labels in self.labels.items()},
            [self.masks[row] for row in rows] if self.masks else (),
        )


def split_folders(folder: Path, path: str) -> dict[str, Path]:
    """Return the folders of the splits inside a folder, or the folder itself as `all`."""
    _check_folder(folder, path)
    inside = {entry.name: entry for entry in sorted(folder.iterdir()) if entry.is_dir()}
    if "train" in inside and set(inside) <= set(_SPLITS):
        return {_SPLITS[name]: entry for name, entry in inside.items()}
    return {"all": folder}


def class_folders(
    parts: Mapping[str, Path], class_names: Sequence[str] | None, target: str
) -> tuple[dict[str, ImageFiles], tuple[str, ...]]:
    """Return the images by part, labelled by the number of their folder, and the names of the classes.

    Raises: no-class-folders, unknown-class, no-images.
    """
    found = {part: sorted(e.name for e in folder.iterdir() if e.is_dir()) for part, folder in parts.items()}
    names = tuple(class_names or sorted({name for held in found.values() for name in held}))
    if not names:
        folder = next(iter(parts.values()))
        raise DataError.because(
            "no-class-folders",
            f"`{folder}` holds no folders, and the images of each class are expected in one of their own",
            path="data.path",
            help="name a `table` of files and labels, or a folder of `masks`",
        )
    for name in names:
        if not any(name in held for held in found.values()):
            known = sorted({name for held in found.values() for name in held})
            help = did_you_mean(name, known) or f"the folders are {', '.join(f'`{n}`' for n in known)}"
            message = f"there is no folder for the class `{name}`"
            raise DataError.because("unknown-class", message, path="data.class_names", help=help)
    files = {}
    for part, folder in parts.items():
        by_class = [images_in(folder / name) if (folder / name).is_dir() else [] for name in names]
        labels = np.repeat(np.arange(len(names), dtype=np.int32), [len(images) for images in by_class])
        files[part] = ImageFiles([image for images in by_class for image in images], {target: labels})
        _check_some(files[part], folder)
    return files, names


def listed_in_table(table: Path, folder: Path, file: str, targets: Sequence[str]) -> dict[str, ImageFiles]:
    """Return the images that a CSV file lists, with its columns as labels.

    Raises: what `read_sheet` and `Reading` raise; unknown-column, image-missing.
    """
    sheet = read_sheet(table, True, "\t" if table.suffix == ".tsv" else ",", True)
    find, reading = ColumnFinder(sheet.names, True), Reading(sheet, {})
    images = [folder / name for name in sheet.column(find.one(file, "data.file"))]
    for row, image in enumerate(images):
        if not image.is_file():
            place = f"line {sheet.lines[row]} of `{table}`"
            message = f"there is no file `{image}`, which {place} names"
            raise NotFound.because("image-missing", message, path="data.table")
    labels = {name: _labels(reading, name) for name in find.all(targets, "data.target")}
    return {"all": ImageFiles(images, labels)}


def _labels(reading: Reading, name: str) -> NDArray[Any]:
    if not reading.holds_numbers(name):
        return reading.texts(name)
    values = reading.numbers(name)
    return values.astype(label_dtype(values))


def with_masks(parts: Mapping[str, Path], masks: Path) -> dict[str, ImageFiles]:
    """Return the images of each part with the masks of the same names.

    Raises: mask-missing, no-images.
    """
    _check_folder(masks, "data.masks")
    known = {file.stem: file for file in images_in(masks)}
    files = {}
    for part, folder in parts.items():
        images = images_in(folder)
        lost = next((image for image in images if image.stem not in known), None)
        if lost is not None:
            message = f"`{masks}` holds no mask called `{lost.stem}`, and `{folder}` holds `{lost.name}`"
            raise DataError.because(
                "mask-missing", message, path="data.masks", help=nearby(masks / lost.name)
            )
        files[part] = ImageFiles(images, {}, [known[image.stem] for image in images])
        _check_some(files[part], folder)
    return files


def images_in(folder: Path) -> list[Path]:
    """Return the images in a folder and the folders below, sorted by their names."""
    return sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())


def _check_some(files: ImageFiles, folder: Path) -> None:
    if not files.images:
        raise DataError.because(
            "no-images",
            f"`{folder}` holds no images",
            path="data",
            help=f"images are files that end in {', '.join(SUFFIXES)}",
        )


def _check_folder(folder: Path, path: str) -> None:
    if not folder.is_dir():
        message = f"there is no folder `{folder}`"
        raise NotFound(Diagnostic("data-folder-missing", message, path, help=_near(folder)))


def _near(folder: Path) -> str | None:
    if not folder.parent.is_dir():
        return f"there is no folder `{folder.parent}` either"
    names = sorted(entry.name for entry in folder.parent.iterdir() if entry.is_dir())
    return did_you_mean(folder.name, names)
