import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from kexp.data.lazy import LazyColumn
from kexp.data.load import load, read_table
from kexp.errors import KexpError
from kexp.protocols import Site, Table
from kexp.spec.types import Data, Split, Value


def read(folder: Path, source: str, **options: Value) -> Table:
    return read_table(Data(source, options), Site(folder, seed=0))


def refusal(folder: Path, source: str, **options: Value) -> str:
    with pytest.raises(KexpError) as caught:
        read(folder, source, **options)
    return str(caught.value).replace(str(folder), "DIR")


def write_idx(path: Path, array: np.ndarray, code: int = 0x08) -> None:
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    data = header + array.astype(array.dtype.newbyteorder(">")).tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


IMAGES = np.arange(3 * 2 * 2, dtype=np.uint8).reshape(3, 2, 2)


# ---------------------------------------------------------------- npy


def test_npy_arrays_stay_in_their_files_and_single_values_are_read(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", IMAGES)
    np.save(tmp_path / "y.npy", np.array([0, 1, 0]))
    table = read(tmp_path, "npy", path={"x": "x.npy", "y": "y.npy"})
    samples = table.parts["all"]
    assert isinstance(samples.inputs["x"], LazyColumn)
    assert samples.inputs["x"][:].tolist() == IMAGES.tolist()
    assert isinstance(samples.targets["y"], np.ndarray)
    assert table.files == (tmp_path / "x.npy", tmp_path / "y.npy")


def test_npy_takes_several_inputs_by_name_and_files_per_split(tmp_path: Path) -> None:
    for name in ("a", "b", "y", "w"):
        np.save(tmp_path / f"{name}.npy", np.ones((4, 2) if name in "ab" else 4))
    files: Value = {"x": {"left": "a.npy", "right": "b.npy"}, "y": "y.npy", "sample_weight": "w.npy"}
    table = read(tmp_path, "npy", train=files, test=files)
    assert list(table.parts) == ["train", "test"]
    assert {name: column.dtype.name for name, column in table.parts["train"].inputs.items()} == {
        "left": "float32",
        "right": "float32",
    }
    assert table.parts["test"].weights is not None


def test_npy_trains_like_the_same_arrays_in_memory(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", IMAGES)
    np.save(tmp_path / "y.npy", np.array([0, 1, 0]))
    data = Data("npy", {"path": {"x": "x.npy", "y": "y.npy"}}, Split(test=1), cache="none")
    lazy, kept = load(data, Site(tmp_path, 0)), load(Data("npy", data.options, data.split), Site(tmp_path, 0))
    assert isinstance(lazy.splits["train"].inputs["x"], LazyColumn)
    assert isinstance(kept.splits["train"].inputs["x"], np.ndarray)
    assert lazy.info == kept.info
    assert lazy.fingerprint == kept.fingerprint


def test_a_npy_file_that_is_none_or_holds_objects_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_bytes(b"PNG")
    assert refusal(tmp_path, "npy", path={"x": "x.npy"}) == (
        "error[not-an-npy]: `DIR/x.npy` is not a whole .npy file:"
        " EOF: reading magic string, expected 8 bytes got 3\n"
        "  --> data.path.x\n"
        "help: write it with `numpy.save`"
    )
    np.save(tmp_path / "o.npy", np.array([{}, {}], dtype=object), allow_pickle=True)
    assert refusal(tmp_path, "npy", path={"x": "o.npy"}) == (
        "error[pickled-array]: `DIR/o.npy` holds Python objects, which are never loaded\n"
        "  --> data.path.x\n"
        "help: save it as an array of numbers or text"
    )


def test_a_torn_npy_file_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((100, 100)))
    (tmp_path / "x.npy").write_bytes((tmp_path / "x.npy").read_bytes()[:5000])
    assert refusal(tmp_path, "npy", path={"x": "x.npy"}).startswith(
        "error[not-an-npy]: `DIR/x.npy` is not a whole .npy file: "
    )


def test_what_names_no_files_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, "npy") == (
        "error[missing-option]: `data` names no files to train on\n"
        "  --> data\n"
        "help: add `path: {x: FILE, y: FILE}`, or `train`"
    )
    assert refusal(tmp_path, "npy", path="x.npy") == (
        "error[wrong-type]: `path` must be a map with at least `x`, found `x.npy`\n"
        "  --> data.path\n"
        "help: write `path: {x: FILE, y: FILE}`"
    )
    assert refusal(tmp_path, "npy", path={"x": "a.npy", "z": "b.npy"}).startswith(
        "error[data-file-missing]: there is no file `DIR/a.npy`\n  --> data.path.x\n"
    )


