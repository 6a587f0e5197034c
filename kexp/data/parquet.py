"""Tables in Parquet files, whose columns have types."""

import re
from collections.abc import Mapping

from kexp.data.columns import ColumnFinder
from kexp.data.files import part_files
from kexp.data.parquet_reading import ParquetReading, opened_parquet
from kexp.data.tables import Choice, FloatName, arranged
from kexp.extras import require
from kexp.protocols import Site, Table

_INDEX = re.compile(r"__index_level_\d+__")
"""What pandas calls the numbers of its rows, which nobody means to learn from."""


def load(
    site: Site,
    /,
    *,
    target: str | int | tuple[str | int, ...],
    path: str | None = None,
    train: str | None = None,
    val: str | None = None,
    test: str | None = None,
    features: tuple[str | int, ...] | None = None,
    ignore: tuple[str | int, ...] = (),
    dtype: FloatName = "float32",
    sample_weight: str | int | None = None,
    missing: Mapping[str, str | float] | None = None,
) -> Table:
    """Read a table from a Parquet file, or from one file per split.

    target: the column to predict, or a list of columns; text becomes classes
    path: one file with all samples
    train: the file of the training split
    val: the file of the validation split
    test: the file of the test split
    features: the columns to learn from; by default all others
    ignore: columns to leave out
    dtype: of the features: float16, float32 or float64
    sample_weight: the column that weighs the samples
    missing: by column, what stands for a null or NaN: median, mean or a value

    Raises: MissingExtra; what `part_files`, `Choice.layout` and `arranged` raise; parquet-unreadable,
        parquet-column, no-samples, duplicate-column.
    """
    require("pyarrow", "parquet", "the source `parquet`", "data.source")
    files = part_files(site, path, train, val, test)
    opened = {part: opened_parquet(file) for part, file in files.items()}
    names = tuple(next(iter(opened.values())).schema_arrow.names)
    indices = tuple(name for name in names if _INDEX.fullmatch(name) and name not in (features or ()))
    choice = Choice(target, features, (*ignore, *indices), dtype, sample_weight, missing or {})
    layout = choice.layout(site, ColumnFinder(names, True))
    readings = {part: ParquetReading(files[part], file, layout.filled) for part, file in opened.items()}
    return arranged(layout, readings, tuple(files.values()))
