from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kexp.data.lazy import LazyColumn
from kexp.data.load import load, read_table
from kexp.errors import KexpError
from kexp.protocols import Site, Table
from kexp.spec.types import Data, Split, Value
from tests.fakes import KERAS, machine

pytest.importorskip("google_crc32c", reason="the extra `tfrecord` is not installed")
pytestmark = KERAS

FEATURES: dict[str, Value] = {
    "image": {"dtype": "uint8", "shape": (2, 2, 1), "code": "raw"},
    "size": {"dtype": "float32", "shape": (2,)},
    "word": "text",
    "label": "int64",
}


def example(number: int) -> bytes:
    machine()
    import tensorflow as tf

    def feature(value: Any) -> Any:
        if isinstance(value, bytes):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        if isinstance(value, list):
            return tf.train.Feature(float_list=tf.train.FloatList(value=value))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))

    features = {
        "image": feature(bytes([number] * 4)),
        "size": feature([number / 2, 1.0]),
        "word": feature(f"w{number}é".encode()),
        "label": feature(number % 2),
    }
    return bytes(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())


def write(file: Path, numbers: range) -> Path:
    examples = [example(number) for number in numbers]
    import tensorflow as tf

    with tf.io.TFRecordWriter(str(file)) as writer:
        for data in examples:
            writer.write(data)
    return file


def read(folder: Path, **options: Value) -> Table:
    options = {"path": "t.tfrecord", "features": FEATURES, "target": "label", **options}
    return read_table(Data("tfrecord", options), Site(folder, seed=0))


def refusal(folder: Path, **options: Value) -> str:
    with pytest.raises(KexpError) as caught:
        read(folder, **options)
    return str(caught.value).replace(str(folder), "DIR")


def test_records_are_read_in_any_order(tmp_path: Path) -> None:
    write(tmp_path / "t.tfrecord", range(5))
    samples = read(tmp_path).parts["all"]
    assert isinstance(samples.inputs["image"], LazyColumn)
    assert samples.inputs["image"][np.array([4, 1])][:, 0, 0, 0].tolist() == [4, 1]
    assert samples.inputs["size"][:].tolist() == [[0, 1], [0.5, 1], [1, 1], [1.5, 1], [2, 1]]
    assert samples.inputs["word"][:].tolist() == ["w0é", "w1é", "w2é", "w3é", "w4é"]
    assert samples.targets["label"][:].tolist() == [0, 1, 0, 1, 0]


def test_a_pattern_names_many_files_and_splits_have_their_own(tmp_path: Path) -> None:
    write(tmp_path / "a-0.tfrecord", range(3))
    write(tmp_path / "a-1.tfrecord", range(3, 5))
    write(tmp_path / "b.tfrecord", range(2))
    table = read(tmp_path, path=None, train="a-*.tfrecord", test="b.tfrecord")
    assert table.parts["train"].inputs["image"][:][:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4]
    assert len(table.parts["test"]) == 2
    assert [file.name for file in table.files] == ["a-0.tfrecord", "a-1.tfrecord", "b.tfrecord"]


def test_encoded_images_are_decoded(tmp_path: Path) -> None:
    machine()
    import tensorflow as tf

    png = tf.io.encode_png(np.full((2, 3, 3), 7, np.uint8)).numpy()
    feature = {
        "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[png])),
        "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[1])),
    }
    with tf.io.TFRecordWriter(str(tmp_path / "t.tfrecord")) as writer:
        writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
    features: Value = {"image": {"dtype": "uint8", "shape": (2, 3, 3), "code": "image"}, "label": "int64"}
    images = read(tmp_path, features=features).parts["all"].inputs["image"]
    assert images[:].tolist() == np.full((1, 2, 3, 3), 7).tolist()


def test_the_whole_way_to_splits(tmp_path: Path) -> None:
    write(tmp_path / "t.tfrecord", range(10))
    options: dict[str, Value] = {"path": "t.tfrecord", "features": FEATURES, "target": "label"}
    datasets = load(Data("tfrecord", options, Split(test=2, shuffle=False)), Site(tmp_path, seed=0))
    assert datasets.info.sizes == {"train": 8, "test": 2}
    assert datasets.splits["test"].inputs["image"][:][:, 0, 0, 0].tolist() == [8, 9]


def test_a_damaged_record_is_named_or_left_out(tmp_path: Path) -> None:
    file = write(tmp_path / "t.tfrecord", range(3))
    data = bytearray(file.read_bytes())
    data[40] ^= 1
    file.write_bytes(bytes(data))
    assert refusal(tmp_path) == (
        "error[record-damaged]: record 0 of `DIR/t.tfrecord`, at byte 0, cannot be read:"
        " its bytes do not match their checksum\n"
        "  --> data\n"
        "help: write the file anew; `on_error: skip` leaves out damaged records and says how many"
    )
    table = read(tmp_path, on_error="skip")
    assert table.parts["all"].targets["label"][:].tolist() == [1, 0]
    assert table.notes == ("left out 1 damaged records of t.tfrecord",)


def test_a_torn_file_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "t.tfrecord", range(3))
    file.write_bytes(file.read_bytes()[:-5])
    assert "cannot be read: its length is damaged, or the file is torn" in refusal(tmp_path)


def test_a_feature_that_examples_do_not_hold_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "t.tfrecord", range(3))
    text = refusal(tmp_path, features={**FEATURES, "colour": "int64"})
    assert text == (
        "error[feature-missing]: `colour` cannot be read as int64 of shape []\n"
        "  --> data.features.colour\n"
        "  Feature: colour (data type: int64) is required but could not be found."
    )


def test_what_is_declared_wrongly_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, target="lable") == (
        "error[unknown-column]: `features` declares no `lable`\n"
        "  --> data.target\n"
        "help: it declares `image`, `size`, `word`, `label`"
    )
    assert refusal(tmp_path, features={"image": "uint8", "label": "int64"}) == (
        "error[missing-option]: the bytes of `image` need a `shape`, and a `code` that says how they are"
        " stored\n"
        "  --> data.features.image\n"
        "help: write `image: {dtype: uint8, shape: [28, 28, 1], code: raw}`, or `code: image`"
    )
    assert refusal(tmp_path, path="none-*.tfrecord").startswith(
        "error[data-file-missing]: there is no file `DIR/none-*.tfrecord`\n  --> data.path\n"
    )
