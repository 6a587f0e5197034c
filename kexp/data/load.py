"""The data section of a spec -> Datasets: read, checked, split, filled and fingerprinted."""

import importlib
import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal, get_args, get_origin, get_type_hints

import numpy as np

from kexp.data import SOURCES
from kexp.data.arrays import is_text
from kexp.data.cache import cached
from kexp.data.checks import check_classes, check_table
from kexp.data.choices import check_choice
from kexp.data.columns import unknown_column
from kexp.data.fills import Fills, fill_missing, fill_values
from kexp.data.fingerprint import Fingerprint, fingerprint
from kexp.data.lazy import chunks, in_memory, taken
from kexp.data.order import Indices
from kexp.data.python_function import load_function
from kexp.data.split import split_table, unlike_asked
from kexp.diagnostics import Diagnostic
from kexp.errors import SpecError, did_you_mean
from kexp.protocols import Column, DataInfo, Samples, Site, Table, TensorInfo
from kexp.spec.types import Data, Split


@dataclass(frozen=True, slots=True)
class Datasets:
    """Samples by split: `train`, and `val` and `test` where there are such."""

    splits: Mapping[str, Samples]
    info: DataInfo
    fingerprint: Fingerprint
    notes: tuple[str, ...] = ()


def load(data: Data, site: Site) -> Datasets:
    """Read the data, check it and cut its splits.

    Raises: what the source raises; unknown-source, unknown-option, missing-option, nothing-to-fill, and what
        `check_table`, `check_classes` and `split_table` raise.
    """
    with _key_named(data.split):
        table = read_table(data, site)
        check_table(table)
        table = with_keys(table, site)
    table = number_classes(table)
    cuts = split_table(table, data.split)
    splits = {name: take(table.parts[cut.part], cut.rows) for name, cut in cuts.items()}
    identity = fingerprint(table.files, splits, cuts, table.classes)
    splits = cached(splits, data.cache)
    fills = fill_values(splits["train"], table)
    splits = fill_missing(splits, fills)
    check_classes(splits, table.classes)
    notes = (*table.notes, *unlike_asked(table, data.split, cuts))
    return Datasets(splits, describe(splits, table, fills), identity, notes)


@contextmanager
def _key_named(split: Split) -> Iterator[None]:
    """Blame the key of a split that names a column, where all that was known is that a split does."""
    use = "order" if split.group is None else "group"
    try:
        yield
    except SpecError as error:
        faults = (
            replace(fault, path=f"data.split.{use}") if fault.path == "data.split" else fault
            for fault in error.diagnostics
        )
        raise error.with_diagnostics(faults) from None


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
    for option, hint in get_type_hints(source).items():
        if get_origin(hint) is Literal and option in data.options:
            check_choice(option, str(data.options[option]), get_args(hint))
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


def with_keys(table: Table, site: Site) -> Table:
    """Set the columns apart that the split reads; they stay inputs where the spec names them.

    Raises: unknown-column.
    """

    def apart(samples: Samples) -> Samples:
        columns = {**samples.inputs, **samples.targets, **samples.keys}
        for name in site.keys:
            if name not in columns:
                raise unknown_column(name, tuple(columns), "data.split")
        inputs = {n: c for n, c in samples.inputs.items() if n not in site.keys or n in site.columns}
        return replace(samples, inputs=inputs, keys={name: in_memory(columns[name]) for name in site.keys})

    return replace(table, parts={part: apart(samples) for part, samples in table.parts.items()})


def number_classes(table: Table) -> Table:
    """Replace targets of text by the numbers of their classes, sorted over all parts."""
    classes = dict(table.classes)
    for target in next(iter(table.parts.values())).targets:
        arrays = [samples.targets[target] for samples in table.parts.values()]
        if is_text(arrays[0]):
            classes[target] = tuple(np.unique(np.concatenate([in_memory(a) for a in arrays])).tolist())

    def numbered(samples: Samples) -> Samples:
        return replace(
            samples, targets={n: _class_numbers(a, classes.get(n, ())) for n, a in samples.targets.items()}
        )

    return replace(table, parts={part: numbered(s) for part, s in table.parts.items()}, classes=classes)


def _class_numbers(column: Column, classes: tuple[str, ...]) -> Column:
    if not is_text(column):
        return column
    return np.searchsorted(np.array(classes), in_memory(column)).astype(np.int32)


def take(samples: Samples, rows: Indices) -> Samples:
    """Return the samples of these rows; all of them are not copied."""
    if len(rows) == len(samples):
        return samples
    return Samples(
        {name: taken(column, rows) for name, column in samples.inputs.items()},
        {name: taken(column, rows) for name, column in samples.targets.items()},
        None if samples.weights is None else samples.weights[rows],
        {name: key[rows] for name, key in samples.keys.items()},
    )


def describe(splits: Mapping[str, Samples], table: Table, fills: Fills) -> DataInfo:
    """Return what the graph must know of the data."""
    train = splits["train"]
    spans = {name: _num_classes([s.targets[name] for s in splits.values()]) for name in train.targets}
    named = {name: len(names) for name, names in table.classes.items()}
    return DataInfo(
        inputs=tuple(_tensor(name, array) for name, array in train.inputs.items()),
        targets=tuple(_tensor(name, array) for name, array in train.targets.items()),
        classes=table.classes,
        num_classes={**{name: span for name, span in spans.items() if span is not None}, **named},
        sizes={name: len(samples) for name, samples in splits.items()},
        columns=table.columns,
        fills={
            name: {table.columns.get(name, (name,))[column]: value for column, value in values.items()}
            for name, values in fills.items()
        },
    )


def _tensor(name: str, column: Column) -> TensorInfo:
    return TensorInfo(name, column.shape[1:], "str" if is_text(column) else column.dtype.name)


def _num_classes(columns: list[Column]) -> int | None:
    """Return how many classes whole numbers from 0 span; None for values and negative numbers."""
    if columns[0].dtype.kind not in "biu":
        return None
    ends = [(chunk.min(), chunk.max()) for column in columns for chunk in chunks(column)]
    return int(max(most for _, most in ends)) + 1 if min(least for least, _ in ends) >= 0 else None
