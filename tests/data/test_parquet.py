import datetime
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from kexp.data import parquet_reading as source
from kexp.data.lazy import LazyColumn
from kexp.data.load import load, read_table
from kexp.errors import KexpError
from kexp.protocols import Site, Table
from kexp.spec.types import Data, Split, Value

pyarrow = pytest.importorskip("pyarrow", reason="the extra `parquet` is not installed")
parquet = pytest.importorskip("pyarrow.parquet")

FLOWERS: dict[str, list[object]] = {
    "length": [1.5, 2.5, None, 4.5],
    "count": [1, 2, 3, 4],
    "wild": [True, False, True, False],
    "kind": ["rose", "tulip", "rose", "tulip"],
}


def write(folder: Path, columns: Mapping[str, list[object]]) -> None:
    parquet.write_table(pyarrow.table(dict(columns)), folder / "t.parquet")


def read(folder: Path, columns: tuple[str, ...] = (), **options: Value) -> Table:
    data = Data("parquet", {"path": "t.parquet", "target": "kind", **options})
    return read_table(data, Site(folder, seed=0, columns=columns))


def refusal(folder: Path, **options: Value) -> str:
    with pytest.raises(KexpError) as caught:
        read(folder, **options)
    return str(caught.value).replace(str(folder), "DIR")


def test_typed_columns_become_numbers_and_text_becomes_classes(tmp_path: Path) -> None:
    write(tmp_path, FLOWERS)
    data = Data(
        "parquet",
        {"path": "t.parquet", "target": "kind", "missing": {"length": "mean"}},
        Split(test=1, shuffle=False),
    )
    datasets = load(data, Site(tmp_path, seed=0))
    assert datasets.splits["train"].inputs["features"][:].tolist() == [[1.5, 1, 1], [2.5, 2, 0], [2, 3, 1]]
    assert datasets.info.classes == {"kind": ("rose", "tulip")}
    assert datasets.info.columns == {"features": ("length", "count", "wild")}


def test_named_columns_keep_text_and_dates_are_written_as_iso_does(tmp_path: Path) -> None:
    days: list[object] = [datetime.date(2026, 1, day) for day in (1, 2, 3, 4)]
    write(tmp_path, {**FLOWERS, "day": days})
    table = read(tmp_path, columns=("day", "count"))
    assert table.parts["all"].inputs["day"][:].tolist()[0] == ["2026-01-01"]
    assert table.parts["all"].inputs["count"][:].tolist() == [[1], [2], [3], [4]]


def test_rows_are_split_by_a_date_column(tmp_path: Path) -> None:
    days: list[object] = [datetime.datetime(2026, 1, day, 12) for day in (4, 1, 3, 2)]
    write(tmp_path, {**FLOWERS, "length": [0.0] * 4, "day": days})
    split = Split(test=1, order="day")
    data = Data("parquet", {"path": "t.parquet", "target": "kind"}, split)
    datasets = load(data, Site(tmp_path, seed=0, keys=split.keys))
    assert datasets.splits["test"].inputs["features"][:].tolist() == [[0, 1, 1]]


def test_nulls_and_nan_are_missing_and_said(tmp_path: Path) -> None:
    write(tmp_path, {**FLOWERS, "length": [np.nan, 2.5, None, 4.5]})
    assert refusal(tmp_path) == (
        "error[missing-value]: `length` has no value in 2 of 4 rows of `DIR/t.parquet`,"
        " first in row 0 (counted from 0)\n"
        "  --> data.missing\n"
        "help: say what stands there: `missing: {length: median}`, `mean` or a value"
    )


def test_text_among_stacked_features_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {**FLOWERS, "length": ["a", "b", "c", "d"]})
    assert refusal(tmp_path) == (
        "error[text-column]: `length` holds string in `DIR/t.parquet`; stacked features are numbers\n"
        "  --> data\n"
        "help: leave it out with `ignore: [length]`, or name the columns to use under `model.inputs`"
    )


def test_columns_of_lists_are_refused(tmp_path: Path) -> None:
    write(tmp_path, {**FLOWERS, "kind": [[1], [2], [3], [4]]})
    assert "error[parquet-column]: `kind` holds list<" in refusal(tmp_path, missing={"length": 0})


