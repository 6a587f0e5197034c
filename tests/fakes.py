"""Stand-ins that several folders of tests share: a backend, small experiments, a display."""

import os
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from kexp.custom import load_object
from kexp.diagnostics import Diagnostic
from kexp.document import load_document, parse_document
from kexp.protocols import DataInfo, Plan, TensorInfo
from kexp.spec.overrides import override
from kexp.spec.parse import parse_experiment
from kexp.spec.types import Experiment, Runtime
from kexp.train.backend import Machine, prepare
from kexp.train.order import Order, Result, Scope

KERAS = [
    pytest.mark.xdist_group("keras"),
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword"),
]
"""What marks a module that needs Keras: one process imports it, and TensorFlow's warning is passed over."""


@cache
def machine(device: str = "cpu") -> Machine:
    """Import Keras once per process, on two threads of the CPU; KERAS_BACKEND says on which backend."""
    backend: Any = os.environ.get("KERAS_BACKEND", "tensorflow")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return prepare(Runtime(backend, device=device, threads=2), seed=0)


SPEC = """\
kexp: 1
name: small
seed: {seed}
data: {{source: sklearn, dataset: digits}}
model: {model}
train: {train}
"""


def experiment(model: str, train: str = "{optimizer: sgd, loss: mse}", seed: int = 1) -> Experiment:
    """Return an experiment around a model in YAML's flow style or indented below `model:`."""
    text = SPEC.format(seed=seed, model=model, train=train)
    return parse_experiment(parse_document(text.encode(), "spec.yaml", Path()))


def info(
    inputs: dict[str, tuple[int | None, ...]],
    targets: dict[str, tuple[int, ...]] | None = None,
    num_classes: dict[str, int] | None = None,
    dtype: str = "float32",
) -> DataInfo:
    return DataInfo(
        inputs=tuple(TensorInfo(name, shape, dtype) for name, shape in inputs.items()),
        targets=tuple(
            TensorInfo(name, shape, "int64")
            for name, shape in ({"y": (1,)} if targets is None else targets).items()
        ),
        classes={},
        num_classes=num_classes or {},
        sizes={"train": 100},
    )


DIGITS = """\
kexp: 1
name: digits
seed: 3
data: {{source: sklearn, dataset: digits, split: {split}}}
model:
  layers:
    - Rescaling: 0.0625
    - Dense: {{units: 8, activation: relu}}
    - Dropout: 0.2
    - Dense: {{units: 10, activation: softmax}}
train:
  optimizer: {optimizer}
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
  epochs: {epochs}
  batch_size: 128
  {more}
"""


def digits(
    more: str = "shuffle: true",
    epochs: int = 1,
    split: str = "{val: 0.15, test: 0.15, stratify: true}",
    optimizer: str = "{Adam: 1e-2}",
) -> str:
    """Return a spec of digits with a tiny network; `more` are further keys of `train`."""
    return DIGITS.format(more=more, epochs=epochs, split=split, optimizer=optimizer)


@dataclass
class FakeDisplay:
    """Remembers what a training reported."""

    plans: list[Plan] = field(default_factory=list)
    began: list[int] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    rows: list[Mapping[str, Any]] = field(default_factory=list)
    best: list[bool] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)

    def plan(self, plan: Plan, log: Path) -> None:
        self.plans.append(plan)

    def epoch_begins(self, epoch: int) -> None:
        self.began.append(epoch)

    def step(self, step: int, metrics: Mapping[str, Any]) -> None:
        self.steps.append(step)

    def epoch_ends(self, row: Mapping[str, Any], is_best: bool) -> None:
        self.rows.append(row)
        self.best.append(is_best)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warn(self, warnings: Sequence[Diagnostic]) -> None:
        self.warnings += warnings


class Screen:
    """What a terminal shows after a text: lines that were wiped are gone."""

    _CONTROL = re.compile(r"\x1b\[([?\d;]*)([A-Za-z])|\r|\n|[^\x1b\r\n]+")

    def __init__(self, text: str) -> None:
        self.lines = [""]
        self.row = self.column = 0
        for found in self._CONTROL.finditer(text):
            self._take(found[0], found[1] or "", found[2] or "")

    def _take(self, text: str, numbers: str, command: str) -> None:
        if text == "\r":
            self.column = 0
        elif text == "\n":
            self.row += 1
            self.lines += [""] * (self.row + 1 - len(self.lines))
        elif command == "A":
            self.row = max(0, self.row - int(numbers or 1))
        elif command == "K":
            self.lines[self.row] = "" if numbers == "2" else self.lines[self.row][: self.column]
        elif not command:
            line = self.lines[self.row].ljust(self.column)
            self.lines[self.row] = line[: self.column] + text + line[self.column + len(text) :]
            self.column += len(text)

    def shown(self) -> str:
        return "\n".join(line.rstrip() for line in self.lines).rstrip("\n")


def environment(more: Mapping[str, str]) -> dict[str, str]:
    """Return this process's variables without what a test must not depend on."""
    foreign = ("KEXP_", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM", "PYTEST_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, "KEXP_CONFIG": os.environ.get("KEXP_CONFIG", ""), "COLUMNS": "100", **more}


def train_spec(path: Path, runs: Path, scope: Scope, assignments: Sequence[str] = ()) -> Result:
    """Train a spec in this process, with what `--set` would say."""
    ready = machine()
    from kexp.train.loop import train

    document = override(load_document(path), assignments)
    order = Order(
        parse_experiment(document),
        path.read_bytes(),
        document.folder,
        runs / "runs",
        ready,
        ("kexp", "train", "--smoke", str(path)),
        {},
        datetime.now(UTC),
        perf_counter(),
        scope=scope,
    )
    return train(order, FakeDisplay())


CONFIGS = Path(__file__).parents[1] / "configs"


def real_data(name: str) -> Path:
    """Return the folder of real data, if it holds `name`."""
    folder = Path(os.environ.get("KEXP_TEST_DATA", CONFIGS.parents[1] / "shared" / "data"))
    if not (folder / name).exists():
        pytest.skip(f"there is no {folder / name}; point KEXP_TEST_DATA at the folder of real data")
    return folder.resolve()


def example_data(name: str, scratch: Path) -> list[str]:
    """Return what `--set` says of an example whose data are not in the repository."""
    if name == "image-folder.yaml":
        load_object("pictures.py:write_digits", CONFIGS)(scratch / "pictures")  # type: ignore[operator]
        return [f"vars.folder={scratch / 'pictures'}"]
    file = _EXAMPLE_FILES.get(name)
    return [] if file is None else [f"vars.folder={real_data(file)}"]


_EXAMPLE_FILES = {
    "penguins.yaml": "penguins.csv",
    "sms-spam.yaml": "sms-spam.tsv",
    "tiny-shakespeare.yaml": "tinyshakespeare.txt",
    "wine-quality.yaml": "winequality-red.csv",
}
