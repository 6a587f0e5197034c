"""Tables in CSV files."""

from collections.abc import Mapping

from kexp.data.columns import ColumnFinder
from kexp.data.csv_pieces import opened_csv
from kexp.data.csv_reading import CsvReading
from kexp.data.files import part_files
from kexp.data.tables import Choice, FloatName, arranged
from kexp.protocols import Site, Table


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
    header: bool = True,
    delimiter: str | None = None,
    quoted: bool = True,
    dtype: FloatName = "float32",
    sample_weight: str | int | None = None,
    missing: Mapping[str, str | float] | None = None,
) -> Table:
    """Read a table from a CSV file, or from one file per split.

    target: the column to predict, or a list of columns; text becomes classes
    path: one file with all samples
    train: the file of the training split
    val: the file of the validation split
    test: the file of the test split
    features: the columns to learn from; by default all others
    ignore: columns to leave out
    header: whether the first line names the columns; otherwise they are numbered from 0
    delimiter: the character between fields; by default a tab in `.tsv` files, a comma in others
    quoted: whether `"` encloses fields
    dtype: of the features: float16, float32 or float64
    sample_weight: the column that weighs the samples
    missing: by column, what stands for an empty field, `NA` or `NaN`: median, mean or a value

    Raises: what `part_files`, `opened_csv`, `Choice.layout` and `arranged` raise.
    """
    files = part_files(site, path, train, val, test)
    opened = {
        part: opened_csv(file, header, delimiter or ("\t" if file.suffix == ".tsv" else ","), quoted)
        for part, file in files.items()
    }
    find = ColumnFinder(next(iter(opened.values())).names, header)
    layout = Choice(target, features, ignore, dtype, sample_weight, missing or {}).layout(site, find)
    readings = {part: CsvReading(file, layout) for part, file in opened.items()}
    return arranged(layout, readings, tuple(files.values()))
