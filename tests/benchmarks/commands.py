"""Whole commands, from Enter to exit: against a bare Typer app, `import keras`, and a script written by hand.

Expected before it was measured. Typer converts arguments by pydantic, whose import (50 ms) every command but
`--help` paid: without it, and without what else it does not use, `validate` falls from 2.4 to at most 2 times
a bare `--help`, and `ls` and `show` to at most 3 and 2. Importing Keras takes 0.65 of the time with the
collector off, and less than 0.5 without scikit-learn, pandas and, where the backend is another one, JAX.
`kexp train` takes 0.6 of the script: the import, which is most of both, and an interpreter that is not taken
down piece by piece.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median
from time import perf_counter

from tests.benchmarks.tables import Table
from tests.benchmarks.timing import Times, interleaved

CONFIG = Path(__file__).parents[2] / "configs" / "digits-mlp.yaml"
NUM_RUNS = 1000
NUM_LAYERS = 100

_BARE = """\
import typer

app = typer.Typer()


@app.command()
def greet(name: str = "you", loudly: bool = False) -> None:
    \"\"\"Greet somebody.\"\"\"


@app.command()
def leave(name: str = "you") -> None:
    \"\"\"Say goodbye.\"\"\"


app()
"""
_BY_HAND = """\
import keras
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

