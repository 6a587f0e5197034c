import io
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kexp.data.load import load
from kexp.data.rows import read_rows
from kexp.errors import DataError, KexpError, NotFound
from kexp.protocols import DataInfo, Site, TensorInfo
from kexp.spec.types import Data, Split


def info_of(*inputs: TensorInfo, target: str = "kind", **more: Any) -> DataInfo:
    return DataInfo(inputs, (TensorInfo(target, (), "int32"),), {}, {target: 2}, {"train": 9}, **more)


STACKED = info_of(
    TensorInfo("features", (3,), "float32"),
    columns={"features": ("a", "b", "c")},
    fills={"features": {"b": 2.5}},
)
MIXED = info_of(
    TensorInfo("word", (1,), "str"), TensorInfo("size", (1,), "float32"), fills={"word": {"word": "none"}}
)
IMAGES = info_of(TensorInfo("image", (2, 2), "uint8"), target="y")
NUMBERED = info_of(
    TensorInfo("features", (2,), "float32"), target="column_0", columns={"features": ("column_1", "column_2")}
)


def write(folder: Path, text: str, name: str = "f.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def save(folder: Path, **arrays: Any) -> Path:
    path = folder / "f.npz"
    np.savez(path, **arrays)
    return path


def rows(path: Path, info: DataInfo) -> dict[str, tuple[str, Any]]:
    return {
        name: ("text" if array.dtype.kind == "U" else array.dtype.name, array.tolist())
        for name, array in read_rows(path, path.name, info).items()
    }


def refusal(call: Callable[[], object], kind: type[KexpError] = DataError) -> str:
    with pytest.raises(kind) as caught:
        call()
    return str(caught.value)


# ---------------------------------------------------------------- CSV


def test_stacked_columns_are_found_by_name_whatever_else_is_there(tmp_path: Path) -> None:
    path = write(tmp_path, "kind,c,id,a,b\nx,3,u1,1,2\ny,6,u2,4,5\n")
    assert rows(path, STACKED) == {"features": ("float32", [[1, 2, 3], [4, 5, 6]])}


def test_each_named_input_is_a_column(tmp_path: Path) -> None:
    path = write(tmp_path, "size,word\n1.5,red\n2,12\n")
    assert rows(path, MIXED) == {"word": ("text", [["red"], ["12"]]), "size": ("float32", [[1.5], [2.0]])}


@pytest.mark.parametrize(("name", "mark"), [("f.tsv", "\t"), ("f.csv", ";"), ("f.txt", "|"), ("f", "\t")])
def test_the_delimiter_is_the_one_that_gives_the_columns(tmp_path: Path, name: str, mark: str) -> None:
    path = write(tmp_path, "a,b,c\n1,2,3\n".replace(",", mark), name)
    assert rows(path, STACKED) == {"features": ("float32", [[1, 2, 3]])}


def test_without_names_the_columns_are_those_of_the_model_in_order(tmp_path: Path) -> None:
    path = write(tmp_path, "1,2,3\n4,NA,6\n")
    assert rows(path, STACKED) == {"features": ("float32", [[1, 2, 3], [4, 2.5, 6]])}


@pytest.mark.parametrize("text", ["1,2\n3,4\n", "0,1,2\n1,3,4\n", "x,1,2\ny,3,4\n", "x,1,2,u\ny,3,4,v\n"])
def test_numbered_columns_are_found_by_their_numbers_or_stand_alone(tmp_path: Path, text: str) -> None:
    assert rows(write(tmp_path, text), NUMBERED) == {"features": ("float32", [[1, 2], [3, 4]])}


def test_an_input_that_never_had_columns_takes_them_in_order(tmp_path: Path) -> None:
    path = write(tmp_path, "1,2\n300,4\n")
    assert rows(path, info_of(TensorInfo("x", (2,), "uint8"))) == {"x": ("int32", [[1, 2], [300, 4]])}
    assert rows(write(tmp_path, "7\n8\n"), info_of(TensorInfo("x", (), "float64"))) == {
        "x": ("float32", [7, 8])
    }


def test_missing_values_are_filled_as_in_training(tmp_path: Path) -> None:
    assert rows(write(tmp_path, "a,b,c\n1,,3\n"), STACKED) == {"features": ("float32", [[1, 2.5, 3]])}
    assert rows(write(tmp_path, "word,size\nNA,3\n"), MIXED) == {
        "word": ("text", [["none"]]),
        "size": ("float32", [[3]]),
    }


def test_a_missing_value_without_a_filling_is_named_by_column_and_line(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b,c\n1,2,3\n,2,\n4,5,NA\n")
    assert refusal(lambda: rows(path, STACKED)) == (
        "error[missing-value]: `a` has no value in 1 of 3 rows of `f.csv`, first in line 3\n"
        "help: the run was trained with nothing to put there: fill it in, or leave the row out\n\n"
        "error[missing-value]: `c` has no value in 2 of 3 rows of `f.csv`, first in line 3\n"
        "help: the run was trained with nothing to put there: fill it in, or leave the row out"
    )


def test_what_is_not_a_number_is_named_by_column_and_line(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b,c\n1,2,3\n2,inf,x\n4,5,6\n")
    assert refusal(lambda: rows(path, STACKED)) == (
        "error[not-a-number]: `b` is `inf` in line 3 of `f.csv`, not a finite number\n\n"
        "error[not-a-number]: `c` is `x` in line 3 of `f.csv`, not a finite number"
    )


def test_a_number_too_large_for_the_model_is_refused(tmp_path: Path) -> None:
    assert refusal(lambda: rows(write(tmp_path, "a,b,c\n1,2,3\n1,1e300,3\n"), STACKED)) == (
        "error[data-not-finite]: `features` in `f.csv` holds 1 value that is NaN or infinite,"
        " first in row 1, column `b` (counted from 0)\n"
        "help: mend or leave out these rows"
    )


def test_names_where_a_run_had_none_are_read_as_a_row(tmp_path: Path) -> None:
    assert refusal(lambda: rows(write(tmp_path, "a,b\n1,2\n3,4\n"), NUMBERED)) == (
        "error[not-a-number]: `column_1` is `a` in line 1 of `f.csv`, not a finite number\n\n"
        "error[not-a-number]: `column_2` is `b` in line 1 of `f.csv`, not a finite number"
    )


def test_columns_that_are_not_there_are_all_named(tmp_path: Path) -> None:
    assert refusal(lambda: rows(write(tmp_path, "a,B,kind\n1,2,x\n"), STACKED)) == (
        "error[unknown-column]: `f.csv` has 1 of the 3 columns that the model takes; it lacks `b`, `c`\n"
        "help: its columns are `a`, `B`, `kind`"
    )
    assert refusal(lambda: rows(write(tmp_path, "a,B,c\n1,2,x\n"), STACKED)) == (
        "error[unknown-column]: `f.csv` has no column `b`\nhelp: did you mean `B`?"
    )


def test_many_columns_that_are_not_there_make_one_line(tmp_path: Path) -> None:
    names = tuple(f"pixel_{number}" for number in range(64))
    info = info_of(TensorInfo("features", (64,), "float32"), columns={"features": names})
    text = ",".join(f"p{number}" for number in range(64)) + "\n" + ",".join(["0"] * 64) + "\n"
    lacking = ", ".join(f"`pixel_{number}`" for number in range(12))
    found = ", ".join(f"`p{number}`" for number in range(12))
    assert refusal(lambda: rows(write(tmp_path, text), info)) == (
        "error[unknown-column]: `f.csv` has 0 of the 64 columns that the model takes; "
        f"it lacks {lacking}, ...\n"
        f"help: its columns are {found}, ..."
    )


@pytest.mark.parametrize("info", [STACKED, replace(NUMBERED, columns={"features": ("column_1", "column_8")})])
def test_numbers_without_names_must_be_as_many_as_the_columns(tmp_path: Path, info: DataInfo) -> None:
    names = info.columns["features"]
    assert refusal(lambda: rows(write(tmp_path, "1,2,3,4,5\n"), info)) == (
        "error[wrong-number-of-columns]: `f.csv` has 5 columns without names,"
        f" and the model takes {len(names)}\n"
        f"help: give {', '.join(f'`{name}`' for name in names)} in this order, or by name in a first line"
    )


@pytest.mark.parametrize(("text", "found"), [("", "is empty"), ("a,b,c\n", "has a header and no rows")])
def test_a_table_without_rows_is_refused(tmp_path: Path, text: str, found: str) -> None:
    assert refusal(lambda: rows(write(tmp_path, text), STACKED)) == f"error[no-samples]: `f.csv` {found}"


def test_rows_of_unequal_length_are_refused(tmp_path: Path) -> None:
    assert refusal(lambda: rows(write(tmp_path, "a,b,c\n1,2,3\n1,2\n"), STACKED)) == (
        "error[ragged-row]: line 3 of `f.csv` has 2 fields; the first line has 3"
    )


def test_text_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes("size,word\n1,café\n".encode("latin-1"))
    assert refusal(lambda: rows(path, MIXED)) == (
        "error[data-not-utf8]: line 2 of `f.csv` is not UTF-8 text: invalid continuation byte at byte 15\n"
        "help: save the file as UTF-8"
    )


def test_images_do_not_come_in_columns(tmp_path: Path) -> None:
    assert refusal(lambda: rows(write(tmp_path, "1,2\n"), IMAGES)) == (
        "error[not-tabular]: `f.csv` is CSV, and the input `image` has shape [2, 2],"
        " which columns do not hold\n"
        "help: write the rows with `numpy.savez`"
    )


# ---------------------------------------------------------------- arrays


@pytest.mark.parametrize("name", ["image", "x", "pictures"])
def test_a_single_input_is_found_by_its_name_as_x_or_alone(tmp_path: Path, name: str) -> None:
    array = np.arange(8, dtype=np.uint8).reshape(2, 2, 2)
    path = save(tmp_path, **{name: array, "y": [0, 1]})
    assert rows(path, IMAGES) == {"image": ("uint8", array.tolist())}


def test_several_inputs_are_found_by_name(tmp_path: Path) -> None:
    path = save(tmp_path, size=[1.5, 2.5], word=[["a"], ["b"]], more=[0])
    assert rows(path, MIXED) == {"word": ("text", [["a"], ["b"]]), "size": ("float32", [[1.5], [2.5]])}


def test_a_single_array_is_the_single_input(tmp_path: Path) -> None:
    np.save(tmp_path / "f.npy", np.ones((2, 3)))
    assert rows(tmp_path / "f.npy", STACKED) == {"features": ("float32", [[1, 1, 1], [1, 1, 1]])}


def test_gaps_in_arrays_are_filled_by_column(tmp_path: Path) -> None:
    assert rows(save(tmp_path, features=[[1, np.nan, 3]]), STACKED) == {
        "features": ("float32", [[1, 2.5, 3]])
    }
    assert refusal(lambda: rows(save(tmp_path, features=[[1, 2, 3], [1, np.nan, np.nan]]), STACKED)) == (
        "error[data-not-finite]: `features` in `f.npz` holds 1 value that is NaN or infinite,"
        " first in row 1, column `c` (counted from 0)\n"
        "help: mend or leave out these rows"
    )


def test_gaps_in_images_are_placed_by_row(tmp_path: Path) -> None:
    path = save(tmp_path, image=np.full((3, 2, 2), np.inf))
    assert refusal(lambda: rows(path, IMAGES)) == (
        "error[data-not-finite]: `image` in `f.npz` holds 12 values that are NaN or infinite,"
        " first in row 0 (counted from 0)\n"
        "help: mend or leave out these rows"
    )


def test_a_free_size_takes_any(tmp_path: Path) -> None:
    info = info_of(TensorInfo("tokens", (None, 2), "int32"))
    path = save(tmp_path, tokens=np.ones((1, 5, 2), np.int64))
    assert rows(path, info) == {"tokens": ("int64", [[[1, 1]] * 5])}
    assert refusal(lambda: rows(save(tmp_path, tokens=np.ones((4, 5, 3))), info)) == (
        "error[wrong-shape]: `tokens` in `f.npz` has shape [4, 5, 3]; expected [rows, any, 2]"
    )


def test_one_sample_without_the_axis_of_rows_is_recognised(tmp_path: Path) -> None:
    assert refusal(lambda: rows(save(tmp_path, image=np.zeros((2, 2))), IMAGES)) == (
        "error[wrong-shape]: `image` in `f.npz` has shape [2, 2]; expected [rows, 2, 2]\n"
        "help: this is one sample without the axis of rows: save `array[None]`"
    )


def test_all_that_does_not_fit_is_said_at_once(tmp_path: Path) -> None:
    assert refusal(lambda: rows(save(tmp_path, word=[[1], [2]], size=np.zeros((0, 1))), MIXED)) == (
        "error[wrong-kind]: `word` in `f.npz` holds numbers; the run was trained on text\n\n"
        "error[no-samples]: `size` in `f.npz` has no rows"
    )


def test_unequal_numbers_of_rows_are_refused(tmp_path: Path) -> None:
    assert refusal(lambda: rows(save(tmp_path, word=["a", "b"], size=[1, 2, 3]), MIXED)) == (
        "error[unequal-lengths]: `f.npz` has unequal numbers of rows: 2 in `word`, 3 in `size`"
    )


def test_arrays_that_are_not_there_are_all_named(tmp_path: Path) -> None:
    assert refusal(lambda: rows(save(tmp_path, words=["a"], n=[1]), MIXED)) == (
        "error[missing-input]: `f.npz` has no array `word`\nhelp: did you mean `words`?\n\n"
        "error[missing-input]: `f.npz` has no array `size`\nhelp: its arrays are `words`, `n`"
    )


def test_a_single_array_is_too_few_for_several_inputs(tmp_path: Path) -> None:
    np.save(tmp_path / "f.npy", np.ones(3))
    assert refusal(lambda: rows(tmp_path / "f.npy", MIXED)) == (
        "error[one-array]: `f.npy` is an .npy file, which holds one array;"
        " the model takes 2: `word`, `size`\n"
        "help: write them by name with `numpy.savez`"
    )


def test_python_objects_are_never_unpickled(tmp_path: Path) -> None:
    ragged = np.array([[1], [2, 3]], dtype=object)
    assert refusal(lambda: rows(save(tmp_path, features=ragged), STACKED)) == (
        "error[pickled-array]: `features` in `f.npz` holds Python objects, which are never loaded\n"
        "help: save it as an array of numbers or text"
    )
    np.save(tmp_path / "f.npy", ragged)
    assert refusal(lambda: rows(tmp_path / "f.npy", STACKED)) == (
        "error[not-an-npy]: `f.npy` is not an .npy file of numbers or text:"
        " Object arrays cannot be loaded when allow_pickle=False\n"
        "help: write it with `numpy.save`"
    )


def test_a_file_of_another_kind_than_its_name_says_is_refused(tmp_path: Path) -> None:
    assert refusal(lambda: rows(write(tmp_path, "a,b\n", "f.npz"), STACKED)) == (
        "error[not-an-npz]: `f.npz` is not an .npz file\nhelp: write it with `numpy.savez`"
    )
    assert refusal(lambda: rows(write(tmp_path, "a,b,c\n1,2\n", "f.npy"), STACKED)) == (
        "error[not-an-npy]: `f.npy` is not an .npy file of numbers or text:"
        " the magic string is not correct; expected b'\\x93NUMPY', got b'a,b,c\\n'\n"
        "help: write it with `numpy.save`"
    )


def test_an_array_whose_header_is_damaged_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f.npy"
    np.save(path, np.ones((2, 3)))
    path.write_bytes(path.read_bytes().replace(b"}", b" "))
    with pytest.raises(DataError) as caught:
        rows(path, STACKED)
    assert [fault.id for fault in caught.value.diagnostics] == ["not-an-npy"]


# ---------------------------------------------------------------- places


def test_a_file_that_is_missing_is_answered_with_what_is_there(tmp_path: Path) -> None:
    write(tmp_path, "", "new.csv")
    assert refusal(lambda: read_rows(tmp_path / "news.csv", "news.csv", STACKED), NotFound) == (
        "error[data-file-missing]: there is no file `news.csv`\nhelp: did you mean `new.csv`?"
    )
    assert refusal(lambda: read_rows(tmp_path, "folder", STACKED), NotFound) == (
        "error[data-file-unreadable]: `folder` cannot be read: Is a directory"
    )


def standard_input(content: bytes) -> io.BufferedReader:
    """Return a pipe that has `content` in it."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as stream:
        stream.write(content)
    return os.fdopen(reader, "rb")


def test_standard_input_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    array = np.ones((1, 3), np.float32)
    np.save(tmp_path / "f.npy", array)
    archive, single = save(tmp_path, x=array).read_bytes(), (tmp_path / "f.npy").read_bytes()
    for content in (archive, single, b"1,1,1\n", b"c;b;a\n1;1;1\n"):
        with standard_input(content) as stream:
            assert read_rows(stream, "<stdin>", STACKED)["features"].tolist() == [[1, 1, 1]]


def test_empty_standard_input_is_refused() -> None:
    assert refusal(lambda: read_rows(io.BytesIO(), "<stdin>", STACKED)) == (
        "error[no-samples]: `<stdin>` is empty"
    )


# ---------------------------------------------------------------- real files


def test_a_runs_own_file_gives_the_samples_it_was_trained_on(real_data: Path) -> None:
    numbers = ("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g")
    missing = dict.fromkeys(numbers, "median")
    options = {"path": "penguins.csv", "target": "species", "features": numbers, "missing": missing}
    datasets = load(Data("csv", options, Split()), Site(real_data, seed=0))
    found = read_rows(real_data / "penguins.csv", "penguins.csv", datasets.info)
    assert np.array_equal(found["features"], datasets.splits["train"].inputs["features"])


def test_messages_with_bare_quotes_are_read_whole(real_data: Path) -> None:
    options = {"path": "sms-spam.tsv", "target": 0, "header": False, "delimiter": "\t", "quoted": False}
    datasets = load(Data("csv", options, Split()), Site(real_data, seed=0, columns=("column_1",)))
    found = read_rows(real_data / "sms-spam.tsv", "sms-spam.tsv", datasets.info)
    assert np.array_equal(found["column_1"], datasets.splits["train"].inputs["column_1"])
