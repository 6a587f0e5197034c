"""What a training shows: on a terminal a bar and a table, elsewhere one line per epoch; both in train.log."""

import io
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from kexp.cli.streams import Streams
from kexp.diagnostics import Diagnostic, render
from kexp.errors import KexpError
from kexp.protocols import Plan, TensorInfo
from kexp.record.redaction import without_credentials
from kexp.record.rundir import RunDir

if TYPE_CHECKING:
    from rich.progress import Task

    from kexp.train.order import Result

_REFRESH_SECONDS = 0.1
_HIDDEN = ("epoch", "step", "stage", "seconds", "learning_rate")


class RunDisplay:
    """Says the same to the terminal and to train.log, there without escapes."""

    def __init__(
        self, streams: Streams, quiet: bool = False, runs_option: str | None = None, is_smoke: bool = False
    ) -> None:
        self.streams = streams
        self.is_smoke = is_smoke
        self.screen = streams.console(quiet)
        self.runs_option = f" --runs {runs_option}" if runs_option else ""
        self.live = streams.err.isatty() and not self.screen.is_dumb_terminal and not quiet
        self.run: RunDir | None = None
        self.early = io.StringIO()
        self.log: TextIO = self.early
        self.table: _Rows | None = None
        self.bar: _Bar | None = None
        self.stage: str | None = None
        streams.printed = lambda line: self._say(Text(line))

    def plan(self, plan: Plan, log: Path) -> None:
        self.run = RunDir(plan.run_path)
        self.streams.keep_noise(self.run.backend_log)
        self.log = log.open("a", encoding="utf-8", buffering=1)
        self.log.write(self.early.getvalue())
        self.table = _Rows(plan.epochs, self.screen.width)
        self.bar = _Bar(plan, self.screen) if self.live else None
        for text in _plan_lines(plan):
            self._say(text)
        self._say(Text())

    def epoch_begins(self, epoch: int) -> None:
        if self.bar:
            self.bar.epoch(epoch)

    def step(self, step: int, metrics: Mapping[str, Any]) -> None:
        if self.bar:
            self.bar.step(step, metrics)

    def epoch_ends(self, row: Mapping[str, Any], is_best: bool) -> None:
        assert self.table is not None
        if row["stage"] != self.stage:
            self.stage = row["stage"]
            self._say(_pair("stage", str(self.stage)))
        for line in self.table.lines(row, is_best, aligned=self.live):
            self._say(line)

    def note(self, text: str) -> None:
        self._say(Text(f"note: {text}", style="yellow"))

    def warn(self, warnings: Sequence[Diagnostic]) -> None:
        if warnings and not self.screen.quiet:
            self.streams.say(f"{render(warnings, self.streams.paint)}\n")
        if warnings:
            self.log.write(f"{render(warnings)}\n\n")

    def tell(self, lines: Iterable[str]) -> None:
        """Show lines as they are, after an empty one."""
        for line in ("", *lines):
            self._say(Text(line))

    def __enter__(self) -> "RunDisplay":
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            if isinstance(error, KexpError):
                self.failed(error)
        finally:
            self.close()

    def failed(self, error: KexpError) -> None:
        """Write into the log what `main` is about to say on the screen."""
        self._take_bar_away()
        with suppress(OSError):  # a disk that is full must not hide that it is
            self.log.write(f"{without_credentials(render(error.diagnostics))}\n")

    def close(self) -> None:
        """Take the bar away, close the logs, and list them with the run's other files."""
        self._take_bar_away()
        self.streams.printed = self.streams.say
        if self.run is None:
            return
        with suppress(OSError, KexpError):
            self.log.close()
            self.streams.leave_noise()
            with self.run.lock():
                for log in (self.run.train_log, self.run.backend_log):
                    self.run.add_sum(log)

    def _take_bar_away(self) -> None:
        if self.bar:
            self.bar.close()
            self.bar = None

    def finished(self, result: "Result") -> None:
        """Say how it ended, where everything is, and what to type next."""
        self._take_bar_away()
        if self.is_smoke:
            self._say(
                _pair("smoke", f"passed in {result.wall_seconds:.1f} s: trained, saved, loaded again, equal")
            )
            return
        self._say(Text())
        tested = {k.removeprefix("test_"): v for k, v in result.metrics.items() if k.startswith("test_")}
        if tested:
            self._say(_pair("test", "  ".join(f"{name} {number(value)}" for name, value in tested.items())))
        if result.best:
            best = result.best
            why = f", {best['monitor']} {number(best['value'])}" if best["monitor"] else ", the last"
            self._say(_pair("best", f"epoch {best['epoch']}{why}"))
        self._say(_pair("took", f"{result.wall_seconds:.1f} s"))
        self._say(_pair("kept", str(result.run.path)))
        tail = result.run.id.rpartition("-")[2]
        measured = f"kexp evaluate {tail}" if tested else f"kexp evaluate {tail} --split train"
        commands = (measured, f"kexp show {tail}", f"kexp predict {tail} ROWS.npz", "kexp ls")
        for index, command in enumerate(commands):
            self._say(_pair("next" if index == 0 else "", f"{command}{self.runs_option}", "bold"))

    def _say(self, text: Text) -> None:
        if self.bar:
            self.bar.progress.console.print(text)
        else:
            self.screen.print(text)
        with suppress(OSError):  # what the disk does not take now goes with the next line
            self.log.write(f"{without_credentials(text.plain.rstrip())}\n")


