"""An experiment's training samples on their way to the model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kexp.data.load import Datasets
from kexp.data.sheets import Sheet
from kexp.preparation import prepare_data
from kexp.preview.passages import changed_passages, prepared_passages
from kexp.preview.steps import Seen, first_steps
from kexp.preview.strips import strips
from kexp.protocols import Passage
from kexp.spec.types import Experiment

_VERSIONS = 4


@dataclass(frozen=True, slots=True)
class Preview:
    """What the layers of `preprocess` and `augment` make of samples, told and drawn."""

    preprocess: tuple[Passage, ...]
    augment: tuple[Passage, ...]
    sheets: tuple[Sheet, ...]


def preview(experiment: Experiment, raw: Datasets, folder: Path, num_rows: int) -> Preview:
    """Prepare the training split, and augment samples as the first steps of a training do.

    Raises: SpecError and DataError, as `prepare_data` and `build_augmentation` do.
    """
    train = raw.splits["train"]
    in_passing = replace(experiment, data=replace(experiment.data, cache="none"))
    made = prepare_data(in_passing, replace(raw, splits={"train": train}), folder)
    steps = first_steps(experiment, made, folder)
    seen: Mapping[int, Sequence[Seen]] = {}
    if steps is None:
        rows: Sequence[int] = range(min(num_rows, len(train)))
    else:
        rows = steps.first_rows(num_rows)
        seen = steps.seen(rows, _VERSIONS)
    return Preview(
        tuple(prepared_passages(made, train, rows)),
        () if steps is None else tuple(changed_passages(steps, seen, made.datasets.splits["train"])),
        tuple(strips(made, train, steps, seen, rows)),
    )
