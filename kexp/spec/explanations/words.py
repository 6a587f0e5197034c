"""The words of the language: the keys that `spec.types` declares, and those of steps and values."""

import dataclasses
from collections.abc import Iterator
from functools import cache
from typing import Any, get_args, get_type_hints

from kexp.spec.explanations.page import Page, Row, Table
from kexp.spec.explanations.phrases import phrase
from kexp.spec.explanations.reading import WORDS, read_chapter
from kexp.spec.schema.docs import key_doc
from kexp.spec.types import (
    Best,
    Block,
    Checkpoint,
    Data,
    Experiment,
    Fold,
    Graph,
    ModelOrClass,
    Pipeline,
    Port,
    Runtime,
    Split,
    Stage,
    Step,
    Training,
    Weights,
)

_RECORDS = (Best, Block, Checkpoint, Data, Fold, Pipeline, Port, Runtime, Split, Stage, Training, Weights)
"""The maps whose keys are the language's."""

_WRITTEN = {
    (Graph, "steps"): "layers",
    (Pipeline, "takes"): "from",
    (Port, "column"): "from",
    (Weights, "source"): "from",
}
"""By class and field: keys that are written otherwise."""


@cache
def words() -> dict[str, Page]:
    """Return every word by its name, keys first; a key's name is its path without indices."""
    rows = {row.name: row for row in (*_rows(Experiment, ""), *_rows(Step, "step."))}
    chapter = read_chapter(WORDS)
    return {name: _page(name, rows, chapter.get(name)) for name in {**rows, **chapter}}


def _page(name: str, rows: dict[str, Row], written: Page | None) -> Page:
    """Return what is written about a word, after what its key says by itself."""
    own = rows.get(name)
    texts = (own.text if own else "", written.text if written else "")
    inner = tuple(row for path, row in rows.items() if path.rpartition(".")[0] == name)
    return Page(
        name,
        _kind(name, own is not None),
        " ".join(text for text in texts if text),
        written.examples if written else (),
        takes=own,
        tables=(Table("keys", inner),) if inner else (),
    )


def _kind(name: str, is_key: bool) -> str:
    noun = "key" if is_key else "word"
    return f"{noun} of a step" if name.startswith("step.") else f"{noun} of a spec"


def _rows(cls: type[Any], prefix: str) -> Iterator[Row]:
    """Yield the keys of a map, each followed by those of the map that it takes."""
    hints = get_type_hints(cls, include_extras=True)
    for field in dataclasses.fields(cls):
        doc = key_doc(cls, field.name)
        if doc is None:
            continue
        name = prefix + _WRITTEN.get((cls, field.name), field.name)
        required = field.default is field.default_factory and cls is not Port
        default = None if field.default in (dataclasses.MISSING, (), "") else field.default
        yield Row(name, phrase(hints[field.name]), required, default, doc)
        for record in _records(hints[field.name]):
            yield from _rows(record, f"{name}.")
            if record is Block:
                yield from (row for row in _rows(Graph, f"{name}.") if row.name.count(".") == 1)


def _records(hint: Any) -> Iterator[type[Any]]:
    """Yield the maps that an annotation speaks of."""
    if hint in _RECORDS:
        yield hint
    elif isinstance(hint, ModelOrClass):
        yield Graph
    for inner in get_args(hint):
        yield from _records(inner)
