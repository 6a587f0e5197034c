"""What layers make of columns, in numbers and words: before and after, for all rows and for a few."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kexp.data.facts import column_facts, shown
from kexp.data.pictures import is_image
from kexp.graph.adapting import source_columns
from kexp.graph.layer_state import learns, state_of
from kexp.preparation import Prepared
from kexp.preview.steps import Place, Seen, Steps, place_of
from kexp.protocols import Column, ColumnFacts, Learnt, Passage, Passed, Samples, Version
from kexp.spec.types import Component

_ROLES = ("input", "target")
_MOST_LEARNT = 8
_MOST_VALUES = 64
_MOST_BITS = 16


def prepared_passages(made: Prepared, raw: Samples, rows: Sequence[int]) -> Iterator[Passage]:
    """Compare the training split before and after every entry of `preprocess`."""
    preprocessing, train = made.preprocessing, made.datasets.splits["train"]
    for entry, pipeline in preprocessing.pipelines.items():
        kind = int(entry in preprocessing.targets)
        columns = source_columns(preprocessing, entry, raw)
        column = (train.inputs, train.targets)[kind][entry]
        is_drawn = is_image(column.shape[1:])
        yield Passage(
            entry,
            tuple(
                (component.name, _learnt(component, layer))
                for component, layer in zip(pipeline.layers, preprocessing.layers[entry], strict=True)
            ),
            tuple(column_facts(name, _ROLES[kind], each) for name, each in columns.items()),
            (column_facts(entry, _ROLES[kind], column),),
            () if is_drawn else tuple(_passed(entry, columns, column, rows)),
            is_drawn,
        )


def _passed(
    entry: str, columns: Mapping[str, Column], column: Column, rows: Sequence[int]
) -> Iterator[Passed]:
    values, made = {name: rows_of(each, rows) for name, each in columns.items()}, rows_of(column, rows)
    for number, row in enumerate(rows):
        before = {name: _text(each[number]) for name, each in values.items()}
        yield Passed(row, before, (Version({entry: _text(made[number])}),))


def changed_passages(steps: Steps, seen: Mapping[int, Sequence[Seen]], train: Samples) -> Iterator[Passage]:
    """Compare the samples of the first step before and after every entry of `augment`."""
    before, after = steps.before(0, 0), steps.after(0, 0)
    for change in steps.changes:
        places = [place_of(item) for item in change.items]
        told = [place for place in places if not is_image(column_at(train, place).shape[1:])]
        yield Passage(
            change.key,
            tuple((component.name, ()) for component in change.components),
            _facts(before, places),
            _facts(after, places),
            tuple(_changed(row, versions, told, train) for row, versions in seen.items() if told),
            len(told) < len(places),
        )


def _changed(row: int, versions: Sequence[Seen], places: Sequence[Place], train: Samples) -> Passed:
    return Passed(
        row,
        {place[1]: _text(rows_of(column_at(train, place), [row])[0]) for place in places},
        tuple(
            Version({p[1]: _text(one.values[p]) for p in places}, one.epoch + 1, one.step + 1)
            for one in versions
        ),
    )


def column_at(samples: Samples, place: Place) -> Column:
    """Return an input or a target."""
    kind, name = place
    return (samples.inputs, samples.targets)[kind][name]


def rows_of(column: Column, rows: Sequence[int]) -> NDArray[Any]:
    """Return some rows of a column."""
    return np.asarray(column[np.array(rows, np.int64)])


def _facts(batch: Mapping[Place, NDArray[Any]], places: Sequence[Place]) -> tuple[ColumnFacts, ...]:
    return tuple(column_facts(name, _ROLES[kind], batch[kind, name]) for kind, name in places)


def _text(value: Any) -> str:
    """Return values as a short text; where many are 0 or 1, those that are 1."""
    flat = np.ravel(value)
    if len(flat) > _MOST_BITS and flat.dtype.kind in "biuf" and np.isin(flat, (0, 1)).all():
        ones = shown(np.flatnonzero(flat)[:_MOST_VALUES])
        return f"1 at {ones}" if ones else "all 0"
    return shown(flat[:_MOST_VALUES])


def _learnt(component: Component, layer: Any) -> tuple[Learnt, ...]:
    """Return what a layer learnt, by the words of Keras; a mean comes with the standard deviation."""
    if not learns(component, layer):
        return ()
    state = state_of(layer)
    if "variance" in state:
        state["std"] = np.sqrt(state["variance"])
    names = ("vocabulary", "idf_weights", "mean", "std", "bin_boundaries")
    return tuple(_first(name, state[name]) for name in names if name in state)


def _first(name: str, values: Any) -> Learnt:
    flat = np.ravel(np.asarray(values, None if name != "vocabulary" else object)).tolist()
    return Learnt(name, len(flat), tuple(flat[:_MOST_LEARNT]))
