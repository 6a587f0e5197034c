"""Kill trainings at random moments, go on with them, and count those that end otherwise than unharmed ones.

Every run is killed by SIGKILL again and again, each time a random moment after it began or went on, at most
after three fifths of what a whole run takes, until it completes; then weights, rows and the whole last state
are compared with those of a run that nothing ended. Expected before it was measured: no difference at all.
"""

import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kexp.record.rundir import RunDir
from kexp.record.status import read_status
from tests.benchmarks.tables import Table

SPECS = {
    "mlp": "{layers: [{Rescaling: 0.0625}, {Dense: {units: 64, activation: relu}}, {Dropout: 0.3}, SOFTMAX]}",
    "cnn": "{layers: [{Reshape: {target_shape: [8, 8, 1]}}, {Conv2D: {filters: 8, kernel_size: 3}}, "
    "BatchNormalization, {Activation: relu}, Flatten, SOFTMAX]}",
    "lstm": "{layers: [{Reshape: {target_shape: [8, 8]}}, {LSTM: {units: 8, dropout: 0.2}}, SOFTMAX]}",
}
SPEC = """\
kexp: 1
seed: 1
runtime: {backend: BACKEND}
name: NAME
data: {source: sklearn, dataset: digits, split: {val: 0.1, test: 0.1}}
model: MODEL
train:
  optimizer: {Adam: 1e-3}
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
  epochs: 10
  checkpoint: {every: 5 steps}
  callbacks: [{ReduceLROnPlateau: {patience: 2}}]
"""


@dataclass(slots=True)
class Count:
    """What came of one kind of run."""

    kills: int = 0
    completed: int = 0
    different: int = 0


def tables(rounds: int = 5) -> Iterator[Table]:
    """Kill `rounds` runs of every kind until they complete."""
    header = ("kills", "completed", "different")
    for kind, model in SPECS.items():
        with tempfile.TemporaryDirectory(prefix="kexp-kills-") as folder:
            count = _killed(Path(folder), kind, model, rounds)
        title = f"SIGKILL at random moments, {kind} on {os.environ['KERAS_BACKEND']}"
        yield Table(title, header, ((count.kills, count.completed, count.different),))


def _killed(folder: Path, kind: str, model: str, rounds: int) -> Count:
    softmax = "{Dense: {units: 10, activation: softmax}}"
    text = SPEC.replace("NAME", kind).replace("MODEL", model).replace("SOFTMAX", softmax)
    text = text.replace("BACKEND", os.environ["KERAS_BACKEND"])
    (folder / "spec.yaml").write_text(text)
    longest, whole = _whole(folder)
    count, moments = Count(), random.Random(0)
    for number in range(rounds):
        name = f"run-{number}"
        while True:
            process = _process(folder, name)
            if _outlives(process, RunDir(folder / name), moments.uniform(0, 0.6 * longest)):
                break
            count.kills += 1
        count.completed += process.returncode == 0
        count.different += _told(RunDir(folder / name)) != whole
    return count


def _whole(folder: Path) -> tuple[float, Any]:
    """Return how long a run trains that nothing ends, and what it comes to."""
    run, process = RunDir(folder / "whole"), _process(folder, "whole")
    _await(process, run)
    began = time.monotonic()
    if process.wait():
        raise RuntimeError(f"a run that nothing ended exits with {process.returncode}")
    return time.monotonic() - began, _told(run)


def _process(folder: Path, name: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "kexp", "train", "spec.yaml", "--run-dir", name, "-q"],
        cwd=folder,
        env={**os.environ, "KEXP_CONFIG": str(folder / "config")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _outlives(process: "subprocess.Popen[bytes]", run: RunDir, seconds: float) -> bool:
    """Kill a process some time after it has said that it trains, unless it ends before."""
    _await(process, run)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return False
    return True


def _await(process: "subprocess.Popen[bytes]", run: RunDir) -> None:
    while process.poll() is None and not (run.path.is_dir() and read_status(run).pid == process.pid):
        time.sleep(0.005)


def _told(run: RunDir) -> Any:
    """Return what must be the same."""
    from kexp.graph.weights import weights_sha256
    from kexp.train.state import read_state

    status = read_status(run)
    path = run.last_checkpoint
    assert path is not None
    state = read_state(path)
    record = {name: value for name, value in state.record.items() if name not in ("run", "best_row")}
    arrays = weights_sha256(dict(sorted(state.arrays.items())))
    rows = re.sub(r'"seconds": [^,]+', "", run.metrics.read_text())
    return status.state, status.weights_sha256, status.metrics, rows, arrays, json.dumps(record)
