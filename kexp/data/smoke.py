"""Data for a run that only proves that everything fits: a few real samples, or made-up ones."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kexp.data.fingerprint import MAX_COUNTED_CLASSES, fingerprint
from kexp.data.lazy import in_memory
from kexp.data.load import Datasets, describe, take
from kexp.data.order import Indices, generator
from kexp.data.split import Cut
from kexp.protocols import DataInfo, Samples, Table, TensorInfo

SPLITS = ("train", "val", "test")
FREE_SIZE = 8
"""The size that stands for a free one."""


def reduced(datasets: Datasets, num_samples: int) -> Datasets:
    """Return the first samples of every split, those first that show a new class of a target.

    There are more than `num_samples` only where there are more classes. Info and fingerprint stay the whole
    data's.
    """
    splits = {
        name: take(samples, _first_rows(samples, _class_targets(datasets.info), num_samples))
        for name, samples in datasets.splits.items()
    }
    return replace(datasets, splits=splits)


def _class_targets(info: DataInfo) -> list[str]:
    """Return the targets of classes; whole numbers that span very many are values."""
    return [
        name
        for name, number in info.num_classes.items()
        if name in info.classes or number <= MAX_COUNTED_CLASSES
    ]


def _first_rows(samples: Samples, targets: Iterable[str], num_samples: int) -> Indices:
    labels = [in_memory(samples.targets[name]).reshape(len(samples), -1) for name in targets]
    firsts = [np.unique(array, return_index=True)[1] for array in labels if array.shape[1] == 1]
    chosen = np.unique(np.concatenate([*firsts, np.empty(0, np.int64)])).astype(np.int64)
    others = np.setdiff1d(np.arange(len(samples)), chosen)
    return np.concatenate([chosen, others[: max(0, num_samples - len(chosen))]])


def made_up(
    inputs: Sequence[TensorInfo],
    targets: Sequence[TensorInfo],
    num_classes: Mapping[str, int],
    num_samples: int,
    seed: int,
) -> Datasets:
    """Return three splits of samples of these shapes, with every class among them."""
    size = max(num_samples, *num_classes.values(), 1)
    splits = {
        split: Samples(
            {tensor.name: _values(tensor, size, seed, split) for tensor in inputs},
            {
                tensor.name: _classes(tensor, size, num_classes[tensor.name])
                if tensor.name in num_classes
                else _values(tensor, size, seed, split)
                for tensor in targets
            },
        )
        for split in SPLITS
    }
    cuts = {split: Cut(split, np.arange(size, dtype=np.int64)) for split in SPLITS}
    info = replace(describe(splits, Table(splits), {}), num_classes=dict(num_classes))
    return Datasets(splits, info, fingerprint((), splits, cuts, {}))


def _shape(tensor: TensorInfo, size: int) -> tuple[int, ...]:
    return (size, *(FREE_SIZE if length is None else length for length in tensor.shape))


def _classes(tensor: TensorInfo, size: int, number: int) -> NDArray[Any]:
    """Return all classes in turn."""
    return np.resize(np.arange(number), _shape(tensor, size)).astype(tensor.dtype)


def _values(tensor: TensorInfo, size: int, seed: int, split: str) -> NDArray[Any]:
    shape = _shape(tensor, size)
    random = generator("made-up", seed, split, tensor.name)
    if tensor.dtype.startswith("str"):
        return np.full(shape, "a b c")
    if tensor.dtype.startswith(("int", "uint", "bool")):
        return random.integers(0, 2, shape).astype(tensor.dtype)
    return random.standard_normal(shape).astype("float32" if tensor.dtype == "bfloat16" else tensor.dtype)