def _pair(label: str, text: str, style: str = "") -> Text:
    return Text.assemble((f"{label:<9}", "dim"), (text, style))


def _plan_lines(plan: Plan) -> list[Text]:
    sizes = ", ".join(f"{count:,} {name}" for name, count in plan.sizes.items())
    frozen = plan.num_parameters - plan.num_trainable
    weights = f"{plan.num_parameters:,} parameters" + (f", {frozen:,} of them not trained" if frozen else "")
    steps = f"{plan.steps_per_epoch:,} step{'s' if plan.steps_per_epoch != 1 else ''}"
    return [
        Text.assemble((plan.name, "bold"), "  ", (plan.run_id, "dim")),
        _pair("data", f"{plan.data}: {sizes}"),
        _pair("input", ", ".join(_tensor(t) for t in plan.inputs)),
        *([_pair("output", ", ".join(_tensor(t) for t in plan.outputs))] if plan.outputs else []),
        _pair("model", weights),
        _pair("train", f"{plan.epochs:,} epochs of {steps}, batch size {plan.batch_size:,}"),
        _pair(
            "run on",
            f"{plan.backend}, {plan.device}, {plan.threads} threads, {plan.precision}, seed {plan.seed}",
        ),
        *(_pair("note", note) for note in plan.notes),
    ]


def _tensor(tensor: TensorInfo) -> str:
    sizes = ", ".join("?" if size is None else str(size) for size in tensor.shape)
    return f"{tensor.name} ({sizes}) {tensor.dtype}"


def number(value: float) -> str:
    """Return a metric in at most six characters or so: 0.9481, 12.35, 1.2e-05."""
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    if value != 0 and not 1e-3 <= abs(value) < 1e5:
        return f"{value:.1e}"
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.2f}"


class _Rows:
    """One line per epoch; aligned under a head on a terminal, with names elsewhere."""

    def __init__(self, epochs: int, width: int) -> None:
        self.epochs, self.width = epochs, width
        self.columns: list[str] = []

    def lines(self, row: Mapping[str, Any], is_best: bool, aligned: bool) -> list[Text]:
        values = {name: value for name, value in row.items() if name not in _HIDDEN}
        new = list(values) != self.columns
        self.columns = list(values)
        if not aligned:
            cells = "  ".join(f"{name} {number(value)}" for name, value in values.items())
            best = "  (best)" if is_best else ""
            return [Text(f"epoch {row['epoch']}/{self.epochs}  {cells}  {row['seconds']:.1f} s{best}")]
        shown = self._fitting(list(values))
        head = "  ".join(name.rjust(8) for name in shown)
        cells = "  ".join(number(values[name]).rjust(max(len(name), 8)) for name in shown)
        line = Text(f"{row['epoch']:>6}  {cells}  {row['seconds']:>7.1f}")
        if is_best:
            line.append("  best", "green")
        return [Text(f" epoch  {head}  seconds", style="dim"), line] if new else [line]

    def _fitting(self, names: list[str]) -> list[str]:
        """Return the columns that fit on one line; losses come first, the log has them all."""
        room = self.width - len(" epoch") - len("  seconds  best")
        by_weight = sorted(names, key=lambda name: name not in ("loss", "val_loss"))
        kept: list[str] = []
        for name in by_weight:
            room -= max(len(name), 8) + 2
            if room >= 0:
                kept.append(name)
        return [name for name in names if name in kept]


class _Speed(ProgressColumn):
    """Samples per second of this epoch."""

    def render(self, task: "Task") -> Text:
        speed = task.finished_speed or task.speed
        return Text(
            "" if speed is None else f"{speed * task.fields['batch_size']:,.0f} samples/s", style="cyan"
        )


class _Bar:
    """The progress bar of the whole training, drawn at most ten times a second."""

    def __init__(self, plan: Plan, console: Console) -> None:
        self.steps = plan.steps_per_epoch
        self.epochs = plan.epochs
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("step {task.fields[step]}/{task.fields[steps]}", style="dim"),
            TextColumn("{task.fields[loss]}"),
            _Speed(),
            TimeRemainingColumn(),
            TextColumn("left", style="dim"),
            console=console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self.task = self.progress.add_task(
            f"epoch 1/{self.epochs}",
            total=self.steps * self.epochs,
            batch_size=plan.batch_size,
            step="0",
            steps=f"{self.steps:,}",
            loss="",
        )
        self.done = 0
        self.drawn = 0.0
        self.progress.start()

    def epoch(self, epoch: int) -> None:
        self.done = (epoch - 1) * self.steps
        self.progress.update(
            self.task, description=f"epoch {epoch}/{self.epochs}", completed=self.done, step="0"
        )

    def step(self, step: int, metrics: Mapping[str, Any]) -> None:
        now = time.perf_counter()
        if now - self.drawn < _REFRESH_SECONDS:
            return
        self.drawn = now
        loss = f"loss {number(float(metrics['loss']))}" if "loss" in metrics else ""
        self.progress.update(self.task, completed=self.done + step, step=f"{step:,}", loss=loss)
        self.progress.refresh()

    def close(self) -> None:
        self.progress.stop()
