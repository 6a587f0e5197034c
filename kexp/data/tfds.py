"""Data sets of the package `tensorflow_datasets`: from a folder, or by name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kexp.data.class_folders import check_folder
from kexp.data.columns import Roles
from kexp.data.packaged import named_splits, one_of_path_and_dataset, unreadable
from kexp.data.streams import Unreadable, read_stream
from kexp.extras import require
from kexp.protocols import Samples, Site, Table


def load(
    site: Site,
    /,
    *,
    target: str | tuple[str, ...],
    path: str | None = None,
    dataset: str | None = None,
    features: tuple[str, ...] | None = None,
    ignore: tuple[str, ...] = (),
    splits: Mapping[str, str] | None = None,
) -> Table:
    """Read a data set of the package `tensorflow_datasets`; what memory does not hold goes to a file.

    target: the feature to predict, or a list of features
    path: the folder of a prepared data set, with its `dataset_info.json`
    dataset: a data set's name; it is downloaded and prepared once
    features: the features to learn from; by default all others
    ignore: features to leave out
    splits: which of its splits, or parts such as `train[:90%]`, are `train`, `val` and `test`

    Raises: MissingExtra, NotFound, SpecError; dataset-unreadable, unknown-split, unknown-column.
    """
    require("tensorflow_datasets", "tfds", "the source `tfds`", "data.source")
    builder = _builder(site, path, dataset)
    known = builder.info.features
    roles = Roles.of(tuple(known), target, features, ignore)
    parts = {
        part: _read(builder, name, roles)
        for part, name in named_splits(list(builder.info.splits), splits, True).items()
    }
    classes = {name: tuple(getattr(known[name], "names", None) or ()) for name in roles.targets}
    return Table(parts, {name: names for name, names in classes.items() if names}, _files(builder))


def _builder(site: Site, path: str | None, dataset: str | None) -> Any:
    import tensorflow_datasets as tfds

    tfds.disable_progress_bar()
    if path is not None and dataset is None:
        folder = site.folder / path
        check_folder(folder, "data.path")
        try:
            return tfds.builder_from_directory(str(folder))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise unreadable(f"`{folder}` is no prepared data set", error, "data.path") from None
    if dataset is None or path is not None:
        raise one_of_path_and_dataset(path)
    try:
        builder = tfds.builder(dataset)
        builder.download_and_prepare()
    except (tfds.core.DatasetNotFoundError, OSError, ValueError) as error:
        named = f"`{dataset}` cannot be had from tensorflow_datasets"
        raise unreadable(named, error, "data.dataset") from None
    return builder


def _read(builder: Any, split: str, roles: Roles) -> Samples:
    """Read a split in the order of its files."""
    import tensorflow_datasets as tfds

    in_order = tfds.ReadConfig(interleave_cycle_length=1)

    def chosen(example: Mapping[str, Any]) -> Any:
        return {n: example[n] for n in roles.inputs}, {n: example[n] for n in roles.targets}

    try:
        stream = builder.as_dataset(split=split, shuffle_files=False, read_config=in_order)
        return read_stream(stream.map(chosen), are_batches=False)[0]
    except (Unreadable, OSError, ValueError) as error:
        raise unreadable(f"the split `{split}` cannot be read", error, "data.splits") from None


def _files(builder: Any) -> tuple[Path, ...]:
    """Return the files of the prepared data set."""
    folder = Path(str(builder.data_dir))
    return tuple(sorted(file for file in folder.iterdir() if file.is_file())) if folder.is_dir() else ()
