"""A real prepared data set on disk, made in the test."""

from pathlib import Path

import numpy as np
import pytest

from kexp.data.load import load, read_table
from kexp.errors import KexpError
from kexp.protocols import Site
from kexp.spec.types import Data, Split, Value
from tests.fakes import KERAS, machine

pytestmark = [*KERAS, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
pytest.importorskip("tensorflow_datasets", reason="the extra `tfds` is not installed")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    machine()
    import tensorflow as tf
    import tensorflow_datasets as tfds

    def rows(size: int) -> tf.data.Dataset:
        images = np.arange(size * 16, dtype=np.uint8).reshape(size, 4, 4, 1)
        return tf.data.Dataset.from_tensor_slices({"image": images, "label": np.arange(size) % 2})

    folder = tmp_path_factory.mktemp("tfds")
    features = tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(shape=(4, 4, 1)),
            "label": tfds.features.ClassLabel(names=["even", "odd"]),
        }
    )
    builder = tfds.dataset_builders.TfDataBuilder(
        name="tiny",
        config="one",
        version="1.0.0",
        split_datasets={"train": rows(8), "test": rows(3)},
        features=features,
        data_dir=folder,
        release_notes={"1.0.0": "made up"},
    )
    builder.download_and_prepare()
    return Path(builder.data_dir)


def options(folder: Path, **more: Value) -> dict[str, Value]:
    return {"path": str(folder), "target": "label", **more}


def test_a_prepared_data_set_is_read_by_its_splits(prepared: Path) -> None:
    table = read_table(Data("tfds", options(prepared)), Site(Path(), seed=0))
    assert {part: len(samples) for part, samples in table.parts.items()} == {"train": 8, "test": 3}
    assert table.parts["train"].inputs["image"].shape == (8, 4, 4, 1)
    assert sorted(table.parts["train"].targets["label"][:].tolist()) == [0, 0, 0, 0, 1, 1, 1, 1]
    assert table.classes == {"label": ("even", "odd")}


def test_a_target_that_is_an_image_is_one_sample_too(prepared: Path) -> None:
    chosen = options(prepared, target="image", features=("label",))
    samples = read_table(Data("tfds", {**chosen, "target": ("image",)}), Site(Path(), seed=0)).parts["train"]
    assert (samples.inputs["label"].shape, samples.targets["image"].shape) == ((8,), (8, 4, 4, 1))


def test_a_part_of_a_split_may_be_val(prepared: Path) -> None:
    splits = {"train": "train[:75%]", "val": "train[75%:]", "test": "test"}
    loaded = load(Data("tfds", options(prepared, splits=splits), Split()), Site(Path(), seed=0))
    assert loaded.info.sizes == {"train": 6, "val": 2, "test": 3}


def test_an_unknown_split_and_a_folder_that_is_none_are_refused(prepared: Path, tmp_path: Path) -> None:
    with pytest.raises(KexpError) as caught:
        read_table(Data("tfds", options(prepared, splits={"train": "trian"})), Site(Path(), seed=0))
    assert str(caught.value) == (
        "error[unknown-split]: the data set has no split `trian`\n"
        "  --> data.splits.train\n"
        "help: did you mean `train`?"
    )
    with pytest.raises(KexpError, match="dataset-unreadable"):
        read_table(Data("tfds", options(tmp_path)), Site(Path(), seed=0))
