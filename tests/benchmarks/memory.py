"""Peak memory of training on 60,000 uint8 images of 28 by 28, beyond what the import of Keras takes.

Each way in a process of its own: a run of kexp, with its splits and all that it keeps, and `fit` on the same
images as float32 or uint8 arrays in numpy. Expected before it was measured: the run takes at most 0.35 of
what float32 arrays take.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.benchmarks.tables import Table

_SPEC = """\
kexp: 1
name: memory
seed: 0
data: {source: npz, path: images.npz, x: x, y: y, split: {val: 0.1}}
model:
  layers:
    - Rescaling: 0.00392156862745098
    - Flatten
    - Dense: {units: 128, activation: relu}
    - Dense: {units: 10, activation: softmax}
train: {optimizer: adam, loss: sparse_categorical_crossentropy, metrics: [accuracy], epochs: 2}
"""
_BEGIN = """\
import json, resource, sys
from pathlib import Path
sys.path[:0] = {path!r}
from fakes import machine
machine()
import numpy as np
import keras
folder = Path({folder!r})
before = int(next(l for l in open("/proc/self/status") if l.startswith("VmRSS")).split()[1])
"""
_END = """
print(json.dumps((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024))
"""
_FIT = """
held = np.load(folder / "images.npz")
x, y = held["x"], held["y"]
{made}
model = keras.Sequential([
    keras.Input((28, 28)), *layers, keras.layers.Flatten(),
    keras.layers.Dense(128, "relu"), keras.layers.Dense(10, "softmax"),
])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x[:54000], y[:54000], validation_data=(x[54000:], y[54000:]), epochs=2, batch_size=32, verbose=0)
"""
_RUN = """
from fakes import train_spec
train_spec(folder / "spec.yaml", folder, "full")
"""
_WAYS = {
    "fit, float64 arrays": _FIT.format(made="x, layers = x / 255, []"),
    "fit, float32 arrays": _FIT.format(made="x, layers = x.astype('float32') / 255, []"),
    "fit, uint8 arrays": _FIT.format(made="layers = [keras.layers.Rescaling(1 / 255)]"),
    "kexp, uint8": _RUN,
}
_YARDSTICK = "fit, float32 arrays"


def tables(rounds: int = 3) -> Iterator[Table]:
    with tempfile.TemporaryDirectory(prefix="kexp-memory-") as name:
        folder = Path(name)
        _write(folder)
        found = {way: median(_peak(folder, text) for _ in range(rounds)) for way, text in _WAYS.items()}
    usual = found[_YARDSTICK]
    rows = [(way, round(peak), peak / usual) for way, peak in found.items()]
    header = ("way", "MiB over the import", "of float32")
    yield Table("Peak memory of two epochs", header, rows, f"Medians of {rounds} processes each.")


def _write(folder: Path) -> None:
    import numpy as np

    random = np.random.default_rng(0)
    x = random.integers(0, 256, (60_000, 28, 28), np.uint8)
    np.savez(folder / "images.npz", x=x, y=random.integers(0, 10, len(x)))
    (folder / "spec.yaml").write_text(_SPEC)


def _peak(folder: Path, text: str) -> float:
    """Return what a process of its own took. Units: MiB."""
    tests = Path(__file__).parents[1]
    begin = _BEGIN.format(path=[str(tests.parent), str(tests)], folder=str(folder))
    command = [sys.executable, "-c", begin + text + _END]
    done = subprocess.run(command, capture_output=True, check=True, text=True, cwd=folder)
    return float(json.loads(done.stdout.splitlines()[-1]))
