"""The story of a run, from a checked spec to a finished directory."""

from contextlib import ExitStack
from dataclasses import replace

from kexp.errors import KexpError, RunFailed
from kexp.protocols import Display
from kexp.record.rundir import RunDir
from kexp.spec.canonical import identity
from kexp.spec.phases import phases
from kexp.trackers import open_tracker
from kexp.train.ending import Ending
from kexp.train.execution import Execution
from kexp.train.fitting import fit_phase
from kexp.train.opening import Unfinished, begin, begin_again, plan
from kexp.train.order import Order, Result
from kexp.train.profile import spanned
from kexp.train.profile_watch import WatchedSaver
from kexp.train.randomness import seed_generators
from kexp.train.ready import Ready, make_ready
from kexp.train.saving import Saver
from kexp.train.session import Progress, Session
from kexp.train.signals import StopRequested, StopSignals
from kexp.train.smoke import shortened


def train(order: Order, display: Display) -> Result:
    """Train an experiment into a new run directory.

    Raises: SpecError, DataError, NotFound, MissingExtra before the run exists; RunFailed and Stopped after,
        with what was done kept.
    """
    with spanned(order.profile, "data and model", "start"):
        ready = make_ready(order.experiment, order.folder, order.scope)
    display.warn(ready.warnings)
    if order.run is not None:
        return carry_out(order.run, order, ready, display)
    run = RunDir.create(order.runs, order.experiment.name, order.started)
    with run.lock():
        return carry_out(run, order, ready, display)


def carry_out(
    run: RunDir, order: Order, ready: Ready, display: Display, unfinished: Unfinished | None = None
) -> Result:
    """Train all phases, or go on with those of an unfinished run; the caller has locked it.

    Raises: RunFailed and Stopped, with what was done kept; what the training raises.
    """
    datasets, assembly = ready.datasets, ready.assembly
    experiment = order.experiment if order.scope == "full" else shortened(order.experiment)
    progress = Progress()
    ending = Ending(run, order, progress, display)
    execution = Execution(ready.phases, assembly, datasets, ready.callbacks)
    with ExitStack() as stack:
        if order.profile is not None:
            order.profile.choice = execution.choices[0]
            stack.callback(order.profile.close, run)
        signals = stack.enter_context(StopSignals().caught())
        try:
            # -------------------------------------------------- written down and shown before the first step
            with spanned(order.profile, "run directory", "start"):
                if unfinished is None:
                    ending.status = begin(run, order, ready, execution)
                else:
                    ending.status = begin_again(run, order, unfinished, progress)
            shown = plan(run, replace(order, experiment=experiment), datasets, assembly, execution)
            display.plan(shown, run.train_log)
            trackers = [open_tracker(name, run) for name in experiment.trackers]
            for tracker in trackers:
                stack.callback(tracker.close)

            # -------------------------------------------------- trained, phase by phase
            seed_generators(order.experiment.seed or 0)
            restart = None if unfinished is None else unfinished.restart
            session = Session(
                run,
                identity(order.experiment),
                progress,
                display,
                signals,
                trackers,
                ending.going_on,
                Saver() if order.profile is None else WatchedSaver(order.profile),
                restart,
                order.profile,
            )
            stack.callback(session.saver.close)
            for number, phase in enumerate(ready.phases):
                if number:
                    assembly = assembly.enter(phases(order.experiment)[number], datasets.info)
                if number < progress.phase:
                    continue
                if session.restart is None:
                    progress.begin_phase(number)
                with spanned(order.profile, "fit", "Keras"):
                    fit_phase(phase, assembly, datasets, session, execution)
                session = replace(session, restart=None)
            execution.close()
            with spanned(order.profile, "ending", "ending"):
                return ending.completed(assembly, datasets)
        except StopRequested as stop:
            raise ending.stopped(stop) from None
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


def _not_written(run: RunDir, error: OSError) -> KexpError:
    return RunFailed.because(
        "run-not-written",
        f"the run in {run.path} could not be written: {error.strerror or error}",
        help="what was written before is kept",
    )
