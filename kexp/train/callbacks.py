"""Keras's events -> rows, checkpoints and progress."""

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import keras
from keras.src.callbacks.monitor_callback import MonitorCallback

from kexp.diagnostics import Diagnostic
from kexp.errors import RunFailed, SpecError
from kexp.evaluate import as_number, reading_order
from kexp.graph.weights import arrays_of, model_variables, pack
from kexp.record.history import append_row, write_csv
from kexp.spec.types import Best
from kexp.train.batches import Batches
from kexp.train.session import Progress, Session
from kexp.train.state import state_metadata, training_state


class Pace(keras.callbacks.Callback):  # type: ignore[misc]
    """First of the callbacks: sets the epoch's order, counts steps, and stops for signals and lost losses."""

    def __init__(self, batches: Batches, session: Session, terminate_on_nan: bool) -> None:
        super().__init__()
        self.batches, self.terminate_on_nan = batches, terminate_on_nan
        self.progress, self.display, self.signals = session.progress, session.display, session.signals
        self.before = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.batches.epoch = epoch
        self.before = self.progress.step
        self.display.epoch_begins(epoch + 1)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.progress.step = self.before + batch + 1
        logs = logs or {}
        if self.terminate_on_nan and not math.isfinite(float(logs.get("loss", 0.0))):
            raise _lost(float(logs["loss"]), self.progress)
        self.display.step(batch + 1, logs)
        self.signals.check()

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self.signals.check()


def _lost(loss: float, progress: Progress) -> RunFailed:
    error = RunFailed.because(
        "non-finite-loss",
        f"the loss became {loss} in epoch {progress.epoch + 1}, step {progress.step}",
        path="train.loss",
        help="a smaller learning rate, scaled inputs or `clipnorm` on the optimizer often help; "
        "`train.terminate_on_nan: false` goes on regardless",
    )
    assert isinstance(error, RunFailed)
    return error


def watched(best: Best, validates: bool) -> Best:
    """Settle what the best epoch is chosen by: `val_loss` where there is one, else `loss`.

    Raises: SpecError (no-validation).
    """
    monitor = best.monitor or ("val_loss" if validates else "loss")
    if monitor.startswith("val_") and not validates:
        raise SpecError(
            Diagnostic(
                "no-validation",
                f"the best epoch is chosen by `{monitor}`, and no epoch is validated",
                "train.checkpoint.best.monitor",
                help="add `split: {val: 0.1}` under `data`, or watch `loss`",
            )
        )
    return replace(best, monitor=monitor)


class Keeper(MonitorCallback):  # type: ignore[misc]
    """Last of the callbacks: keeps the row, the state and the best weights of every epoch.

    A model class may publish no loss: then, unless a monitor was asked for, every epoch is the best so far.
    """

    def __init__(self, session: Session, best: Best, is_asked: bool, stage: str | None = None) -> None:
        assert best.monitor is not None
        super().__init__(monitor=best.monitor, mode=best.mode or "auto")
        self.session, self.run, self.progress = session, session.run, session.progress
        self.is_asked, self.stage = is_asked, stage
        self.watches = True
        self.best: float | None = None
        self.began = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        row = self._row(epoch, dict(logs or {}))
        if self.monitor_op is None and self.watches and not self._awaits_validation(row):
            self._arm(row)
        append_row(self.run, row)
        write_csv(self.run)
        for tracker in self.session.trackers:
            tracker.log(row["step"], {k: v for k, v in row.items() if isinstance(v, float)})
        self.progress.epoch = epoch + 1
        is_best = self._is_best(row)
        if is_best:
            self._remember(row)
        self._save(is_best)
        self.session.going_on()
        self.session.display.epoch_ends(row, is_best)

    def _row(self, epoch: int, logs: dict[str, Any]) -> dict[str, Any]:
        rate = logs.pop("learning_rate", None)
        optimizer = getattr(self.model, "optimizer", None)
        if rate is None and not isinstance(optimizer, (keras.optimizers.MultiOptimizer, type(None))):
            rate = keras.ops.convert_to_numpy(optimizer.learning_rate)
        return {
            "epoch": epoch + 1,
            "step": self.progress.step,
            "stage": self.stage,
            "seconds": time.perf_counter() - self.began,
            **{name: as_number(name, logs[name]) for name in sorted(logs, key=reading_order)},
            **({} if rate is None else {"learning_rate": float(rate)}),
        }

    def _awaits_validation(self, row: Mapping[str, Any]) -> bool:
        """Tell whether what is watched comes only with a later epoch's validation."""
        return self.monitor.startswith("val_") and not any(name.startswith("val_") for name in row)

    def _arm(self, row: Mapping[str, Any]) -> None:
        """Settle what is watched, once the metrics exist.

        Raises: SpecError (unknown-monitor, monitor-mode).
        """
        known = [name for name in row if name not in ("epoch", "step", "stage", "seconds")]
        if self.monitor not in row and not self.is_asked:
            self.watches = False
            return
        if self.monitor not in row:
            listed = ", ".join(f"`{name}`" for name in known)
            raise SpecError(
                Diagnostic(
                    "unknown-monitor",
                    f"there is no metric `{self.monitor}` to choose the best epoch by",
                    "train.checkpoint.best.monitor",
                    help=f"there are {listed}",
                )
            )
        try:
            self._set_monitor_op()
        except ValueError:
            raise SpecError(
                Diagnostic(
                    "monitor-mode",
                    f"Keras does not know whether more or less of `{self.monitor}` is better",
                    "train.checkpoint.best",
                    help=f"write `best: {{monitor: {self.monitor}, mode: max}}` or `mode: min`",
                )
            ) from None

    def _is_best(self, row: Mapping[str, Any]) -> bool:
        if not self.watches:
            return True
        value = row.get(self.monitor)
        return value is not None and math.isfinite(value) and bool(self._is_improvement(value, self.best))

    def _remember(self, row: Mapping[str, Any]) -> None:
        value = row[self.monitor] if self.watches else None
        self.best = value
        self.progress.best = {
            "epoch": row["epoch"],
            "monitor": self.monitor if self.watches else None,
            "value": value,
        }
        self.progress.best_arrays = arrays_of(model_variables(self.model))
        self.progress.best_row = row

    def _save(self, is_best: bool) -> None:
        """Write the best weights and the state; a save that fails leaves the one before, and training on."""
        progress = self.progress
        metadata = state_metadata(self.session)
        try:
            if is_best and progress.best_arrays is not None:
                self.run.write_best(pack(progress.best_arrays, metadata))
            self.run.write_state(progress.step, training_state(self.model, metadata))
        except OSError as error:
            progress.checkpoint_error = f"epoch {progress.epoch}: {error.strerror or error}"
            self.session.display.note(f"the checkpoint could not be saved: {error.strerror or error}")
        else:
            progress.checkpoint_error = None
