"""How long it takes until a run that goes on has done its next step, against one that begins.

Real processes, from their start to the end of their first step, when they are killed; the two in turn, after
one round that does not count.
Expected before it was measured: the same, and 0.3 s more to read and check the state of 25 M parameters.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

from kexp.record.rundir import RunDir
from tests.benchmarks.tables import Table

_OWN = '''\
import os
import signal
import time
from pathlib import Path

import keras


DONE = []


class End(keras.callbacks.Callback):
    """Kills the process when it has done so many steps."""

    def on_train_batch_end(self, batch, logs=None):
        DONE.append(batch)
        if len(DONE) == int(os.environ["STEPS"]):
            Path(os.environ["TIME"]).write_text(str(time.monotonic()))
            os.kill(os.getpid(), signal.SIGKILL)
'''
_SPEC = """\
kexp: 1
name: resume
seed: 0
data: {source: sklearn, dataset: digits, split: {val: 0.1}}
model: {layers: [{Rescaling: 0.0625}, LAYERS, {Dense: {units: 10, activation: softmax}}]}
train:
  optimizer: adam
  loss: sparse_categorical_crossentropy
  epochs: 2
  batch_size: 256
  checkpoint: {every: 4 steps}
  callbacks: ["own.py:End"]
"""
_SIZES = {
    "digits MLP, 0.01 M": "{Dense: {units: 128, activation: relu}}",
    "MLP, 25 M": "{Dense: {units: 4096, activation: relu}}, {Dense: {units: 5990, activation: relu}}",
}


def tables(rounds: int = 5) -> Iterator[Table]:
    rows = []
    for name, layers in _SIZES.items():
        with tempfile.TemporaryDirectory(prefix="kexp-resume-") as folder:
            seconds = _measured(Path(folder), layers, rounds)
        ratios = [resumed / cold for cold, resumed in seconds]
        low, _, high = quantiles(ratios, n=4) if rounds > 1 else ratios * 3
        cold, resumed = (median(times) for times in zip(*seconds, strict=True))
        rows.append((name, cold, resumed, median(ratios), f"{low:.2f} to {high:.2f}"))
    header = ("model", "begin, s", "go on, s", "ratio", "middle half")
    yield Table("From a process's start to its first step", header, rows, f"Medians of {rounds} rounds.")


def _measured(folder: Path, layers: str, rounds: int) -> list[tuple[float, float]]:
    (folder / "spec.yaml").write_text(_SPEC.replace("LAYERS", layers))
    (folder / "own.py").write_text(_OWN)
    _seconds(folder, 10, "train", "spec.yaml", "--run-dir", "unfinished")
    assert RunDir(folder / "unfinished").states()
    found = []
    for _ in range(rounds + 1):
        cold = _seconds(folder, 1, "train", "spec.yaml", "--run-dir", "cold")
        shutil.rmtree(folder / "cold")
        found.append((cold, _seconds(folder, 1, "resume", "unfinished")))
    return found[1:]


def _seconds(folder: Path, steps: int, *command: str) -> float:
    """Return how long a command takes until it has done so many steps."""
    told = folder / "time"
    told.unlink(missing_ok=True)
    variables = {"KEXP_CONFIG": str(folder / "config"), "STEPS": str(steps), "TIME": str(told)}
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "kexp", *command, "-q"],
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
    )
    if not told.exists():
        raise RuntimeError(done.stderr)
    return float(told.read_text()) - began
