"""Samples that are images, on their way through `preprocess` and `augment`, as lines of pictures."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kexp.data.facts import shown
from kexp.data.pictures import Shades, is_image, picture, shades_of
from kexp.data.sheets import Cell, Line, Sheet
from kexp.preparation import Prepared
from kexp.preview.passages import column_at, rows_of
from kexp.preview.steps import Place, Seen, Steps, place_of
from kexp.protocols import DataInfo, Samples

_SIDE = 112


@dataclass(frozen=True, slots=True)
class Trail:
    """A column on its way: as the data has it and as `preprocess` makes it, where these are images."""

    place: Place
    original: NDArray[Any] | None
    prepared: NDArray[Any] | None
    original_shades: Shades
    shades: Shades
    """What is black and white before `augment` and, so that it can be compared, after it."""

    @property
    def name(self) -> str:
        return self.place[1]


def strips(
    made: Prepared, raw: Samples, steps: Steps | None, seen: Mapping[int, Sequence[Seen]], rows: Sequence[int]
) -> Iterator[Sheet]:
    """Show each sample in a line: original, preprocessed, and as training sees it again and again.

    Columns that are changed alike, such as an image and its mask, stand beside each other.
    """
    if not rows:
        return
    labels = [_label(row, raw, made.datasets.info) for row in rows]
    for places, is_changed in _groups(made, steps):
        trails = [_trail(place, made, raw, rows) for place in places]
        versions = [seen[row] if is_changed else () for row in rows]
        lines = (
            Line(label, tuple(_cells(trails, number, versions[number])))
            for number, label in enumerate(labels)
        )
        yield Sheet(_title(trails, is_changed), _note(trails, versions), tuple(lines))


def _groups(made: Prepared, steps: Steps | None) -> Iterator[tuple[list[Place], bool]]:
    """Yield the columns that are images, those that are changed alike together, and whether they are."""
    preprocessing, train = made.preprocessing, made.datasets.splits["train"]
    shown_already: set[Place] = set()
    for change in steps.changes if steps else ():
        places = [place_of(item) for item in change.items]
        shown_already |= {*places}
        images = [place for place in places if is_image(column_at(train, place).shape[1:])]
        if images:
            yield images, True
    for entry in preprocessing.pipelines:
        place = (int(entry in preprocessing.targets), entry)
        if place not in shown_already and is_image(column_at(train, place).shape[1:]):
            yield [place], False


def _trail(place: Place, made: Prepared, raw: Samples, rows: Sequence[int]) -> Trail:
    kind, name = place
    given = rows_of(column_at(made.datasets.splits["train"], place), rows)
    if name not in made.preprocessing.pipelines:
        shades = shades_of([given])
        return Trail(place, given, None, shades, shades)
    sources = made.preprocessing.columns(name)
    source = column_at(raw, (kind, sources[0])) if len(sources) == 1 else None
    original = None if source is None or not is_image(source.shape[1:]) else rows_of(source, rows)
    original_shades = shades_of([] if original is None else [original])
    return Trail(place, original, given, original_shades, shades_of([given]))


def _cells(trails: Sequence[Trail], number: int, versions: Sequence[Seen]) -> Iterator[Cell]:
    originals = [(t, t.original[number], t.original_shades) for t in trails if t.original is not None]
    yield from _stage("original", originals)
    yield from _stage(
        "preprocessed", [(t, t.prepared[number], t.shades) for t in trails if t.prepared is not None]
    )
    for one in versions:
        stage = f"epoch {one.epoch + 1}, step {one.step + 1}"
        yield from _stage(stage, [(t, one.values[t.place], t.shades) for t in trails])


def _stage(name: str, shown: Sequence[tuple[Trail, NDArray[Any], Shades]]) -> Iterator[Cell]:
    """Put the stage below the first of the columns beside each other, and the others' names below them."""
    for place, (trail, values, shades) in enumerate(shown):
        yield Cell(picture(values, shades, _SIDE), trail.name if place else name, begins=not place)


def _title(trails: Sequence[Trail], is_changed: bool) -> str:
    sections = ["preprocess"] if any(trail.prepared is not None for trail in trails) else []
    sections += ["augment"] if is_changed else []
    verb = "make" if len(sections) > 1 else "makes"
    return f"what {' and '.join(sections)} {verb} of {', '.join(trail.name for trail in trails)}"


def _note(trails: Sequence[Trail], versions: Sequence[Sequence[Seen]]) -> str:
    """Say which values are black and white, and whether there are any beyond."""
    notes = []
    for trail in trails:
        note = str(trail.shades)
        if trail.original is not None and trail.original_shades != trail.shades:
            note = f"originally {trail.original_shades}; preprocessed {note}"
        notes.append(f"{trail.name}: {note}" if len(trails) > 1 else note)
        ends = [(v.min(), v.max()) for each in versions for v in (one.values[trail.place] for one in each)]
        low, high = min((e[0] for e in ends), default=np.inf), max((e[1] for e in ends), default=-np.inf)
        if low < trail.shades.black or high > trail.shades.white:
            notes.append(f"augmented values reach from {low:.4g} to {high:.4g}, beyond black and white")
    return "; ".join(notes)


def _label(row: int, raw: Samples, info: DataInfo) -> str:
    labels = [
        f"{name}: {shown(rows_of(column, [row])[0], info.classes.get(name, ()))}"
        for name, column in raw.targets.items()
        if len(column.shape) == 1
    ]
    return "\n".join([f"row {row}", *labels])
