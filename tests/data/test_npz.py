from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kexp.data.npz import load
from kexp.errors import KexpError
from kexp.protocols import Samples, Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, seed=0)


def write(site: Site, name: str = "d.npz", **arrays: Any) -> Path:
    path = site.folder / name
    np.savez(path, **arrays)
    return path


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(KexpError) as caught:
        call()
    return str(caught.value)


def contents(samples: Samples) -> dict[str, dict[str, tuple[str, Any]]]:
    return {
        role: {name: (array.dtype.name, array.tolist()) for name, array in arrays.items()}
        for role, arrays in (("inputs", samples.inputs), ("targets", samples.targets))
    }


def test_arrays_keep_their_dtype_but_float64(site: Site) -> None:
    path = write(site, x=np.array([[1], [2]], np.uint8), y=np.array([0.5, 1.5]))
    table = load(site, path="d.npz")
    assert contents(table.parts["all"]) == {
        "inputs": {"x": ("uint8", [[1], [2]])},
        "targets": {"y": ("float32", [0.5, 1.5])},
    }
    assert table.files == (path,)


def test_arrays_are_called_by_the_names_they_were_asked_for(site: Site) -> None:
    write(site, a=[1, 2], b=[3, 4], y=[0, 1], w=[1.0, 0.5])
    samples = load(site, path="d.npz", x=("a", "b"), y=None, sample_weight="w").parts["all"]
    assert contents(samples) == {"inputs": {"a": ("int64", [1, 2]), "b": ("int64", [3, 4])}, "targets": {}}
    assert samples.weights is not None
    assert samples.weights.tolist() == [1.0, 0.5]


def test_text_stays_text_and_bytes_become_text(site: Site) -> None:
    write(site, x=["a", "b"], y=np.array([b"cat", "café".encode()]))
    samples = load(site, path="d.npz").parts["all"]
    assert samples.inputs["x"].tolist() == ["a", "b"]
    assert samples.targets["y"].tolist() == ["cat", "café"]


def test_splits_inside_one_file_are_found_by_the_usual_names(site: Site) -> None:
    write(site, x_train=[1, 2], y_train=[0, 1], x_test=[3], y_test=[0])
    parts = load(site, path="d.npz").parts
    assert {name: contents(samples) for name, samples in parts.items()} == {
        "train": {"inputs": {"x": ("int64", [1, 2])}, "targets": {"y": ("int64", [0, 1])}},
        "test": {"inputs": {"x": ("int64", [3])}, "targets": {"y": ("int64", [0])}},
    }


def test_each_split_may_have_its_own_file(site: Site) -> None:
    files = tuple(write(site, f"{name}.npz", x=[n], y=[n]) for n, name in enumerate(("train", "val", "test")))
    table = load(site, train="train.npz", val="val.npz", test="test.npz")
    assert {name: part.inputs["x"].tolist() for name, part in table.parts.items()} == {
        "train": [0],
        "val": [1],
        "test": [2],
    }
    assert table.files == files


def test_an_array_that_is_not_there_is_answered_with_the_nearest(site: Site) -> None:
    path = write(site, images=[1], labels=[0])
    assert refusal(lambda: load(site, path="d.npz", x="image", y="labels")) == (
        f"error[unknown-array]: `{path}` has no array `image`\n  --> data.x\nhelp: did you mean `images`?"
    )
    assert refusal(lambda: load(site, path="d.npz", x="images")) == (
        f"error[unknown-array]: `{path}` has no array `y`\n"
        "  --> data.y\n"
        "help: its arrays are `images`, `labels`"
    )


def test_python_objects_are_never_unpickled(site: Site) -> None:
    path = write(site, x=np.array([[1], [2, 3]], dtype=object), y=[0, 1])
    assert refusal(lambda: load(site, path="d.npz")) == (
        f"error[pickled-array]: `x` in `{path}` holds Python objects, which are never loaded\n"
        "  --> data.x\n"
        "help: save it as an array of numbers or text"
    )


def test_an_array_that_holds_no_samples_is_refused(site: Site) -> None:
    path = write(site, x=[1, 2], y=np.float32(3))
    assert refusal(lambda: load(site, path="d.npz")) == (
        f"error[bad-array]: `y` in `{path}` cannot be used: it is a single value\n  --> data.y"
    )
    path = write(site, x=np.array(["2026-01-01"], "datetime64[D]"), y=[0])
    assert refusal(lambda: load(site, path="d.npz")) == (
        f"error[bad-array]: `x` in `{path}` cannot be used:"
        " its dtype is datetime64[D], neither numbers nor text\n"
        "  --> data.x"
    )


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"PK\x03\x04broken"])
def test_a_file_of_another_kind_is_refused(site: Site, content: bytes) -> None:
    path = site.folder / "d.npz"
    path.write_bytes(content)
    assert refusal(lambda: load(site, path="d.npz")) == (
        f"error[not-an-npz]: `{path}` is not an .npz file\n  --> data\nhelp: write it with `numpy.savez`"
    )


def test_a_damaged_array_is_refused(site: Site) -> None:
    path = write(site, x=np.full(50, 77, np.uint8), y=np.zeros(50, np.uint8))
    path.write_bytes(path.read_bytes().replace(b"M" * 50, b"N" * 50))
    assert refusal(lambda: load(site, path="d.npz")) == (
        f"error[damaged-array]: `x` in `{path}` is damaged: Bad CRC-32 for file 'x.npy'\n  --> data.x"
    )


def test_a_single_array_file_is_refused(site: Site) -> None:
    path = site.folder / "d.npy"
    np.save(path, np.zeros(3))
    assert refusal(lambda: load(site, path="d.npy")) == (
        f"error[not-an-npz]: `{path}` is not an .npz file\n  --> data\nhelp: write it with `numpy.savez`"
    )
