"""Which image files there are, and what folders, tables and masks say of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from kexp.data.class_folders import check_folder, check_some, class_folders, files_in
from kexp.data.columns import ColumnFinder
from kexp.data.csv_file import read_sheet
from kexp.data.csv_values import Reading, label_dtype
from kexp.data.files import nearby
from kexp.errors import DataError, NotFound

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


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


@dataclass(frozen=True, slots=True)
class Found:
    """The images of all parts, and the names of the classes of their labels."""

    parts: Mapping[str, ImageFiles]
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def images(self) -> list[Path]:
        return [image for files in self.parts.values() for image in files.images]

    @property
    def masks(self) -> list[Path]:
        return [mask for files in self.parts.values() for mask in files.masks]

    @property
    def files(self) -> tuple[Path, ...]:
        return tuple(file for files in self.parts.values() for file in (*files.images, *files.masks))

    def without(self, left_out: set[Path]) -> "Found":
        return replace(self, parts={part: files.without(left_out) for part, files in self.parts.items()})


def in_class_folders(parts: Mapping[str, Path], class_names: Sequence[str] | None, target: str) -> Found:
    """Return the images of a folder per class.

    Raises: what `class_folders` raises.
    """
    labelled = class_folders(parts, class_names, SUFFIXES)
    files = {name: ImageFiles(part.files, {target: part.labels}) for name, part in labelled.parts.items()}
    return Found(files, {target: labelled.names})


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
    """Return the images of each part with the masks of the same names, folders below included.

    Raises: data-folder-missing, mask-missing, no-files.
    """
    check_folder(masks, "data.masks")
    known = {file.relative_to(masks).with_suffix(""): file for file in files_in(masks, SUFFIXES)}
    files = {}
    for part, folder in parts.items():
        held = files_in(folder, SUFFIXES)
        images = [file for file in held if folder == masks or not file.is_relative_to(masks)]
        check_some(images, folder, SUFFIXES)
        names = [image.relative_to(folder).with_suffix("") for image in images]
        found = [known.get(Path(folder.name) / name) or known.get(name) for name in names]
        if None in found:
            lost = images[found.index(None)]
            name, file = names[found.index(None)], lost.relative_to(folder)
            message = f"`{masks}` holds no mask called `{name}`, and `{folder}` holds `{file}`"
            raise DataError.because(
                "mask-missing", message, path="data.masks", help=nearby(masks / lost.name)
            )
        files[part] = ImageFiles(images, {}, [mask for mask in found if mask is not None])
    return files
