"""The data section of a spec -> Datasets: read, checked, split, filled and fingerprinted."""

import importlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kexp.data import SOURCES
from kexp.data.arrays import is_text
from kexp.data.checks import check_classes, check_table
from kexp.data.fingerprint import Fingerprint, fingerprint
from kexp.data.python_function import load_function
from kexp.data.split import Cut, split_table
from kexp.diagnostics import Diagnostic
from kexp.errors import DataError, SpecError, did_you_mean
from kexp.protocols import DataInfo, Samples, Site, Table, TensorInfo
from kexp.spec.types import Data


@dataclass(frozen=True, slots=True)
class Datasets:
    """Samples by split: `train`, and `val` and `test` where there are such."""

    splits: Mapping[str, Samples]
    info: DataInfo
    fingerprint: Fingerprint


def load(data: Data, site: Site) -> Datasets:
    """Read the data, check it and cut its splits.

    Raises: what the source raises; unknown-source, unknown-option, missing-option, nothing-to-fill, and what
        `check_table`, `check_classes` and `split_table` raise.
    """
    table = read_table(data, site)
    check_table(table)
    table = number_classes(table)
    cuts = split_table(table, data.split)
    splits = {name: _taken(table.parts[cut.part], cut) for name, cut in cuts.items()}
    splits = fill_missing(splits, table)
    check_classes(splits, table.classes)
    return Datasets(
        splits,
        info=describe(splits, table.classes),
        fingerprint=fingerprint(table.files, splits, cuts, table.classes),
    )


def read_table(data: Data, site: Site) -> Table:
    """Call the source that `data` names with its options."""
    if ":" in data.source:
        _check_options(data, {"args": False})
        args = data.options.get("args")
        return load_function(data.source, site, args if isinstance(args, Mapping) else {})
    if data.source not in SOURCES:
        known = ", ".join(f"`{name}`" for name in SOURCES)
        help = did_you_mean(data.source, SOURCES) or f"the sources are {known}, or `file.py:function`"
        message = f"there is no data source `{data.source}`"
        raise SpecError(Diagnostic("unknown-source", message, path="data.source", help=help))
    module, _, name = SOURCES[data.source].partition(":")
    source = getattr(importlib.import_module(module), name)
    parameters = inspect.signature(source).parameters.values()
    _check_options(data, {p.name: p.default is p.empty for p in parameters if p.kind is p.KEYWORD_ONLY})
    table: Table = source(site, **data.options)
    return table


def _check_options(data: Data, options: Mapping[str, bool]) -> None:
    """Compare the spec's options with the source's, by name and whether they are required."""
    faults = [
        Diagnostic(
            "unknown-option",
            f"the source `{data.source}` has no option `{name}`",
            path=f"data.{name}",
            help=did_you_mean(name, options) or f"its options are {', '.join(f'`{o}`' for o in options)}",
        )
        for name in data.options
        if name not in options
    ]
    faults += [
        Diagnostic("missing-option", f"the source `{data.source}` needs `{name}`", path="data")
        for name, required in options.items()
        if required and name not in data.options
    ]
    if faults:
        raise SpecError(*faults)


def number_classes(table: Table) -> Table:
    """Replace targets of text by the numbers of their classes, sorted over all parts."""
    classes = dict(table.classes)
    for target in next(iter(table.parts.values())).targets:
        arrays = [samples.targets[target] for samples in table.parts.values()]
        if is_text(arrays[0]):
            classes[target] = tuple(np.unique(np.concatenate(arrays)).tolist())

    def numbered(samples: Samples) -> Samples:
        return replace(
            samples, targets={n: _class_numbers(a, classes.get(n, ())) for n, a in samples.targets.items()}
        )

    return replace(table, parts={part: numbered(s) for part, s in table.parts.items()}, classes=classes)


def _class_numbers(array: NDArray[Any], classes: tuple[str, ...]) -> NDArray[Any]:
    if not is_text(array):
        return array
    return np.searchsorted(np.array(classes), array).astype(np.int32)


def _taken(samples: Samples, cut: Cut) -> Samples:
    """Return the cut's samples; all of them are not copied."""
    if len(cut.rows) == len(samples):
        return samples
    return Samples(
        {name: array[cut.rows] for name, array in samples.inputs.items()},
        {name: array[cut.rows] for name, array in samples.targets.items()},
        None if samples.weights is None else samples.weights[cut.rows],
    )


def fill_missing(splits: Mapping[str, Samples], table: Table) -> dict[str, Samples]:
    """Put the training split's medians and means where values are missing.

    Raises: nothing-to-fill.
    """
    filled = dict(splits)
    for name, fills in table.fills.items():
        train = splits["train"].inputs[name]
        values = {column: _statistic(train[:, column], how, name, column) for column, how in fills.items()}
        for split, samples in filled.items():
            array = samples.inputs[name].copy()
            for column, value in values.items():
                array[np.isnan(array[:, column]), column] = value
            filled[split] = replace(samples, inputs={**samples.inputs, name: array})
    return filled


def _statistic(values: NDArray[Any], how: str, name: str, column: int) -> np.float64:
    present = values[~np.isnan(values)].astype(np.float64)
    if not present.size:
        message = f"column {column} of input `{name}` has no value in the training split to take the {how} of"
        raise DataError.because("nothing-to-fill", message, path="data.missing")
    return np.float64(np.median(present) if how == "median" else np.mean(present))


def describe(splits: Mapping[str, Samples], classes: Mapping[str, tuple[str, ...]]) -> DataInfo:
    """Return what the graph must know of the data."""
    train = splits["train"]
    spans = {name: _num_classes([s.targets[name] for s in splits.values()]) for name in train.targets}
    named = {name: len(names) for name, names in classes.items()}
    return DataInfo(
        inputs=tuple(_tensor(name, array) for name, array in train.inputs.items()),
        targets=tuple(_tensor(name, array) for name, array in train.targets.items()),
        classes=classes,
        num_classes={**{name: span for name, span in spans.items() if span is not None}, **named},
        sizes={name: len(samples) for name, samples in splits.items()},
    )


def _tensor(name: str, array: NDArray[Any]) -> TensorInfo:
    return TensorInfo(name, array.shape[1:], "str" if is_text(array) else array.dtype.name)


def _num_classes(arrays: list[NDArray[Any]]) -> int | None:
    """Return how many classes whole numbers from 0 span; None for values and negative numbers."""
    if arrays[0].dtype.kind not in "biu" or min(array.min() for array in arrays) < 0:
        return None
    return int(max(array.max() for array in arrays)) + 1
