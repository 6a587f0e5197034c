"""What can be refused before a run exists; `kexp train` and `kexp validate --deep` both begin here."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kexp.data.experiment import load_data
from kexp.data.load import Datasets
from kexp.diagnostics import Diagnostic
from kexp.errors import SpecError
from kexp.graph.assemble import Assembly, known_values, misfits, put_together
from kexp.graph.augment import build_augmentation
from kexp.graph.construct import complaint
from kexp.graph.initial import begin_layers
from kexp.preparation import prepare_data
from kexp.record.rundir import RunDir
from kexp.spec.phases import Phase, phases
from kexp.spec.rules.times import uneven_schedule
from kexp.spec.types import Experiment
from kexp.trackers import require_packages
from kexp.train.fitting import batches_of, class_weight
from kexp.train.monitors import check_monitors
from kexp.train.order import Scope
from kexp.train.smoke import shortened, smoke_data
from kexp.train.user_callbacks import user_callbacks
from kexp.train.vocabulary import check_vocabulary


@dataclass(frozen=True, slots=True)
class Ready:
    """An experiment that can be trained, with its data and the model of its first phase."""

    phases: tuple[Phase, ...]
    datasets: Datasets
    assembly: Assembly
    warnings: tuple[Diagnostic, ...]
    callbacks: tuple[Sequence[Any], ...]
    """By phase, the user's, to be looked at: those that train are made anew and write into the run."""


def make_ready(experiment: Experiment, folder: Path, scope: Scope = "full") -> Ready:
    """Load the data, build the graph, and compare the two in every phase.

    Raises: SpecError with the faults of all phases; DataError, NotFound, MissingExtra.
    """
    require_packages(experiment)
    is_full = scope == "full"
    raw = load_data(experiment, folder) if is_full else smoke_data(experiment, folder, scope)
    made = prepare_data(experiment, raw, folder)
    datasets = made.datasets
    assembly = put_together(experiment, datasets.info, folder, phase=0)
    assembly = replace(assembly, preprocessing=made.preprocessing)
    begin_layers(assembly.beginnings, datasets.splits["train"].inputs, folder)
    assembly = replace(assembly, augmentation=build_augmentation(experiment, assembly, datasets.info))
    todo = phases(experiment if is_full else shortened(experiment))
    faults = [*misfits(assembly, experiment, datasets.info)]
    fits = not faults
    with _gathered(faults):
        check_vocabulary(experiment, assembly, datasets)
    callbacks: list[Sequence[Any]] = []
    for number, phase in enumerate(todo):
        compiled = assembly.compiled(phase, datasets.info) if number else assembly
        with _gathered(faults):
            given = phase.experiment.train.callbacks
            callbacks.append(user_callbacks(given, assembly.context, RunDir(Path())))
        with _gathered(faults):
            class_weight(phase, datasets)
        if fits:
            with _gathered(faults):
                _try_step(phase, compiled, datasets)
                check_monitors(phase, compiled.model, datasets, is_last=phase is todo[-1])
    doubts = [*_doubts(experiment, datasets)] if is_full else []
    if faults:
        raise SpecError(*faults, *doubts)
    if len(todo) > 1:
        assembly = assembly.compiled(phases(experiment)[0], datasets.info)
    return Ready(todo, datasets, assembly, tuple(doubts), tuple(callbacks))


@contextmanager
def _gathered(faults: list[Diagnostic]) -> Iterator[None]:
    """Go on after a refusal."""
    try:
        yield
    except SpecError as error:
        faults.extend(error.diagnostics)


def _try_step(phase: Phase, assembly: Assembly, datasets: Datasets) -> None:
    """Let Keras try loss and metrics on one batch, symbolically."""
    if phase.experiment.graph is None:
        return
    document = phase.experiment.document
    path = phase.place("loss")
    span = document.locate(path) if document else None
    with complaint(path, span, "this loss and these metrics for the labels"):
        assembly.model._symbolic_build(data_batch=batches_of(assembly, datasets, phase.experiment)[0])


def _doubts(experiment: Experiment, datasets: Datasets) -> Iterator[Diagnostic]:
    """Yield what is legal and probably wrong, now that the number of steps is known."""
    for phase in phases(experiment):
        if phase.experiment.train.steps_per_epoch is None:
            steps = known_values(phase.experiment, datasets.info)["total_steps"]
            for doubt in uneven_schedule(phase, steps):
                yield doubt.at(experiment.document.locate(doubt.path) if experiment.document else None)