keras.utils.set_random_seed(42)
x, y = load_digits(return_X_y=True)
x, x_test, y, y_test = train_test_split(x, y, test_size=0.15, stratify=y, random_state=42)
x, x_val, y, y_val = train_test_split(x, y, test_size=0.15 / 0.85, stratify=y, random_state=42)
model = keras.Sequential(
    [
        keras.layers.Rescaling(0.0625),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(
    optimizer=keras.optimizers.Adam(1e-3), loss="sparse_categorical_crossentropy", metrics=["accuracy"]
)
model.fit(x, y, epochs=15, batch_size=32, validation_data=(x_val, y_val), verbose=0)
model.save("model.keras")
print(model.evaluate(x_test, y_test, verbose=0, return_dict=True))
"""
_IMPORT_KERAS = "import keras"
_OUR_IMPORT = """\
from kexp.train.importing import import_keras
import_keras("tensorflow")"""
_TIMED = """\
from time import perf_counter, process_time
began, used = perf_counter(), process_time()
{0}
print(perf_counter() - began, process_time() - used)
"""


def tables(rounds: int = 15) -> Iterator[Table]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _prepare(folder)
        yield _light(folder, rounds)
        few = max(3, rounds // 3)
        yield _imports(folder, few)
        yield _trainings(folder, few)


def _light(folder: Path, rounds: int) -> Table:
    python = [sys.executable]
    kexp = [sys.executable, "-m", "kexp"]
    newest = max(path.name for path in (folder / "runs").iterdir())
    commands = {
        "a bare Typer app's --help": [*python, "bare.py", "--help"],
        "kexp --help": [*kexp, "--help"],
        f"kexp ls, {NUM_RUNS:,} runs": [*kexp, "ls"],
        "kexp show RUN": [*kexp, "show", newest],
        f"kexp validate, {NUM_LAYERS} layers": [*kexp, "validate", "spec.yaml"],
    }
    return _compared("Commands that look", commands, (None, 1.3, 3.0, 2.0, 2.0), folder, rounds)


def _imports(folder: Path, rounds: int) -> Table:
    """Compare what the two processes say of themselves: seconds that pass, and those of the processor."""
    codes = {"import keras": _IMPORT_KERAS, "kexp's import": _OUR_IMPORT}
    told: dict[str, list[list[float]]] = {name: [] for name in codes}
    for number in range(rounds + 1):
        for name, code in codes.items():
            done = _run([sys.executable, "-c", _TIMED.format(code)], folder)
            if number:
                told[name].append([float(word) for word in done.stdout.split()[-2:]])
    seconds, cpu = ({name: Times([pair[i] for pair in told[name]]) for name in codes} for i in (0, 1))
    return _table("The import of Keras", seconds, cpu, (None, 0.5))


def _trainings(folder: Path, rounds: int) -> Table:
    train = [sys.executable, "-m", "kexp", "train", str(CONFIG), "-q", "--runs", "trained"]
    commands = {
        "a script written by hand": [sys.executable, "by_hand.py"],
        "kexp train digits-mlp -q": train,
    }
    return _compared("A whole training", commands, (None, 0.6), folder, rounds)


@dataclass(frozen=True, slots=True)
class _Way:
    """A command to be timed; `cpu` has the processor's seconds of every time it ran."""

    command: Sequence[str]
    folder: Path
    cpu: list[float] = field(default_factory=list)

    def __call__(self) -> None:
        before = _children_seconds()
        _run(self.command, self.folder)
        self.cpu.append(_children_seconds() - before)


def _children_seconds() -> float:
    usage = getrusage(RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _run(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command; the first time, Python keeps what it compiles."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, check=True, text=True)


def _compared(
    title: str,
    commands: Mapping[str, Sequence[str]],
    goals: Sequence[float | None],
    folder: Path,
    rounds: int,
) -> Table:
    ways = {name: _Way(command, folder) for name, command in commands.items()}
    times = interleaved(ways, rounds)
    return _table(title, times, {name: Times(way.cpu[1:]) for name, way in ways.items()}, goals)


def _table(
    title: str, times: Mapping[str, Times], cpu: Mapping[str, Times], goals: Sequence[float | None]
) -> Table:
    """Set every time beside the first, by the ratios of each round."""
    base = next(iter(times))
    rows = [
        (
            name,
            times[name].median,
            times[name].spread,
            cpu[name].median,
            _ratio(times[name], times[base]),
            _ratio(cpu[name], cpu[base]),
            "" if goal is None else f"{goal:.1f}",
        )
        for name, goal in zip(times, goals, strict=True)
    ]
    header = ("", "s", "middle half", "CPU, s", "ratio", "CPU ratio", "goal")
    note = f"Medians of {len(times[base].seconds)} rounds, in turn; the CPU's tell more on a busy machine."
    return Table(title, header, rows, note)


def _ratio(times: Times, first: Times) -> float:
    return median(each / base for each, base in zip(times.seconds, first.seconds, strict=True))


def _prepare(folder: Path) -> None:
    (folder / "bare.py").write_text(_BARE)
    (folder / "by_hand.py").write_text(_BY_HAND)
    (folder / "spec.yaml").write_text(_deep_spec())
    began = perf_counter()
    _make_runs(folder / "runs")
    sys.stderr.write(f"made {NUM_RUNS:,} runs in {perf_counter() - began:.1f} s\n")


def _make_runs(root: Path) -> None:
    from kexp.record.rundir import RunDir
    from kexp.record.status import Status, write_status

    started = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(NUM_RUNS):
        moment = started + timedelta(minutes=number)
        run = RunDir.create(root, f"study-{number % 10}", moment)
        run.write_given(CONFIG.read_bytes())
        metrics = {"loss": 0.5, "accuracy": 0.9, "val_loss": 0.6, "val_accuracy": number / NUM_RUNS}
        best = {"epoch": 3, "monitor": "val_loss", "value": 0.6}
        write_status(
            run,
            Status(
                "completed",
                f"study-{number % 10}",
                moment,
                moment,
                moment,
                epoch=3,
                step=300,
                wall_seconds=3.0,
                metrics={**metrics, "test_loss": 0.6, "test_accuracy": 0.9},
                best=best,
            ),
        )


def _deep_spec() -> str:
    """Return a spec whose model has a hundred layers of several kinds, named and joined."""
    layers: list[str] = []
    for number in range(NUM_LAYERS // 4):
        layers += [
            f"    - Dense: {{units: {64 + number}, activation: relu, name: dense_{number}}}",
            "    - BatchNormalization: {momentum: 0.9}",
            "    - Activation: gelu",
            "    - Dropout: 0.1",
        ]
    head, _, rest = CONFIG.read_text().partition("  layers:\n")
    tail = rest[rest.index("    - Dense: {units: 10") :]
    return f"{head}  layers:\n" + "\n".join(layers) + f"\n{tail}"
