"""Real data sets on disk, made in the test."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kexp.data.lazy import LazyColumn
from kexp.data.load import load, read_table
from kexp.errors import KexpError
from kexp.protocols import Site, Table
from kexp.spec.types import Data, Split, Value

datasets = pytest.importorskip("datasets", reason="the extra `huggingface` is not installed")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def reviews(size: int = 4) -> Any:
    features = datasets.Features(
        {
            "text": datasets.Value("string"),
            "vector": datasets.Sequence(datasets.Value("float32"), length=2),
            "label": datasets.ClassLabel(names=["poor", "fine"]),
        }
    )
    rows = {
        "text": [f"review {n}" for n in range(size)],
        "vector": [[n, n / 2] for n in range(size)],
        "label": [n % 2 for n in range(size)],
    }
    return datasets.Dataset.from_dict(rows, features=features)


def read(folder: Path, **options: Value) -> Table:
    return read_table(Data("huggingface", {"path": "d", "target": "label", **options}), Site(folder, seed=0))


def refusal(folder: Path, **options: Value) -> str:
    with pytest.raises(KexpError) as caught:
        read(folder, **options)
    return str(caught.value).replace(str(folder), "DIR")


def test_a_data_set_saved_to_disk_is_read_by_columns(tmp_path: Path) -> None:
    reviews().save_to_disk(tmp_path / "d")
    table = read(tmp_path)
    samples = table.parts["all"]
    assert isinstance(samples.inputs["vector"], LazyColumn)
    assert samples.inputs["vector"][np.array([3, 1])].tolist() == [[3, 1.5], [1, 0.5]]
    assert samples.inputs["text"][:].tolist() == ["review 0", "review 1", "review 2", "review 3"]
    assert samples.targets["label"][:].tolist() == [0, 1, 0, 1]
    assert table.classes == {"label": ("poor", "fine")}


def test_its_splits_are_parts_whatever_they_are_called(tmp_path: Path) -> None:
    parts = {"train": reviews(6), "validation": reviews(2), "extra": reviews(1)}
    datasets.DatasetDict(parts).save_to_disk(tmp_path / "d")
    assert {part: len(samples) for part, samples in read(tmp_path).parts.items()} == {"train": 6, "val": 2}
    chosen = read(tmp_path, splits={"train": "train", "test": "extra"})
    assert {part: len(samples) for part, samples in chosen.parts.items()} == {"train": 6, "test": 1}
    assert refusal(tmp_path, splits={"train": "trian"}) == (
        "error[unknown-split]: the data set has no split `trian`\n"
        "  --> data.splits.train\n"
        "help: did you mean `train`?"
    )


def test_images_are_decoded_when_they_are_asked_for(tmp_path: Path) -> None:
    pictures = [Image.new("RGB", (8 + n, 8), (n, 0, 0)) for n in range(3)]
    features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("int64")})
    data = datasets.Dataset.from_dict({"image": pictures, "label": [0, 1, 2]}, features=features)
    data.save_to_disk(tmp_path / "d")
    images = read(tmp_path, image_size=(4, 4)).parts["all"].inputs["image"]
    assert isinstance(images, LazyColumn)
    assert images[np.array([2])][0, 0, 0].tolist() == [2, 0, 0]
    assert refusal(tmp_path) == (
        "error[missing-option]: `image` holds images, and arrays have one size\n"
        "  --> data.image_size\n"
        "help: say which, as height and width: `image_size: [224, 224]`"
    )


def test_the_whole_way_to_splits(tmp_path: Path) -> None:
    reviews(10).save_to_disk(tmp_path / "d")
    options: dict[str, Value] = {"path": "d", "target": "label", "features": ("vector",)}
    loaded = load(Data("huggingface", options, Split(test=0.2, stratify=True)), Site(tmp_path, seed=0))
    assert loaded.info.sizes == {"train": 8, "test": 2}
    assert loaded.info.classes == {"label": ("poor", "fine")}


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    assert refusal(tmp_path).startswith(
        "error[data-folder-missing]: there is no folder `DIR/d`\n  --> data.path"
    )
    reviews().save_to_disk(tmp_path / "d")
    assert refusal(tmp_path, target="lable") == (
        "error[unknown-column]: the data has no column `lable`\n"
        "  --> data.target\n"
        "help: did you mean `label`?"
    )
    (tmp_path / "e").mkdir()
    assert refusal(tmp_path, path="e").startswith(
        "error[dataset-unreadable]: `DIR/e` is no data set of `datasets`"
    )


def test_withheld_labels_are_no_class(tmp_path: Path) -> None:
    withheld = reviews(2).map(lambda row: {"label": -1})
    datasets.DatasetDict({"train": reviews(4), "test": withheld}).save_to_disk(tmp_path / "d")
    assert refusal(tmp_path) == (
        "error[dataset-unreadable]: `label` is withheld (-1) in 2 of 2 rows of `test`\n"
        "  --> data.splits\n"
        "help: say which splits have labels: `splits: {train: train}`"
    )
    assert [*read(tmp_path, splits={"train": "train"}).parts] == ["train"]


def test_a_part_of_a_split_is_no_split_here(tmp_path: Path) -> None:
    datasets.DatasetDict({"train": reviews(4)}).save_to_disk(tmp_path / "d")
    assert refusal(tmp_path, splits={"train": "train[:50%]"}).startswith("error[unknown-split]")
