"""The story of a run, from a checked spec to a finished directory."""

import resource
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from kexp.data.load import Datasets
from kexp.diagnostics import Diagnostic
from kexp.errors import KexpError, RunFailed, SpecError, Stopped, did_you_mean
from kexp.evaluate import load_data, measure
from kexp.graph.assemble import Assembly, assemble
from kexp.graph.construct import complaint, keras_message
from kexp.graph.weights import arrays_of, assign, model_variables, weights_sha256
from kexp.protocols import Display
from kexp.record.rundir import RunDir
from kexp.record.status import Status, write_status
from kexp.spec.types import Experiment
from kexp.trackers import open_tracker, require_trackers
from kexp.train.batches import Batches
from kexp.train.callbacks import Keeper, Pace, Progress, watched
from kexp.train.opening import begin, plan
from kexp.train.order import Order, Result
from kexp.train.signals import StopRequested, StopSignals
from kexp.train.smoke import check_reload, shortened, smoke_data
from kexp.train.state import training_state
from kexp.train.user_callbacks import user_callbacks


def train(order: Order, display: Display) -> Result:
    """Train an experiment into a new run directory.

    Raises: SpecError, DataError, NotFound, MissingExtra before the run exists; RunFailed and Stopped after,
        with what was done kept.
    """
    # ------------------------------------------------------------ what can be refused, before a run exists
    experiment = order.experiment
    require_trackers(experiment.trackers)
    datasets = load_data(experiment, order.folder) if order.scope == "full" else smoke_data(order)
    assembly = assemble(experiment, datasets.info, order.folder)
    if order.scope != "full":
        experiment = shortened(experiment)
    batches = _batches(assembly, datasets, experiment)
    best = watched(experiment.train.checkpoint.best, _validates(datasets, experiment))
    class_weight = _class_weight(experiment, datasets)
    _try_one_batch(assembly, batches, experiment)

    # ------------------------------------------------------------ the run exists from here on
    run = RunDir.create(order.runs, experiment.name, order.started)
    with ExitStack() as stack:
        stack.enter_context(run.lock())
        signals = stack.enter_context(StopSignals().caught())
        status = begin(run, order, datasets, assembly)
        display.plan(
            plan(run, replace(order, experiment=experiment), datasets, assembly, len(batches)), run.train_log
        )
        trackers = [open_tracker(name, run) for name in experiment.trackers]
        for tracker in trackers:
            stack.callback(tracker.close)
        progress = Progress()
        ending = _Ending(run, order, status, progress)
        try:
            callbacks = [
                Pace(batches, progress, display, signals, experiment.train.terminate_on_nan),
                *user_callbacks(experiment.train.callbacks, assembly.context, run),
                Keeper(run, progress, display, best, trackers),
            ]
            feed = _Feed(batches, _validation(assembly, datasets), class_weight)
            _fit(assembly, feed, callbacks, experiment)
            return ending.completed(assembly, datasets)
        except StopRequested as stop:
            raise ending.stopped(assembly, stop) from None
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


def _batches(assembly: Assembly, datasets: Datasets, experiment: Experiment) -> Batches:
    samples = datasets.splits["train"]
    arrays: tuple[Any, ...] = (assembly.inputs(samples), assembly.labels(samples))
    if samples.weights is not None:
        arrays = (*arrays, samples.weights)
    train = experiment.train
    return Batches(arrays, train.batch_size, experiment.seed or 0, train.shuffle, train.steps_per_epoch)


def _try_one_batch(assembly: Assembly, batches: Batches, experiment: Experiment) -> None:
    """Let Keras check loss and metrics against one batch, symbolically."""
    span = experiment.document.locate("train.loss") if experiment.document else None
    with complaint("train.loss", span, "this loss and these metrics for the labels"):
        assembly.model._symbolic_build(data_batch=batches[0])


def _validates(datasets: Datasets, experiment: Experiment) -> bool:
    return "val" in datasets.splits and experiment.train.validation_freq <= experiment.train.epochs


def _validation(assembly: Assembly, datasets: Datasets) -> tuple[Any, ...] | None:
    val = datasets.splits.get("val")
    if val is None:
        return None
    weights = () if val.weights is None else (val.weights,)
    return (assembly.inputs(val), assembly.labels(val), *weights)


@dataclass(frozen=True, slots=True)
class _Feed:
    """What `fit` is fed."""

    batches: Batches
    validation: tuple[Any, ...] | None
    class_weight: dict[int, float] | None


