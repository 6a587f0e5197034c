"""Data sets of the package `datasets`: from a folder, or by name from the hub."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kexp.data.arrays import tidy_array
from kexp.data.class_folders import check_folder
from kexp.data.columns import Roles
from kexp.data.image_column import Decoding
from kexp.data.lazy import LazyColumn
from kexp.data.order import Indices
from kexp.data.packaged import named_splits, one_of_path_and_dataset, unreadable
from kexp.errors import DataError, SpecError
from kexp.extras import require
from kexp.protocols import Column, Samples, Site, Table
from kexp.spec.types import PositiveInt


def load(
    site: Site,
    /,
    *,
    target: str | tuple[str, ...],
    path: str | None = None,
    dataset: str | None = None,
    config: str | None = None,
    features: tuple[str, ...] | None = None,
    ignore: tuple[str, ...] = (),
    splits: Mapping[str, str] | None = None,
    image_size: tuple[PositiveInt, PositiveInt] | None = None,
    color_mode: Literal["rgb", "rgba", "grayscale"] = "rgb",
) -> Table:
    """Read a data set of the package `datasets`, row by row as they are needed.

    target: the column to predict, or a list of columns
    path: a folder that `save_to_disk` wrote
    dataset: a data set's name on the hub; it is downloaded once
    config: the hub's configuration of the data set
    features: the columns to learn from; by default all others
    ignore: columns to leave out
    splits: which of its splits are `train`, `val` and `test`; by default those of the usual names
    image_size: height and width of the arrays made of images
    color_mode: of images: rgb, rgba or grayscale

    Raises: MissingExtra, NotFound, SpecError; dataset-unreadable, unknown-split, unknown-column.
    """
    require("datasets", "huggingface", "the source `huggingface`", "data.source")
    parts = _parts(_opened(site, path, dataset, config), splits)
    first = next(iter(parts.values()))
    roles = Roles.of(first.column_names, target, features, ignore)
    decoding = None if image_size is None else Decoding((image_size[0], image_size[1]), color_mode)
    samples = {
        part: Samples(
            {name: _column(rows, name, decoding) for name in roles.inputs},
            {name: _labelled(_column(rows, name, decoding), part, name) for name in roles.targets},
            keys={name: in_rows(rows, name) for name in site.keys if name in first.column_names},
        )
        for part, rows in parts.items()
    }
    classes = {name: names for name in roles.targets if (names := _class_names(first, name))}
    return Table(samples, classes, _files(first))


def in_rows(rows: Any, name: str) -> NDArray[Any]:
    """Return a column of single values."""
    return tidy_array(rows.with_format("numpy")[:][name])


def _opened(site: Site, path: str | None, dataset: str | None, config: str | None) -> Any:
    import datasets

    datasets.disable_progress_bars()
    if (path is None) == (dataset is None):
        raise one_of_path_and_dataset(path)
    if path is not None:
        check_folder(site.folder / path, "data.path")
    try:
        if path is not None:
            return datasets.load_from_disk(str(site.folder / path))
        return datasets.load_dataset(dataset, config)
    except (OSError, ValueError, TypeError) as error:
        named = dataset if path is None else site.folder / path
        raise unreadable(f"`{named}` is no data set of `datasets`", error, "data") from None


def _parts(opened: Any, splits: Mapping[str, str] | None) -> dict[str, Any]:
    """Return the data sets by part; a single one is `all`."""
    if not isinstance(opened, dict):
        return {"all": opened}
    return {part: opened[name] for part, name in named_splits(list(opened), splits).items()}


def _class_names(rows: Any, name: str) -> tuple[str, ...]:
    return tuple(getattr(rows.features[name], "names", None) or ())


def _files(rows: Any) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(Path(file["filename"]) for file in rows.cache_files))


def _column(rows: Any, name: str, decoding: Decoding | None) -> Column:
    """Return a column that is read when asked for; single values are read at once."""
    kind = type(rows.features[name]).__name__
    if kind == "Image":
        if decoding is None:
            raise SpecError.because(
                "missing-option",
                f"`{name}` holds images, and arrays have one size",
                path="data.image_size",
                help="say which, as height and width: `image_size: [224, 224]`",
            )
        return ImageRows(rows, name, decoding)
    if kind in ("Value", "ClassLabel"):
        values = in_rows(rows, name)
        return values.astype(np.int32) if kind == "ClassLabel" else values
    return ArrayRows(rows, name)


def _labelled(column: Column, part: str, name: str) -> Column:
    """Refuse a target of classes that are withheld, as those of many test splits are.

    Raises: dataset-unreadable.
    """
    lost = int((column[:] < 0).sum()) if column.dtype == np.int32 else 0
    if lost:
        message = f"`{name}` is withheld (-1) in {lost:,} of {len(column):,} rows of `{part}`"
        help = "say which splits have labels: `splits: {train: train}`"
        raise DataError.because("dataset-unreadable", message, path="data.splits", help=help)
    return column


class ArrayRows(LazyColumn):
    """A column of arrays of one shape."""

    def __init__(self, rows: Any, name: str) -> None:
        first = tidy_array(rows.with_format("numpy")[:1][name])
        super().__init__((len(rows), *first.shape[1:]), first.dtype)
        self.rows, self.name = rows.select_columns([name]).with_format("numpy"), name

    def read(self, rows: Indices) -> NDArray[Any]:
        """Return these rows.

        Raises: dataset-unreadable, where they are of different shapes.
        """
        array = np.asarray(self.rows[rows][self.name])
        if array.shape[1:] != self.shape[1:]:
            message = f"`{self.name}` holds arrays of different shapes, the first of {self.shape[1:]}"
            raise DataError.because("dataset-unreadable", message, path="data")
        return array.astype(self.dtype, copy=False)


class ImageRows(LazyColumn):
    """A column of images. Shapes: (n, height, width, channels) of uint8."""

    def __init__(self, rows: Any, name: str, decoding: Decoding) -> None:
        super().__init__((len(rows), *decoding.shape), np.uint8)
        self.rows, self.name, self.decoding = rows.select_columns([name]), name, decoding

    def read(self, rows: Indices) -> NDArray[Any]:
        pictures: Sequence[Any] = self.rows[rows][self.name]
        return np.stack([self.decoding.array(picture) for picture in pictures])