# ---------------------------------------------------------------- idx


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_a_folder_with_mnists_files_brings_train_and_test(tmp_path: Path, ending: str) -> None:
    for stem in ("train", "t10k"):
        write_idx(tmp_path / f"{stem}-images-idx3-ubyte{ending}", IMAGES)
        write_idx(tmp_path / f"{stem}-labels-idx1-ubyte{ending}", np.array([1, 0, 1], np.uint8))
    table = read(tmp_path, "idx", path=".")
    assert {part: samples.inputs["x"][:].tolist() for part, samples in table.parts.items()} == {
        "train": IMAGES.tolist(),
        "test": IMAGES.tolist(),
    }
    assert table.parts["test"].targets["y"][:].tolist() == [1, 0, 1]


def test_numbers_of_the_other_byte_order_are_turned(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([[1, 2], [3, 4]], ">f8"))
    np.save(tmp_path / "y.npy", np.array([0, 1], ">i8"))
    samples = read(tmp_path, "npy", path={"x": "x.npy", "y": "y.npy"}).parts["all"]
    assert (samples.inputs["x"].dtype.str, samples.targets["y"].dtype.str) == ("<f4", "<i8")
    assert samples.inputs["x"][:].tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("code", "dtype"),
    [(0x09, "int8"), (0x0B, "int16"), (0x0C, "int32"), (0x0D, "float32"), (0x0E, "float64")],
)
def test_every_type_of_idx_is_read(tmp_path: Path, code: int, dtype: str) -> None:
    array = np.array([[-1, 2], [3, 4]], dtype)
    write_idx(tmp_path / "x", array, code)
    column = read(tmp_path, "idx", path={"x": "x"}).parts["all"].inputs["x"]
    assert column[:].tolist() == array.tolist()
    assert column.dtype.name == ("float32" if dtype == "float64" else dtype)


def test_idx_files_that_lie_about_their_size_are_refused(tmp_path: Path) -> None:
    write_idx(tmp_path / "x", IMAGES)
    (tmp_path / "x").write_bytes((tmp_path / "x").read_bytes()[:-1])
    assert refusal(tmp_path, "idx", path={"x": "x"}) == (
        "error[not-an-idx]: `DIR/x` is not an IDX file: 12 bytes are declared for (3, 2, 2), and 11 follow\n"
        "  --> data.path.x"
    )


def test_an_idx_file_of_a_single_value_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\0\0\x08\0\x05")
    reason = "it does not begin with the type and sizes of an array"
    assert refusal(tmp_path, "idx", path={"x": "x"}) == (
        f"error[not-an-idx]: `DIR/x` is not an IDX file: {reason}\n  --> data.path.x"
    )


def test_a_folder_without_mnists_files_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, "idx", path="nowhere") == (
        "error[idx-files-missing]: `nowhere` holds no `train-images-idx3-ubyte`, gzipped or not\n"
        "  --> data.path\n"
        "help: name the files by `train: {x: …, y: …}` if they are called otherwise"
    )


def test_damaged_compression_is_named(tmp_path: Path) -> None:
    write_idx(tmp_path / "x.gz", IMAGES)
    (tmp_path / "x.gz").write_bytes((tmp_path / "x.gz").read_bytes()[:-6])
    assert refusal(tmp_path, "idx", path={"x": "x.gz"}).startswith(
        "error[not-an-idx]: `DIR/x.gz` is not an IDX file: its compression is damaged: "
    )


def test_fashion_mnist_as_it_is_downloaded(real_data: Path) -> None:
    table = read(real_data, "idx", path="fashion-mnist")
    assert {part: samples.inputs["x"].shape for part, samples in table.parts.items()} == {
        "train": (60000, 28, 28),
        "test": (10000, 28, 28),
    }
    assert np.bincount(table.parts["test"].targets["y"][:]).tolist() == [1000] * 10


def test_an_array_without_values_is_named(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((5, 0)))
    with pytest.raises(KexpError) as caught:
        load(Data("npy", {"path": {"x": "x.npy"}}), Site(tmp_path, seed=0))
    assert str(caught.value) == (
        "error[empty-shape]: input `x` of the data holds no values: its shape is [5, 0]\n  --> data"
    )
