"""Run directories as a stranger could send them: one that is sound, and what can be done to it."""

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kexp.record.files import sha256_of
from kexp.record.rundir import RunDir

ID = "20261123-091455-iris-k3f7"
DATA = "data: {source: sklearn, dataset: iris}"
MODEL = """\
model:
  layers:
    - Dense -> scores: {units: 3, activation: softmax}
"""
SPEC = """\
kexp: 1
name: iris
seed: 1
{data}
{model}
train: {{optimizer: sgd, loss: sparse_categorical_crossentropy, metrics: [accuracy], epochs: 1}}
"""
FEATURES = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"]
INFO = {
    "inputs": [{"name": "features", "shape": [4], "dtype": "float32"}],
    "targets": [{"name": "target", "shape": [], "dtype": "int32"}],
    "classes": {"target": ["setosa", "versicolor", "virginica"]},
    "num_classes": {"target": 3},
    "sizes": {"train": 150},
    "columns": {"features": FEATURES},
    "fills": {},
    "vocabulary_sizes": {},
    "units": {},
}
MANIFEST = {
    "schema": 1,
    "command": ["kexp", "train", "spec.yaml"],
    "backend": {"name": "tensorflow", "keras": "3.15.1"},
    "spec": {"identity": "0" * 64, "seed": 1, "code": {}},
    "model": {"parameters": 15},
    "data": {"info": INFO, "files": [], "content_sha256": {}},
}
STATUS = {
    "schema": 1,
    "state": "completed",
    "name": "iris",
    "created": "2026-11-23T09:14:55Z",
    "epoch": 1,
    "step": 5,
    "samples": {"train": 150},
    "metrics": {"loss": 1.0, "accuracy": 0.5},
    "best": {"epoch": 1, "monitor": "loss", "value": 1.0},
}
ROW = {"epoch": 1, "step": 5, "stage": None, "seconds": 0.1, "loss": 1.0, "accuracy": 0.5}
WEIGHTS = {"model/scores/0": (4, 3), "model/scores/1": (3,)}


def spec(model: str = MODEL, data: str = DATA) -> str:
    return SPEC.format(model=model, data=data)


def safetensors(header: Mapping[str, Any] | str | bytes, data: bytes = b"") -> bytes:
    """Return a file with this header, whatever it says."""
    text = header if isinstance(header, (str, bytes)) else json.dumps(header)
    head = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(head)) + head + data


def weights(shapes: Mapping[str, tuple[int, ...]] = WEIGHTS) -> bytes:
    """Return a checkpoint of zeros."""
    header, end = {}, 0
    for key, shape in shapes.items():
        size = 4
        for axis in shape:
            size *= axis
        header[key] = {"dtype": "F32", "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    return safetensors(header, bytes(end))


def make_run(runs: Path, id: str = ID) -> RunDir:
    """Write a run that nobody vouches for, and that could be measured."""
    run = RunDir(runs / id)
    run.path.mkdir(parents=True)
    for path, text in (
        (run.spec, spec()),
        (run.resolved, spec()),
        (run.manifest, json.dumps(MANIFEST)),
        (run.status, json.dumps(STATUS)),
        (run.metrics, json.dumps(ROW) + "\n"),
        (run.metrics_csv, "epoch,loss\n1,1.0\n"),
    ):
        path.write_text(text)
    run.checkpoints.mkdir()
    (run.checkpoints / "best.safetensors").write_bytes(weights())
    (run.checkpoints / "step-0000000005.safetensors").write_bytes(weights())
    run.write_sums()
    return run


def list_anew(run: RunDir, *changed: Path) -> None:
    """Write into SHA256SUMS what was changed; of giants whatever, since nobody may read them to the end."""
    lines = run.sums.read_text().splitlines()
    for path in changed:
        name = path.relative_to(run.path).as_posix()
        digest = "0" * 64 if path.stat().st_size > 1 << 30 else sha256_of(path)
        lines = [line for line in lines if not line.endswith(f"  {name}")] + [f"{digest}  {name}"]
    run.sums.write_text("".join(f"{line}\n" for line in lines))


def sparse(path: Path, size_bytes: int, begin: bytes = b"") -> None:
    """Write a file of zeros that takes no room."""
    path.unlink(missing_ok=True)
    with path.open("wb") as file:
        file.write(begin)
        file.truncate(size_bytes)
