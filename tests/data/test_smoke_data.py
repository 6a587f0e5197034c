from typing import Any

import numpy as np

from kexp.data.fingerprint import Fingerprint
from kexp.data.load import Datasets
from kexp.data.smoke import made_up, reduced
from kexp.protocols import DataInfo, Samples, TensorInfo

NO_HASHES = Fingerprint((), {}, {}, {})


def datasets(labels: dict[str, list[Any]], num_classes: dict[str, int], val: int = 0) -> Datasets:
    """Return data whose input counts its samples; `val` is the number of the last ones also in val."""
    targets = {name: np.array(values) for name, values in labels.items()}
    size = len(next(iter(targets.values())))
    splits = {"train": Samples({"x": np.arange(size)}, targets, np.arange(size) / 2)}
    if val:
        splits["val"] = Samples({"x": np.arange(size)[-val:]}, {n: a[-val:] for n, a in targets.items()})
    info = DataInfo((TensorInfo("x", (), "int64"),), (), {}, num_classes, {"train": size, "val": val})
    return Datasets(splits, info, NO_HASHES)


def kept(data: Datasets, num_samples: int) -> dict[str, list[int]]:
    small = reduced(data, num_samples)
    assert (small.info, small.fingerprint) == (data.info, data.fingerprint)
    return {name: samples.inputs["x"].tolist() for name, samples in small.splits.items()}


def test_first_samples_are_kept_with_one_of_every_class_before_them() -> None:
    data = datasets({"kind": [0, 0, 0, 0, 1, 0, 2, 1]}, {"kind": 3}, val=5)
    assert kept(data, 4) == {"train": [0, 4, 6, 1], "val": [3, 4, 6, 5]}


def test_every_class_of_every_target_is_kept_even_beyond_the_number() -> None:
    data = datasets({"a": [[0], [0], [0], [1]], "b": [0, 0, 1, 1]}, {"a": 2, "b": 2})
    assert kept(data, 1) == {"train": [0, 2, 3]}


def test_targets_and_weights_stay_with_their_samples() -> None:
    samples = reduced(datasets({"kind": [0, 0, 1]}, {"kind": 2}), 2).splits["train"]
    assert samples.targets["kind"].tolist() == [0, 1]
    assert samples.weights is not None
    assert samples.weights.tolist() == [0.0, 1.0]


def test_values_are_no_classes() -> None:
    assert kept(datasets({"y": [0.5, 1.5, 2.5]}, {}), 2) == {"train": [0, 1]}
    assert kept(datasets({"y": list(range(0, 6000, 2000))}, {"y": 4001}), 2) == {"train": [0, 1]}
    assert kept(datasets({"y": [[0, 1], [1, 0], [1, 1]]}, {"y": 2}), 2) == {"train": [0, 1]}


def test_a_small_split_is_kept_whole() -> None:
    assert kept(datasets({"kind": [1, 1, 0]}, {"kind": 2}), 9) == {"train": [0, 1, 2]}


# ---------------------------------------------------------------- made-up data


def shapes(samples: Samples) -> dict[str, tuple[str, tuple[int, ...]]]:
    return {
        name: (array.dtype.name, array.shape) for name, array in {**samples.inputs, **samples.targets}.items()
    }


def test_made_up_arrays_have_the_declared_shapes_in_all_splits() -> None:
    inputs = (
        TensorInfo("image", (4, None, 3), "float32"),
        TensorInfo("tokens", (None,), "int32"),
        TensorInfo("half", (2,), "bfloat16"),
    )
    targets = (TensorInfo("price", (1,), "float32"), TensorInfo("count", (), "int64"))
    data = made_up(inputs, targets, {}, 6, seed=1)
    expected = {
        "image": ("float32", (6, 4, 8, 3)),
        "tokens": ("int32", (6, 8)),
        "half": ("float32", (6, 2)),
        "price": ("float32", (6, 1)),
        "count": ("int64", (6,)),
    }
    assert {split: shapes(samples) for split, samples in data.splits.items()} == {
        "train": expected,
        "val": expected,
        "test": expected,
    }
    assert np.unique(data.splits["train"].inputs["tokens"]).tolist() == [0, 1]


def test_made_up_info_says_what_was_made() -> None:
    kind, text = TensorInfo("kind", (), "int32"), TensorInfo("text", (1,), "string")
    data = made_up((text,), (kind, TensorInfo("n", (), "int32")), {"kind": 3}, 2, seed=1)
    assert data.info == DataInfo(
        inputs=(TensorInfo("text", (1,), "str"),),
        targets=(kind, TensorInfo("n", (), "int32")),
        classes={},
        num_classes={"kind": 3},
        sizes={"train": 3, "val": 3, "test": 3},
    )
    assert data.splits["val"].inputs["text"].tolist() == [["a b c"]] * 3
    assert data.splits["val"].targets["kind"].tolist() == [0, 1, 2]


def test_classes_of_a_sequence_are_all_there() -> None:
    x = TensorInfo("x", (), "float32")
    data = made_up((x,), (TensorInfo("tags", (None,), "int32"),), {"tags": 5}, 2, seed=1)
    assert data.splits["train"].targets["tags"].shape == (5, 8)
    assert np.unique(data.splits["train"].targets["tags"]).tolist() == [0, 1, 2, 3, 4]


def test_the_seed_alone_decides_what_is_made_up() -> None:
    x = TensorInfo("x", (2,), "float32")

    def hashes(seed: int) -> set[str]:
        return set(made_up((x,), (), {}, 4, seed).fingerprint.content_sha256.values())

    assert len(hashes(1)) == 3
    assert hashes(1) == hashes(1)
    assert not hashes(1) & hashes(2)
