"""Tables in Parquet files, whose columns have types."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kexp.data.columns import ColumnFinder
from kexp.data.csv_values import declared_fill, number_fill, text_fill
from kexp.data.files import part_files
from kexp.data.tables import Choice, FloatName, arranged
from kexp.errors import DataError
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
    tables = {part: _read(file) for part, file in files.items()}
    names = tuple(next(iter(tables.values())).column_names)
    indices = tuple(name for name in names if _INDEX.fullmatch(name) and name not in (features or ()))
    choice = Choice(target, features, (*ignore, *indices), dtype, sample_weight, missing or {})
    layout = choice.layout(site, ColumnFinder(names, True))
    readings = {part: _Reading(str(files[part]), table, layout.filled) for part, table in tables.items()}
    return arranged(layout, readings, tuple(files.values()))


def _read(file: Path) -> Any:
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(file).read()
        table.validate(full=True)
    except (OSError, pyarrow.ArrowException) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        message = f"`{file}` is not a whole Parquet file: {reason}"
        raise DataError.because("parquet-unreadable", message, path="data") from None
    if not table.num_rows:
        raise DataError.because("no-samples", f"`{file}` has no rows", path="data")
    names = table.column_names
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError.because("duplicate-column", f"`{file}` has two columns `{twice}`", path="data")
    return table


@dataclass(frozen=True, slots=True)
class _Reading:
    """A table of pyarrow's, and what stands for a missing value in which column."""

    file: str
    table: Any
    missing: Mapping[str, str | float]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.table.column_names)

    def holds_numbers(self, name: str) -> bool:
        from pyarrow import types

        kind = self.table.schema.field(name).type
        tests = (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal)
        return any(test(kind) for test in tests)

    def numbers(self, name: str) -> NDArray[np.float64]:
        """Return a column of numbers, NaN where a statistic is to be filled in.

        Raises: missing-value, wrong-fill, text-column.
        """
        if not self.holds_numbers(name):
            kind = self.table.schema.field(name).type
            raise DataError.because(
                "text-column",
                f"`{name}` holds {kind} in `{self.file}`; stacked features are numbers",
                path="data",
                help=f"leave it out with `ignore: [{name}]`, or name the columns to use under `model.inputs`",
            )
        column = self.table.column(name).cast("float64", safe=False)  # whole numbers over 2**53 are rounded
        values = column.to_numpy().astype(np.float64)
        lost = np.isnan(values)
        return np.where(lost, number_fill(name, self._declared(name, lost)), values)

    def texts(self, name: str) -> NDArray[Any]:
        """Return a column of text; dates as ISO writes them.

        Raises: missing-value, wrong-fill, parquet-column.
        """
        import pyarrow

        column = self.table.column(name)
        try:
            values = column.cast("string").to_pylist()
        except (pyarrow.ArrowException, NotImplementedError):
            raise DataError.because(
                "parquet-column",
                f"`{name}` holds {column.type} in `{self.file}`, neither numbers nor text",
                path="data",
                help=f"leave it out with `ignore: [{name}]`",
            ) from None
        lost = np.array([value is None for value in values])
        fill = text_fill(name, self._declared(name, lost))
        return np.array([fill if value is None else value for value in values])

    def _declared(self, name: str, lost: NDArray[np.bool_]) -> str | float | None:
        rows = np.flatnonzero(lost)
        if not len(rows):
            return declared_fill(name, self.missing, "")
        first = f"first in row {rows[0]} (counted from 0)"
        return declared_fill(name, self.missing, f"{len(rows)} of {len(lost)} rows of `{self.file}`, {first}")
