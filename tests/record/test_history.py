import math
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kexp.errors import RunRefused
from kexp.record.history import append_row, drop_rows_after, read_rows, write_csv
from kexp.record.rundir import RunDir

FIRST = {"epoch": 1, "step": 45, "stage": None, "seconds": 0.08, "loss": 0.1 + 0.2}
SECOND = {"epoch": 2, "step": 90, "stage": None, "seconds": 0.07, "loss": 5e-324, "val_loss": 1.0}

cells = st.none() | st.integers() | st.floats() | st.text()
rows = st.lists(st.dictionaries(st.text().filter(lambda name: name != "nonfinite"), cells), max_size=5)


@pytest.fixture
def run(tmp_path):
    run = RunDir(tmp_path)
    append_row(run, FIRST)
    append_row(run, SECOND)
    return run


def test_rows_read_back_bit_for_bit(run):
    assert read_rows(run) == [FIRST, SECOND]
    assert run.metrics.read_text().splitlines()[0] == (
        '{"epoch": 1, "step": 45, "stage": null, "seconds": 0.08, "loss": 0.30000000000000004}'
    )


def test_no_file_has_no_rows(tmp_path):
    assert read_rows(RunDir(tmp_path)) == []


def test_what_is_not_finite_is_null_and_named(tmp_path):
    append_row(RunDir(tmp_path), {"loss": math.nan, "stage": None, "norm": math.inf})

    assert read_rows(RunDir(tmp_path)) == [
        {"loss": None, "stage": None, "norm": None, "nonfinite": ["loss", "norm"]}
    ]


@given(rows, st.data())
def test_any_truncation_reads_as_the_first_rows(rows, data):
    with TemporaryDirectory() as folder:
        run = RunDir(Path(folder))
        for row in rows:
            append_row(run, row)
        whole = read_rows(run)
        content = run.metrics.read_bytes() if rows else b""
        cut = data.draw(st.integers(0, len(content)))
        run.metrics.write_bytes(content[:cut])

        assert read_rows(run) == whole[: content[:cut].count(b"\n")]
        assert len(whole) == len(rows)


def test_a_torn_line_in_the_middle_is_refused(run):
    content = run.metrics.read_bytes()
    run.metrics.write_bytes(content[:20] + b"\n" + content)

    with pytest.raises(RunRefused) as error:
        read_rows(run)

    assert str(error.value) == (
        f"error[file-broken]: `metrics.jsonl` of run `{run.id}` is broken: line 1 is not a JSON object\n"
        "help: restore the file from a copy of the run, or move the run away"
    )


def test_rows_after_a_step_are_dropped_with_the_torn_line(run):
    before = run.metrics.read_bytes().splitlines(keepends=True)
    append_row(run, {"epoch": 3, "step": 135})
    with run.metrics.open("ab") as file:
        file.write(b'{"epoch": 4')

    drop_rows_after(run, 90)
    append_row(run, {"epoch": 3, "step": 135})

    assert run.metrics.read_bytes().splitlines(keepends=True)[:2] == before
    assert read_rows(run) == [FIRST, SECOND, {"epoch": 3, "step": 135}]


def test_a_row_without_a_step_cannot_be_placed(tmp_path):
    append_row(RunDir(tmp_path), {"epoch": 1})

    with pytest.raises(RunRefused, match="a row has the step None; expected a whole number"):
        drop_rows_after(RunDir(tmp_path), 0)


def test_csv_has_a_column_for_each_name_as_it_first_appears(run):
    append_row(run, {"epoch": 3, "loss": math.inf, "stage": "fine, tuned"})

    write_csv(run)

    assert run.metrics_csv.read_text() == (
        "epoch,step,stage,seconds,loss,val_loss\n"
        "1,45,,0.08,0.30000000000000004,\n"
        "2,90,,0.07,5e-324,1.0\n"
        '3,,"fine, tuned",,nan,\n'
    )
