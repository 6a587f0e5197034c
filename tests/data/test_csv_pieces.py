"""Large files: read in pieces, in C where nothing is odd, and just as with care."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kexp.data import arrays, csv_columns, csv_pieces, csv_reading, csv_table
from kexp.data.csv_table import load
from kexp.data.lazy import LazyColumn
from kexp.data.load import load as load_data
from kexp.errors import KexpError
from kexp.protocols import Site, Table
from kexp.spec.types import Data, Split

FIELDS = st.one_of(
    st.sampled_from(
        [
            "",
            "NA",
            "nan",
            "-NaN",
            "1",
            "-2.5",
            " 3 ",
            "1e3",
            "inf",
            "1_0",
            "0x1",
            "٣",
            "x",
            "a b",
            "\x1c1",
            "1\x1f",
        ]
    ),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.text('ab1,;"\n\r é', max_size=4),
)


def outcome(site: Site, **options: object) -> object:
    """Return what was read, or what was refused."""
    try:
        table = load(site, path="t.csv", target="y", **options)  # type: ignore[arg-type]
    except KexpError as error:
        return str(error)
    return contents(table)


def contents(table: Table) -> object:
    samples = table.parts["all"]
    columns = {**samples.inputs, **samples.targets}
    return [(name, str(column.dtype), repr(column[:].tolist())) for name, column in columns.items()]


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(FIELDS, FIELDS, FIELDS), min_size=1, max_size=8),
    named=st.booleans(),
    ends=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    block=st.integers(1, 40),
)
def test_pieces_read_in_c_hold_what_care_finds(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, ...]],
    named: bool,
    ends: str,
    quoting: int,
    block: int,
) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator=ends, quoting=quoting).writerows([("a", "b", "y"), *rows])  # type: ignore[arg-type]
    site = Site(tmp_path_factory.mktemp("csv"), seed=0, columns=("a", "b") if named else ())
    (site.folder / "t.csv").write_text(text.getvalue(), encoding="utf-8", newline="")
    missing = {"a": 7.0, "b": "median"} if not named else {"a": "7", "b": "8", "y": "9"}
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_pieces, "_NUM_FIRST", 2)
        for size in (1 << 22, block):
            patch.setattr(csv_pieces, "_BLOCK_BYTES", size)
            found.append(outcome(site, missing=missing))
        patch.setattr(csv_columns._Parsing, "columns", lambda self, piece: None)
        found.append(outcome(site, missing=missing))
        patch.setattr(csv_pieces, "_plain", lambda text, line, dialect: None)
        found.append(outcome(site, missing=missing))
    assert found == [found[0]] * 4


def test_a_fault_far_down_is_named_by_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_pieces, "_BLOCK_BYTES", 100)
    lines = ["a,note,y", *(f'{n},"two\nlines",{n % 2}' for n in range(1000))]
    lines[700] = 'many,"",1'
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    assert outcome(Site(tmp_path, seed=0), ignore=("note",)) == (
        f"error[not-a-number]: `a` is `many` in line 1400 of `{tmp_path}/t.csv`, not a finite number\n"
        "  --> data"
    )


def test_a_column_that_is_text_but_for_its_first_rows_is_text(tmp_path: Path) -> None:
    kinds = ["1"] * 600 + ["x"] * 700
    (tmp_path / "t.csv").write_text("a,y\n" + "".join(f"{n},{kind}\n" for n, kind in enumerate(kinds)))
    assert load(Site(tmp_path, seed=0), path="t.csv", target="y").parts["all"].targets["y"].tolist() == kinds


def test_a_column_that_is_numbers_but_for_its_first_rows_is_of_numbers(tmp_path: Path) -> None:
    kinds = ["x"] * 600 + ["1"] * 700
    (tmp_path / "t.csv").write_text("a,y\n" + "".join(f"{n},{kind}\n" for n, kind in enumerate(kinds)))
    assert outcome(Site(tmp_path, seed=0)) == (
        f"error[not-a-number]: `y` is `x` in line 2 of `{tmp_path}/t.csv`, not a finite number\n  --> data"
    )


def test_a_column_that_is_text_in_one_split_alone_is_text_in_all(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,y\n1,01\n2,02\n")
    (tmp_path / "b.csv").write_text("a,y\n1,x\n2,02\n3,z\n")
    parts = load(Site(tmp_path, seed=0), train="a.csv", test="b.csv", target="y").parts
    assert parts["train"].targets["y"].tolist() == ["01", "02"]


def test_features_that_memory_does_not_hold_stay_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "".join(f"{n},{'' if n % 3 else -n},{n % 2}\n" for n in range(50))
    (tmp_path / "t.csv").write_text("a,b,y\n" + rows)
    data = Data(
        "csv", {"path": "t.csv", "target": "y", "missing": {"b": "mean"}}, Split(test=10), cache="none"
    )
    held = load_data(data, Site(tmp_path, seed=0))
    monkeypatch.setattr(csv_reading, "free_memory_bytes", lambda: 100)
    streamed = load_data(data, Site(tmp_path, seed=0))
    column = streamed.splits["train"].inputs["features"]
    assert isinstance(column, LazyColumn)
    assert np.array_equal(column[:], held.splits["train"].inputs["features"][:])
    assert streamed.info == held.info
    assert streamed.fingerprint == held.fingerprint


def test_texts_of_very_different_lengths_are_not_padded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t.csv").write_text(f"a,y\n{'long ' * 50},1\nshort,0\n,1\n")
    monkeypatch.setattr(arrays, "_MOST_PADDED_BYTES", 500)
    table = load(Site(tmp_path, seed=0, columns=("a",)), path="t.csv", target="y", missing={"a": "none"})
    found = table.parts["all"].inputs["a"]
    assert (found.dtype, found.ravel().tolist()) == (np.dtype(object), ["long " * 50, "short", "none"])


def test_a_file_that_grows_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,y\n1,0\n2,1\n")
    whole = csv_reading.scan

    def slow(*given: object) -> None:
        whole(*given)  # type: ignore[arg-type]
        path.write_text("a,y\n1,0\n2,1\n3,0\n")

    monkeypatch.setattr(csv_reading, "scan", slow)
    assert str(outcome(Site(tmp_path, seed=0))).splitlines()[0] == (
        f"error[data-file-changed]: `{path}` was changed while it was being read"
    )


def test_a_file_that_is_replaced_after_its_header_was_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,y\n1,0\n2,1\n")
    opened = csv_table.opened_csv

    def slow(*given: object) -> object:
        file = opened(*given)  # type: ignore[arg-type]
        path.write_text("an,y\n1,0\n2,1\n")
        return file

    monkeypatch.setattr(csv_table, "opened_csv", slow)
    assert outcome(Site(tmp_path, seed=0)) == (
        f"error[data-file-changed]: `{path}` was changed while it was being read\n"
        "  --> data\n"
        "help: train again; `cache: memory` or `cache: disk` reads every file once"
    )


@pytest.mark.parametrize("other", ["2", "1_0", ""])
def test_controls_around_a_number_are_white_with_care_and_without(tmp_path: Path, other: str) -> None:
    (tmp_path / "t.csv").write_text(f"a,y\n\x1c1,0\n4\x1f,1\n{other},2\n")
    found = outcome(Site(tmp_path, seed=0), missing={"a": 3})
    if other == "1_0":
        assert found == (
            f"error[not-a-number]: `a` is `1_0` in line 4 of `{tmp_path}/t.csv`, not a finite number\n"
            "  --> data"
        )
    else:
        values = [[1.0], [4.0], [float(other or 3)]]
        assert found == [("features", "float32", repr(values)), ("y", "int32", "[0, 1, 2]")]
