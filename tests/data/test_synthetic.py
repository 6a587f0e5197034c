from pathlib import Path

import numpy as np
import pytest

from kexp.data.load import load, read_table
from kexp.errors import KexpError
from kexp.protocols import Site, TensorInfo
from kexp.spec.types import Data, Split, Value

OPTIONS: dict[str, Value] = {
    "samples": 20,
    "inputs": {
        "image": {"shape": (4, 4, 1), "dtype": "uint8"},
        "age": (1,),
        "words": {"shape": (5,), "below": 30},
    },
    "targets": {"kind": 3, "price": ()},
}


def refusal(**options: Value) -> str:
    with pytest.raises(KexpError) as caught:
        read_table(Data("synthetic", {**OPTIONS, **options}), Site(Path(), seed=0))
    return str(caught.value)


def test_arrays_have_the_declared_shapes_and_every_class_occurs() -> None:
    datasets = load(Data("synthetic", OPTIONS, Split(test=5)), Site(Path(), seed=0))
    assert datasets.info.inputs == (
        TensorInfo("image", (4, 4, 1), "uint8"),
        TensorInfo("age", (1,), "float32"),
        TensorInfo("words", (5,), "int32"),
    )
    assert datasets.info.targets == (TensorInfo("kind", (), "int32"), TensorInfo("price", (), "float32"))
    assert datasets.info.num_classes == {"kind": 3}
    assert datasets.info.sizes == {"train": 15, "test": 5}
    words = datasets.splits["train"].inputs["words"][:]
    assert 0 <= words.min() <= words.max() < 30


def test_the_seed_alone_decides() -> None:
    first, again, other = (
        read_table(Data("synthetic", OPTIONS), Site(Path(), seed=seed)).parts["all"].inputs["age"][:]
        for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_what_is_no_shape_is_refused() -> None:
    assert refusal(inputs={"x": "28x28"}) == (
        "error[bad-shape]: the input `x` must be a shape or a map with `shape`, found `28x28`\n"
        "  --> data.inputs.x\n"
        "help: write `x: [28, 28]`, or `x: {shape: [28, 28], dtype: uint8}`"
    )
    assert refusal(inputs={"x": (0, 3)}).startswith("error[bad-shape]")
    assert refusal(targets={"y": {"shape": (), "dtype": "complex"}}) == (
        "error[wrong-choice]: `dtype` must be one of `float16`, `float32`, `float64`, `uint8`, `int32`,"
        " `int64`, found `complex`\n"
        "  --> data.targets.y.dtype"
    )


def test_a_bound_that_the_dtype_cannot_hold_is_refused() -> None:
    assert refusal(inputs={"x": {"shape": (2,), "dtype": "uint8", "below": 300}}) == (
        "error[out-of-range]: `below` must be a whole number of at least 1 and at most 256 for uint8,"
        " found `300`\n"
        "  --> data.inputs.x.below"
    )
    assert refusal(inputs={"x": (2,)}, targets={"y": 0}).startswith("error[bad-shape]: the target `y`")
