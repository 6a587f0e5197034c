from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kexp.data.keras_sets import _DATASETS, load
from kexp.errors import KexpError
from kexp.protocols import Site
from kexp.spec.sources import DATASETS

SITE = Site(Path(), seed=0)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty Keras cache; Keras itself has read KERAS_HOME when it was imported."""
    from keras.src.backend import config

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(config, "_KERAS_DIR", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    (tmp_path / "datasets").mkdir()
    return tmp_path / "datasets"


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(KexpError) as caught:
        call()
    return str(caught.value)


def pretend(monkeypatch: pytest.MonkeyPatch, cache: Path, dataset: str, returned: Any) -> dict[str, Any]:
    """Let a set be in the cache and its loader return something small; return what the loader is given."""
    from keras import datasets

    (cache / f"{dataset}.npz").touch()
    given: dict[str, Any] = {}

    def load_data(**options: Any) -> Any:
        given.update(options)
        return returned

    monkeypatch.setattr(getattr(datasets, dataset), "load_data", load_data)
    return given


def test_fashion_mnist_is_read_from_kerass_cache(cache: Path, real_data: Path) -> None:
    (cache / "fashion-mnist").symlink_to(real_data / "fashion-mnist")
    table = load(SITE, dataset="fashion_mnist")
    arrays = {
        part: {
            name: (array.dtype.name, array.shape)
            for name, array in {**samples.inputs, **samples.targets}.items()
        }
        for part, samples in table.parts.items()
    }
    assert arrays == {
        "train": {"image": ("uint8", (60000, 28, 28)), "target": ("int32", (60000,))},
        "test": {"image": ("uint8", (10000, 28, 28)), "target": ("int32", (10000,))},
    }
    assert table.classes["target"][9] == "Ankle boot"
    assert table.parts["train"].targets["target"][:3].tolist() == [9, 0, 0]
    assert [file.name for file in table.files] == [
        "train-labels-idx1-ubyte.gz",
        "train-images-idx3-ubyte.gz",
        "t10k-labels-idx1-ubyte.gz",
        "t10k-images-idx3-ubyte.gz",
    ]


def test_a_set_that_is_not_there_is_refused_with_the_place_it_belongs(
    cache: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    lines = refusal(lambda: load(SITE, dataset="mnist")).splitlines()
    assert lines[:3] == [
        "error[dataset-not-cached]: `mnist` is not on this machine and could not be downloaded",
        "  --> data.dataset",
        f"  expected: {cache}/mnist.npz",
    ]
    assert lines[-1] == (
        "help: let Keras download it on a machine with a network and copy it there,"
        " or use files of your own: `data: {source: npz, path: ...}`"
    )
    assert capfd.readouterr() == ("", "")


def test_a_damaged_set_is_refused(cache: Path) -> None:
    (cache / "fashion-mnist").mkdir()
    for kind in ("train-labels-idx1", "train-images-idx3", "t10k-labels-idx1", "t10k-images-idx3"):
        (cache / "fashion-mnist" / f"{kind}-ubyte.gz").write_bytes(b"not gzip")
    lines = refusal(lambda: load(SITE, dataset="fashion_mnist")).splitlines()
    assert lines[0] == "error[dataset-damaged]: the files of `fashion_mnist` in Keras's cache cannot be read"
    assert lines[-2:] == [
        "  BadGzipFile: Not a gzipped file (b'no')",
        "help: delete them, and download or copy them again",
    ]


def test_sequences_are_padded_and_cut_in_front(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ragged = np.array([[1, 2], [3, 4, 5, 6]], dtype=object)
    given = pretend(monkeypatch, cache, "imdb", ((ragged, np.array([0, 1])), (ragged[:1], np.array([1]))))
    table = load(SITE, dataset="imdb", pad=3, num_words=50)
    assert given == {"num_words": 50}
    tokens = table.parts["train"].inputs["tokens"]
    assert (tokens.dtype.name, tokens.tolist()) == ("int32", [[0, 1, 2], [4, 5, 6]])
    assert table.parts["test"].targets["target"].tolist() == [1]
    assert table.classes == {"target": ("negative", "positive")}


def test_houses_have_values(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    houses = (np.ones((2, 13)), np.array([21.5, 30.0]))
    pretend(monkeypatch, cache, "boston_housing", (houses, houses))
    samples = load(SITE, dataset="boston_housing").parts["train"]
    assert samples.inputs["features"].dtype == np.float32
    assert samples.targets["target"].dtype == np.float32


def test_labels_in_a_column_are_flattened(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = (np.zeros((2, 32, 32, 3), np.uint8), np.array([[3], [7]], np.uint8))
    pretend(monkeypatch, cache, "cifar10", (images, images))
    samples = load(SITE, dataset="cifar10").parts["test"]
    assert samples.inputs["image"] is images[0]
    assert samples.targets["target"].tolist() == [3, 7]


def test_sequences_need_a_length() -> None:
    assert refusal(lambda: load(SITE, dataset="reuters")) == (
        "error[missing-option]: the sequences of `reuters` have different lengths, and `pad` is not given\n"
        "  --> data\n"
        "help: add `pad: 200`, or the length that suits your model"
    )


def test_images_take_no_length() -> None:
    assert refusal(lambda: load(SITE, dataset="mnist", pad=3)) == (
        "error[option-not-used]: `pad` is for sequences; `mnist` has none\n  --> data.pad"
    )


def test_an_unknown_set_is_answered_with_the_nearest() -> None:
    assert refusal(lambda: load(SITE, dataset="fashion-mnist")) == (
        "error[unknown-dataset]: `keras.datasets` has no `fashion-mnist`\n"
        "  --> data.dataset\n"
        "help: did you mean `fashion_mnist`?"
    )


def test_the_static_check_knows_the_same_sets() -> None:
    assert DATASETS["keras"] == tuple(_DATASETS)
