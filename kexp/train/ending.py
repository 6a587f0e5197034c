"""How a run ends: completed, stopped or failed, each with a status that says so."""

import resource
import sys
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from kexp.data.load import Datasets
from kexp.diagnostics import Diagnostic
from kexp.errors import KexpError, RunFailed, Stopped
from kexp.graph.assemble import Assembly, output_units
from kexp.graph.construct import keras_message
from kexp.graph.fixed import plain
from kexp.graph.front import uncompiled, with_front
from kexp.graph.weights import arrays_of, load_weights, model_variables, weights_sha256
from kexp.protocols import Display
from kexp.record.history import write_csv
from kexp.record.redaction import without_credentials
from kexp.record.rundir import RunDir
from kexp.record.status import Status, write_status
from kexp.spec.phases import final_batch_size, num_epochs
from kexp.train.measuring import measure
from kexp.train.order import Order, Result
from kexp.train.session import Progress
from kexp.train.signals import StopRequested
from kexp.train.smoke import check_reload


class Ending:
    """Knows what a run has done so far; whoever ends it says how."""

    def __init__(self, run: RunDir, order: Order, progress: Progress, display: Display) -> None:
        self.run, self.order, self.progress, self.display = run, order, progress, display
        self.status = Status(name=order.experiment.name, created=order.started)

    def completed(self, assembly: Assembly, datasets: Datasets) -> Result:
        """Put the best weights back, measure them on the test split, and keep the model."""
        if self.progress.best_arrays is None:
            raise _no_best(self.progress)
        load_weights(assembly.model, self.progress.best_arrays)
        metrics = {name: value for name, value in self.progress.best_row.items() if _is_metric(name, value)}
        if "test" in datasets.splits:
            measured = measure(assembly, datasets.splits["test"], final_batch_size(self.order.experiment))
            metrics |= {f"test_{name}": value for name, value in measured.items()}
        self._save_model(assembly, datasets)
        digest = weights_sha256(arrays_of(model_variables(assembly.model)))
        if self.progress.checkpoint_error is not None:
            raise _lost_checkpoint(self.progress.checkpoint_error)
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

    def _save_model(self, assembly: Assembly, datasets: Datasets) -> None:
        """Write `model.keras`, which takes raw values; code of the user's own may be beyond Keras."""
        model = assembly.model
        if assembly.preprocessing:
            if self._save_with_front(assembly, datasets):
                return
            model = uncompiled(model)
        if self.order.experiment.graph is not None:
            self.run.replace_model(plain(model).save)
            return
        try:
            self.run.replace_model(model.save)
        except (NotImplementedError, TypeError, ValueError) as error:
            self.display.note(f"no model.keras: Keras cannot save {type(model).__name__}: {_reason(error)}")

    def _save_with_front(self, assembly: Assembly, datasets: Datasets) -> bool:
        """Write the model behind its `preprocess`; where a layer cannot be there, say so and return False."""
        units = output_units(assembly.targets, datasets.info)
        try:
            model = with_front(plain(assembly.model), assembly.ports, assembly.preprocessing, units)
            self.run.replace_model(model.save)
        except (KexpError, NotImplementedError, TypeError, ValueError) as error:
            told = error.diagnostics[0] if isinstance(error, KexpError) else None
            reason = _reason(error) if told is None else told.detail or told.message
            self.display.note(f"model.keras is without `preprocess`, whose results go in and out: {reason}")
            return False
        return True

    def stopped(self, stop: StopRequested) -> Stopped:
        """Say so in the run, whose state `Keeper` has saved, where the disk still takes it."""
        self._say("stopped", f"stopped by {stop}")
        lost = self.progress.checkpoint_error
        whence = f" from an earlier step: the last checkpoint could not be saved, {lost}" if lost else ""
        done = f"{self.progress.epoch} of {num_epochs(self.order.experiment)} epochs done"
        return Stopped(
            stop.number,
            Diagnostic(
                "stopped",
                f"stopped by {stop} after step {self.progress.step}, {done}; it is kept in {self.run.path}",
                help=f"`kexp resume {self.run.id}` goes on{whence}",
            ),
        )

    def failed(self, reason: str) -> None:
        """Say so in the run, where the disk still takes it."""
        self._say("failed", reason)

    def _say(self, state: str, reason: str) -> None:
        with suppress(OSError, KexpError):
            self._write(state, error=without_credentials(reason))
            self.run.write_sums()

    def going_on(self) -> None:
        """Say after every epoch how far the run is: a kill leaves what this says; the next one says more."""
        try:
            write_csv(self.run)
            self._write("running", ended=None)
        except OSError as error:
            self.display.note(f"`{error.filename}` could not be written: {error.strerror}")

    def _write(self, state: str, **more: Any) -> None:
        metrics = {name: value for name, value in self.progress.best_row.items() if _is_metric(name, value)}
        self.status = replace(
            self.status,
            state=state,
            epoch=self.progress.epoch,
            step=self.progress.step,
            checkpoint_error=self.progress.checkpoint_error,
            best=self.progress.best,
            wall_seconds=self._wall_seconds(),
            peak_memory_bytes=_peak_memory_bytes(),
            **{"metrics": metrics, "ended": datetime.now(UTC), **more},
        )
        write_status(self.run, self.status)

    def _wall_seconds(self) -> float:
        return round(time.perf_counter() - self.order.clock, 3)


def _reason(error: Exception) -> str:
    """Return what the error says first, which Keras may break into lines."""
    return " ".join(keras_message(error).split()).partition(". ")[0]


def _no_best(progress: Progress) -> KexpError:
    return RunFailed.because(
        "no-best",
        f"none of the {progress.epoch} epochs had a finite value to choose the best by",
        help="the last state is kept: `--checkpoint last`",
    )


def _lost_checkpoint(reason: str) -> KexpError:
    return RunFailed.because(
        "checkpoint-lost",
        f"the last checkpoint could not be saved: {reason}",
        help="the checkpoints before it are kept; make room and train again",
    )


def _is_metric(name: str, value: Any) -> bool:
    return isinstance(value, float) and name not in ("seconds", "learning_rate")


def _peak_memory_bytes() -> int:
    """Return the largest resident size so far. Units: macOS counts bytes, Linux kilobytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