def test_a_torn_file_is_refused(tmp_path: Path) -> None:
    write(tmp_path, FLOWERS)
    whole = (tmp_path / "t.parquet").read_bytes()
    (tmp_path / "t.parquet").write_bytes(whole[: len(whole) // 2])
    assert refusal(tmp_path).startswith(
        "error[parquet-unreadable]: `DIR/t.parquet` is not a whole Parquet file: Parquet magic bytes not"
    )


def test_a_file_whose_pages_are_not_what_its_schema_says_is_refused(tmp_path: Path) -> None:
    write(tmp_path, FLOWERS)
    data = bytearray((tmp_path / "t.parquet").read_bytes())
    data[4:60] = bytes(56)
    (tmp_path / "t.parquet").write_bytes(bytes(data))
    assert refusal(tmp_path).startswith(
        "error[parquet-unreadable]: `DIR/t.parquet` is not a whole Parquet file"
    )


def test_whole_numbers_too_large_for_a_float_are_rounded(tmp_path: Path) -> None:
    write(tmp_path, {**FLOWERS, "length": [2**60 + 1, 2, 3, 4]})
    assert read(tmp_path, features=("length",)).parts["all"].inputs["features"][:].tolist()[0] == [2.0**60]


def test_a_column_that_stands_twice_is_refused(tmp_path: Path) -> None:
    columns = [pyarrow.array([1, 2]), pyarrow.array([3, 4]), pyarrow.array(["a", "b"])]
    parquet.write_table(pyarrow.table(columns, names=["length", "length", "kind"]), tmp_path / "t.parquet")
    assert (
        refusal(tmp_path) == "error[duplicate-column]: `DIR/t.parquet` has two columns `length`\n  --> data"
    )


def test_the_row_numbers_of_pandas_are_a_feature_only_by_name(tmp_path: Path) -> None:
    write(tmp_path, {**FLOWERS, "length": [1.0] * 4, "__index_level_0__": [7, 8, 9, 10]})
    assert read(tmp_path).columns == {"features": ("length", "count", "wild")}
    assert read(tmp_path, features=("__index_level_0__",)).columns == {"features": ("__index_level_0__",)}


def test_large_files_are_read_some_rows_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers: list[object] = [None if n % 7 == 3 else float(n) for n in range(50)]
    write(tmp_path, {"length": numbers, "count": list(range(50)), "kind": ["a", "b"] * 25})
    data = Data(
        "parquet", {"path": "t.parquet", "target": "kind", "missing": {"length": "mean"}}, cache="none"
    )
    held = load(data, Site(tmp_path, seed=0))
    monkeypatch.setattr(source, "_BATCH_ROWS", 8)
    monkeypatch.setattr(source, "free_memory_bytes", lambda: 100)
    streamed = load(data, Site(tmp_path, seed=0))
    column = streamed.splits["train"].inputs["features"]
    assert isinstance(column, LazyColumn)
    assert np.array_equal(column[:], held.splits["train"].inputs["features"][:])
    assert refusal(tmp_path) == (
        "error[missing-value]: `length` has no value in 7 of 50 rows of `DIR/t.parquet`,"
        " first in row 3 (counted from 0)\n"
        "  --> data.missing\n"
        "help: say what stands there: `missing: {length: median}`, `mean` or a value"
    )


def test_how_many_values_were_missing_is_noted(tmp_path: Path) -> None:
    write(tmp_path, {"age": [1.0, None, 3.0], "city": ["Rome", None, None], "kind": [0, 1, 0]})
    table = read(tmp_path, ("age", "city"), missing={"age": "median", "city": "unknown"})
    assert table.notes == (f"missing: `age` in 1, `city` in 2 of 3 rows of `{tmp_path / 't.parquet'}`",)


def test_texts_with_gaps_take_what_stands_for_them(tmp_path: Path) -> None:
    write(tmp_path, {**FLOWERS, "kind": ["a", None, "b", None], "length": [1.0] * 4})
    targets = read(tmp_path, missing={"kind": "unknown"}).parts["all"].targets
    assert targets["kind"].tolist() == ["a", "unknown", "b", "unknown"]
