"""Keras's events -> rows, checkpoints and progress."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np
from keras.src.callbacks.monitor_callback import MonitorCallback

from kexp.diagnostics import Diagnostic
from kexp.errors import RunFailed, SpecError
from kexp.evaluate.metrics import as_number, reading_order
from kexp.graph.weights import arrays_of, model_variables
from kexp.record.history import append_row
from kexp.spec.phases import Phase
from kexp.spec.types import Best
from kexp.train.callback_state import CallbackState
from kexp.train.checkpoints import Checkpoints
from kexp.train.engine.interface import Leg
from kexp.train.session import Progress, Session
from kexp.train.state import State


class Pace(keras.callbacks.Callback):  # type: ignore[misc]
    """First of the callbacks: sets which steps the epoch takes, counts them, and stops for lost losses."""

    def __init__(self, batches: Any, session: Session, keeper: "Keeper", terminate_on_nan: bool) -> None:
        super().__init__()
        self.batches, self.keeper, self.terminate_on_nan = batches, keeper, terminate_on_nan
        self.progress, self.display = session.progress, session.display
        self.before = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.before = self.progress.step - self.progress.offset
        checkpoints = self.keeper.checkpoints
        stops = checkpoints.stops(self.before, self.params["steps"])
        self.batches.begin(Leg(epoch, self.progress.offset, checkpoints.logs, stops))
        self.display.epoch_begins(epoch + 1)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.keeper.checkpoints.put_generators_back()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.progress.offset = batch + 1
        self.progress.step = self.before + batch + 1
        logs = logs or {}
        if self.terminate_on_nan and not math.isfinite(float(logs.get("loss", 0.0))):
            raise _lost(float(logs["loss"]), self.progress)
        self.display.step(batch + 1, logs)

    def on_test_begin(self, logs: Any = None) -> None:
        self.keeper.hold()


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

    def __init__(self, session: Session, phase: Phase, best: Best, callbacks: Sequence[Any]) -> None:
        assert best.monitor is not None
        super().__init__(monitor=best.monitor, mode=best.mode or "auto")
        self.session, self.run, self.progress = session, session.run, session.progress
        asked = phase.experiment.train.checkpoint
        self.checkpoints = Checkpoints(session, asked, CallbackState(callbacks))
        self.is_asked, self.stage = asked.best.monitor is not None, phase.name
        self.watches = True
        self.best: float | None = None
        self.held: State | None = None
        self.began = 0.0

    def on_train_begin(self, logs: Any = None) -> None:
        self.checkpoints.model = self.model
        if self.session.restart is not None:
            self.checkpoints.logs = self.session.restart.logs
            if self.progress.best is not None:
                self.best = self.progress.best["value"]
                self.watches = self.progress.best["monitor"] is not None
        self.checkpoints.put_back()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.began = time.perf_counter()
        if self.progress.offset:
            self.checkpoints.put_back()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        checkpoints = self.checkpoints
        checkpoints.logs = {name: float(value) for name, value in (logs or {}).items() if np.size(value) == 1}
        if self.session.signals.number is not None:
            self._stop(checkpoints.state())
        if checkpoints.is_due() and batch + 1 < self.params["steps"] and not self.model.stop_training:
            checkpoints.save(checkpoints.state())

    def hold(self) -> None:
        """Copy the state before a validation, whose metrics take the place of those of the training."""
        self.held = self.checkpoints.state()

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.session.signals.number is not None and self.held is not None:
            self._stop(self.held)

    def _stop(self, state: State) -> None:
        """Save a state at once, and end the training.

        Raises: StopRequested.
        """
        self.checkpoints.save(state)
        self.checkpoints.settle()
        self.session.signals.check()

    def on_train_end(self, logs: Any = None) -> None:
        self.checkpoints.settle()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        row = self._row(epoch, dict(logs or {}))
        if self.monitor_op is None and self.watches and not self._awaits_validation(row):
            self._arm(row)
        append_row(self.run, row)
        for tracker in self.session.trackers:
            tracker.log(row["step"], {k: v for k, v in row.items() if isinstance(v, float)})
        self.progress.epoch, self.progress.offset = epoch + 1, 0
        self.held = self.checkpoints.restart = None
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
        """Save the best weights as they come, and the state when it is due and after the last epoch."""
        is_last = self.progress.epoch == self.params["epochs"] or self.model.stop_training
        is_due = is_last or self.checkpoints.is_due_after_epoch()
        if is_due or is_best:
            state = self.checkpoints.state(is_best) if is_due else None
            self.checkpoints.save(state, self.progress.best_arrays if is_best else None)
