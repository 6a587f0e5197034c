"""The story of a run, from a checked spec to a finished directory."""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from kexp.data.load import Datasets
from kexp.errors import KexpError, RunFailed
from kexp.evaluate import load_data
from kexp.graph.assemble import Assembly, assemble
from kexp.graph.construct import complaint
from kexp.graph.initial import begin_layers
from kexp.protocols import Display
from kexp.record.rundir import RunDir
from kexp.spec.canonical import identity
from kexp.spec.phases import Phase, phases
from kexp.trackers import open_tracker, require_packages
from kexp.train.callbacks import watched
from kexp.train.ending import Ending
from kexp.train.fitting import batches_of, class_weight, fit_phase, validates
from kexp.train.monitors import check_monitors
from kexp.train.opening import begin, plan
from kexp.train.order import Order, Result
from kexp.train.session import Progress, Session
from kexp.train.signals import StopRequested, StopSignals
from kexp.train.smoke import shortened, smoke_data
from kexp.train.user_callbacks import user_callbacks


def train(order: Order, display: Display) -> Result:
    """Train an experiment into a new run directory.

    Raises: SpecError, DataError, NotFound, MissingExtra before the run exists; RunFailed and Stopped after,
        with what was done kept.
    """
    # ------------------------------------------------------------ what can be refused, before a run exists
    experiment = order.experiment
    require_packages(experiment)
    datasets = load_data(experiment, order.folder) if order.scope == "full" else smoke_data(order)
    assembly = assemble(experiment, datasets.info, order.folder, phase=0)
    begin_layers(assembly.beginnings, datasets.splits["train"], order.folder)
    if order.scope != "full":
        experiment = shortened(experiment)
    todo = phases(experiment)
    for phase in todo:
        _check(phase, assembly, datasets)

    # ------------------------------------------------------------ the run exists from here on
    run = RunDir.create(order.runs, experiment.name, order.started)
    progress = Progress()
    ending = Ending(run, order, progress, display)
    with ExitStack() as stack:
        stack.enter_context(run.lock())
        signals = stack.enter_context(StopSignals().caught())
        try:
            ending.status = begin(run, order, datasets, assembly)
            display.plan(plan(run, replace(order, experiment=experiment), datasets, assembly), run.train_log)
            trackers = [open_tracker(name, run) for name in experiment.trackers]
            for tracker in trackers:
                stack.callback(tracker.close)
            spec = identity(order.experiment)
            session = Session(run, spec, progress, display, signals, trackers, ending.going_on)
            for number, phase in enumerate(todo):
                if number:
                    assembly = assembly.enter(phases(order.experiment)[number], datasets.info)
                fit_phase(phase, assembly, datasets, session)
            return ending.completed(assembly, datasets)
        except StopRequested as stop:
            raise ending.stopped(assembly, session, stop) from None
        except KexpError as error:
            ending.failed(error.diagnostics[0].message)
            raise
        except OSError as error:
            failure = _not_written(run, error)
            ending.failed(failure.diagnostics[0].message)
            raise failure from error
        except BaseException as error:
            ending.failed(f"{type(error).__name__}: {error}")
            raise


def _check(phase: Phase, assembly: Assembly, datasets: Datasets) -> None:
    """Refuse what `fit` would refuse, and let Keras check loss and metrics on one batch, symbolically."""
    watched(phase.experiment.train.checkpoint.best, validates(datasets, phase.experiment))
    class_weight(phase.experiment, datasets)
    user_callbacks(phase.experiment.train.callbacks, assembly.context, RunDir(Path()))
    if phase.experiment.graph is None:
        return
    document = phase.experiment.document
    path = f"{phase.path}.loss"
    with complaint(
        path, document.locate(path) if document else None, "this loss and these metrics for the labels"
    ):
        assembly.model._symbolic_build(data_batch=batches_of(assembly, datasets, phase.experiment)[0])
    check_monitors(phase, assembly.model, datasets)


def _not_written(run: RunDir, error: OSError) -> KexpError:
    return RunFailed.because(
        "run-not-written",
        f"the run in {run.path} could not be written: {error.strerror or error}",
        help="what was written before is kept",
    )
