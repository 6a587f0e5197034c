"""Samples per second of each data source against the Keras, pandas or tf.data code a person would write.

Both sides do the same decoding, end with arrays of the same shapes, and start from warm file caches. Expected
before it was measured: images, arrays and records at least as fast; tables within 2 of pandas' parser in C.
"""

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.tables import Table
from tests.benchmarks.timing import interleaved

_NUM_IMAGES, _NUM_PHOTOS, _NUM_ROWS, _NUM_RECORDS = 600, 100, 20_000, 5_000


def tables(rounds: int = 7) -> Iterator[Table]:
    from fakes import machine

    machine()
    with tempfile.TemporaryDirectory() as folder:
        rows = []
        for name, size, make in (
            ("images, 160 by 120 JPEG to 64 by 64", _NUM_IMAGES, partial(_images, ((160, 120), (64, 64)))),
            (
                "photos, 640 by 480 JPEG to 224 by 224",
                _NUM_PHOTOS,
                partial(_images, ((640, 480), (224, 224))),
            ),
            ("npy, 28 by 28 uint8", _NUM_ROWS, _npy),
            ("npz, 28 by 28 uint8", _NUM_ROWS, _npz),
            ("csv, 20 columns", _NUM_ROWS, partial(_csv, {})),
            ("gaps, 20 columns of CSV, one with gaps", _NUM_ROWS, partial(_csv, {"c3": "median"})),
            ("parquet, 20 columns", _NUM_ROWS, _parquet),
            ("tfrecord, 28 by 28 uint8", _NUM_RECORDS, _tfrecord),
        ):
            place = Path(folder) / name.partition(",")[0]
            place.mkdir()
            ours, theirs, other = make(place, size)
            times = interleaved({"kexp": ours, "other": theirs}, rounds)
            mine, usual = times["kexp"].median, times["other"].median
            rows.append((name, other, round(size / mine), round(size / usual), usual / mine))
    header = ("source", "against", "kexp, samples/s", "other, samples/s", "ratio")
    yield Table("From files to arrays", header, rows, f"Medians of {rounds} rounds, the two in turn.")


Ways = tuple[Callable[[], object], Callable[[], object], str]


def _loaded(folder: Path, source: str, options: dict[str, Any]) -> Callable[[], object]:
    from kexp.data.lazy import loaded
    from kexp.data.load import read_table
    from kexp.protocols import Site
    from kexp.spec.types import Data

    data, site = Data(source, options), Site(folder, seed=0)
    return lambda: loaded(read_table(data, site).parts["all"])


Size = tuple[int, int]


def _images(sizes: tuple[Size, Size], folder: Path, size: int) -> Ways:
    """Write images of the first size, to be read as arrays of the second. Shapes: (width, height)."""
    import keras
    from PIL import Image

    random = np.random.default_rng(0)
    for number in range(size):
        file = folder / str(number % 3) / f"{number}.jpg"
        file.parent.mkdir(exist_ok=True)
        small = Image.fromarray(random.integers(0, 256, (12, 16, 3), np.uint8))
        small.resize(sizes[0], Image.Resampling.BICUBIC).save(file, quality=90)

    def theirs() -> object:
        data = keras.utils.image_dataset_from_directory(
            folder, image_size=sizes[1], shuffle=False, verbose=False
        )
        return [batch for batch in data.as_numpy_iterator()]

    return (
        _loaded(folder, "images", {"path": ".", "image_size": sizes[1]}),
        theirs,
        "image_dataset_from_directory",
    )


def _npy(folder: Path, size: int) -> Ways:
    np.save(folder / "x.npy", np.random.default_rng(0).integers(0, 256, (size, 28, 28), np.uint8))
    np.save(folder / "y.npy", np.zeros(size, np.int64))
    ours = _loaded(folder, "npy", {"path": {"x": "x.npy", "y": "y.npy"}})
    return ours, lambda: (np.load(folder / "x.npy"), np.load(folder / "y.npy")), "np.load"


def _npz(folder: Path, size: int) -> Ways:
    images = np.random.default_rng(0).integers(0, 256, (size, 28, 28), np.uint8)
    np.savez(folder / "d.npz", x=images, y=np.zeros(size, np.int64))

    def theirs() -> object:
        with np.load(folder / "d.npz") as archive:
            return archive["x"], archive["y"]

    return _loaded(folder, "npz", {"path": "d.npz"}), theirs, "np.load"


def _table(size: int) -> Any:
    import pandas

    values = np.random.default_rng(0).normal(size=(size, 20)).round(4)
    frame = pandas.DataFrame(values, columns=[f"c{number}" for number in range(20)])
    return frame.assign(kind=np.where(values[:, 0] > 0, "high", "low"))


def _csv(missing: dict[str, str], folder: Path, size: int) -> Ways:
    import pandas

    table = _table(size)
    for name in missing:
        table.loc[::7, name] = np.nan
    table.to_csv(folder / "t.csv", index=False)

    def theirs() -> object:
        frame = pandas.read_csv(folder / "t.csv")
        return frame.drop(columns="kind").to_numpy(np.float32), frame["kind"].to_numpy()

    options = {"path": "t.csv", "target": "kind", "missing": missing}
    return _loaded(folder, "csv", options), theirs, "pandas.read_csv"


def _parquet(folder: Path, size: int) -> Ways:
    import pandas

    _table(size).to_parquet(folder / "t.parquet")

    def theirs() -> object:
        frame = pandas.read_parquet(folder / "t.parquet")
        return frame.drop(columns="kind").to_numpy(np.float32), frame["kind"].to_numpy()

    return _loaded(folder, "parquet", {"path": "t.parquet", "target": "kind"}), theirs, "pandas.read_parquet"


def _tfrecord(folder: Path, size: int) -> Ways:
    import tensorflow as tf

    random = np.random.default_rng(0)
    with tf.io.TFRecordWriter(str(folder / "t.tfrecord")) as writer:
        for number in range(size):
            pixels = random.integers(0, 256, 784, np.uint8).tobytes()
            features = {
                "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[pixels])),
                "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[number % 10])),
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    spec = {"image": tf.io.FixedLenFeature((), tf.string), "label": tf.io.FixedLenFeature((), tf.int64)}

    def parsed(example: Any) -> Any:
        found = tf.io.parse_example(example, spec)
        return tf.reshape(tf.io.decode_raw(found["image"], tf.uint8), (-1, 28, 28, 1)), found["label"]

    def theirs() -> object:
        records = tf.data.TFRecordDataset(str(folder / "t.tfrecord")).batch(128)
        return [batch for batch in records.map(parsed).as_numpy_iterator()]

    options = {
        "path": "t.tfrecord",
        "target": "label",
        "features": {"image": {"dtype": "uint8", "shape": (28, 28, 1), "code": "raw"}, "label": "int64"},
    }
    return _loaded(folder, "tfrecord", options), theirs, "tf.data, parse_example"