def _fit(assembly: Assembly, feed: _Feed, callbacks: list[Any], experiment: Experiment) -> None:
    """Run Keras's own loop over our batches.

    Raises: RunFailed (out-of-memory, training-failed), and what the callbacks raise.
    """
    import tensorflow as tf

    train = experiment.train
    try:
        assembly.model.fit(
            feed.batches,
            epochs=train.epochs,
            shuffle=False,
            verbose=0,
            callbacks=callbacks,
            class_weight=feed.class_weight,
            validation_data=feed.validation,
            validation_batch_size=train.batch_size,
            validation_freq=train.validation_freq,
        )
    except tf.errors.ResourceExhaustedError as error:
        raise RunFailed(
            Diagnostic(
                "out-of-memory",
                "the device ran out of memory",
                "train.batch_size",
                help=f"try a smaller batch than {train.batch_size}",
                detail=keras_message(error).splitlines()[0],
            )
        ) from error
    except (ValueError, TypeError, tf.errors.OpError) as error:
        raise RunFailed(
            Diagnostic("training-failed", "Keras could not train this", "train", detail=keras_message(error))
        ) from error


def _class_weight(experiment: Experiment, datasets: Datasets) -> dict[int, float] | None:
    """Return Keras's class weights: classes by number, named ones looked up.

    Raises: SpecError (unknown-class).
    """
    weights = experiment.train.class_weight
    if weights is None:
        return None
    target = datasets.info.targets[0]
    is_one_hot = target.shape[-1:] not in ((), (1,))
    count = target.shape[-1] if is_one_hot else datasets.info.num_classes.get(target.name)
    known = datasets.info.classes.get(target.name) or tuple(str(number) for number in range(count or 0))
    listed = ", ".join(f"`{name}`" for name in known)
    for key in weights:
        if key not in known:
            raise SpecError(
                Diagnostic(
                    "unknown-class",
                    f"`{target.name}` has no class `{key}`",
                    f"train.class_weight.{key}",
                    help=did_you_mean(key, known) or f"its classes are {listed or 'none: it holds values'}",
                )
            )
    return {known.index(key): weight for key, weight in weights.items()}


def _not_written(run: RunDir, error: OSError) -> KexpError:
    return RunFailed.because(
        "run-not-written",
        f"the run in {run.path} could not be written: {error.strerror or error}",
        help="what was written before is kept",
    )


class _Ending:
    """How a run ends: each way writes a status that says so."""

    def __init__(self, run: RunDir, order: Order, status: Status, progress: Progress) -> None:
        self.run, self.order, self.status, self.progress = run, order, status, progress

    def completed(self, assembly: Assembly, datasets: Datasets) -> Result:
        """Put the best weights back, measure them on the test split, and keep the model."""
        experiment = self.order.experiment
        variables = model_variables(assembly.model)
        if self.progress.best_arrays is not None:
            assign(variables, self.progress.best_arrays)
        metrics = {name: value for name, value in self.progress.best_row.items() if _is_metric(name, value)}
        if "test" in datasets.splits:
            measured = measure(assembly, datasets.splits["test"], experiment.train.batch_size)
            metrics |= {f"test_{name}": value for name, value in measured.items()}
        self.run.replace_model(assembly.model.save)
        digest = weights_sha256(arrays_of(variables))
        self._write("completed", metrics=metrics, weights_sha256=digest)
        self.run.write_sums()
        if self.order.scope != "full":
            check_reload(self.run, datasets, metrics)
        return Result(
            self.run,
            "completed",
            self.progress.epoch,
            metrics,
            self.progress.best,
            digest,
            self._wall_seconds(),
        )

    def stopped(self, assembly: Assembly, stop: StopRequested) -> Stopped:
        """Keep the state as it is between two steps."""
        metadata = {"step": self.progress.step, "epoch": self.progress.epoch, "run": self.run.id}
        if self.progress.step:
            self.run.write_state(self.progress.step, training_state(assembly.model, metadata))
        self._write("stopped", error=f"stopped by {stop}")
        self.run.write_sums()
        done = f"{self.progress.epoch} of {self.order.experiment.train.epochs} epochs done"
        return Stopped(
            stop.number,
            Diagnostic(
                "stopped",
                f"stopped by {stop} after step {self.progress.step}, {done}; it is kept in {self.run.path}",
                help=f"`kexp evaluate {self.run.id} --checkpoint last` measures it",
            ),
        )

    def failed(self, reason: str) -> None:
        self._write("failed", error=reason)
        self.run.write_sums()

    def _write(self, state: str, **more: Any) -> None:
        self.status = replace(
            self.status,
            state=state,
            ended=datetime.now(UTC),
            epoch=self.progress.epoch,
            step=self.progress.step,
            best=self.progress.best,
            wall_seconds=self._wall_seconds(),
            peak_memory_bytes=_peak_memory_bytes(),
            **more,
        )
        write_status(self.run, self.status)

    def _wall_seconds(self) -> float:
        return round(time.perf_counter() - self.order.clock, 3)


def _is_metric(name: str, value: Any) -> bool:
    return isinstance(value, float) and name not in ("seconds", "learning_rate")


def _peak_memory_bytes() -> int:
    """Return the largest resident size so far. Units: macOS counts bytes, Linux kilobytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
