"""What one backend makes of small experiments, as JSON: a process of its own, on what KERAS_BACKEND names.

`python tests/other_backend.py FOLDER` trains into the folder and writes `found.json` there.
"""

import json
import os
import re
import sys
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import own_steps
from fakes import machine
from resuming import killed, outcome, resume, train

from kexp.document import parse_document
from kexp.errors import DeviceError, SpecError
from kexp.record.history import read_rows
from kexp.record.rundir import RunDir
from kexp.record.status import read_status
from kexp.spec.parse import parse_experiment
from kexp.spec.types import Runtime

SPEC = """\
kexp: 1
name: small
seed: 3
runtime: {{backend: {backend}}}
data: {{source: sklearn, dataset: digits, split: {{val: 0.1, test: 0.65, stratify: true}}}}
{more}
model: {{layers: [{layers}]}}
train:
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
  epochs: {epochs}
  batch_size: 64
  optimizer: {{Adam: 5e-3}}
  checkpoint: {{every: 2 steps}}
  {callbacks}
"""
IMAGE, ROWS = "Reshape: {target_shape: [8, 8, 1]}", "Reshape: {target_shape: [8, 8]}"
HEAD = "Dense: {units: 10, activation: softmax}"
LAYERS = {
    "mlp": ("Dense: {units: 16, activation: relu}", "DROPOUT", HEAD),
    "cnn": (
        *(IMAGE, "Conv2D: {filters: 4, kernel_size: 3}", "BatchNormalization", "Activation: relu"),
        *("GlobalAveragePooling2D", "DROPOUT", HEAD),
    ),
    "lstm": (ROWS, "LSTM: {units: 6}", "DROPOUT", HEAD),
    "transformer": (
        *(ROWS, "Dense -> x: 8", "x, x -> MultiHeadAttention -> seen: {num_heads: 2, key_dim: 4}"),
        *("x, seen -> Add -> both", "LayerNormalization", "GlobalAveragePooling1D", "DROPOUT", HEAD),
    ),
}
AUGMENT = (
    "preprocess: {image: {from: features, layers: [{Reshape: {target_shape: [8, 8, 1]}}]}}\n"
    "augment: {image: [{RandomTranslation: {height_factor: 0.2, width_factor: 0.2}}]}"
)
PLATEAU = "callbacks: [{ReduceLROnPlateau: {monitor: loss, patience: 1, min_delta: 1.0}}]"


def spec(kind: str, epochs: int, dropout: bool = False, more: str = "", callbacks: str = "") -> str:
    """Return the text of an experiment with one of the networks."""
    dropped = "Dropout: 0.2" if dropout else "Identity"
    layers = ["Rescaling: 0.0625", *(layer.replace("DROPOUT", dropped) for layer in LAYERS[kind])]
    return SPEC.format(
        backend=os.environ.get("KERAS_BACKEND", "tensorflow"),
        layers=", ".join(map(_step, layers)),
        epochs=epochs,
        more=more,
        callbacks=callbacks,
    )


def _step(text: str) -> str:
    """Return a step in YAML's flow style."""
    name, _, options = text.partition(": ")
    return f'{{"{name}": {options or "null"}}}'


def initial(kind: str) -> str:
    """Return the hash of a network's weights before its first step, without the states of seeds."""
    machine()
    from kexp.graph.weights import arrays_of, model_variables, weights_sha256

    arrays = arrays_of(model_variables(_ready(spec(kind, 1))[1].assembly.model))
    return weights_sha256({key: array for key, array in arrays.items() if array.dtype.kind == "f"})


def _ready(text: str) -> Any:
    """Return an experiment, and what is made ready for it."""
    machine()
    from kexp.train.ready import make_ready

    experiment = parse_experiment(parse_document(text.encode(), "spec.yaml", Path()))
    return experiment, make_ready(experiment, Path())


def curve(run: RunDir) -> list[list[float]]:
    """Return loss and accuracy, of training and validation, by epoch."""
    names = ("loss", "accuracy", "val_loss", "val_accuracy")
    return [[row[name] for name in names] for row in read_rows(run)]


def trained(folder: Path) -> dict[str, Any]:
    """Train every network without anything random in it; tell where each began and how it went."""
    found = {}
    for kind in LAYERS:
        began = initial(kind)
        run = train(spec(kind, 2), folder / kind)
        found[kind] = {"began": began, "curve": curve(run), "metrics": dict(read_status(run).metrics)}
    return found


def changed_batch() -> list[float]:
    """Return some of a batch that `augment` changed."""
    experiment, ready = _ready(spec("mlp", 1, more=AUGMENT).replace("layers: [", "layers: [Flatten, "))
    from kexp.train.fitting import batches_of

    images, _ = batches_of(ready.assembly, ready.datasets, experiment)[1]
    return [float(value) for value in np.asarray(images)[:3].reshape(-1)]


PREPARED = """\
kexp: 1
seed: 3
runtime: {{backend: {backend}}}
data: {{source: "{folder}/columns.py:columns"}}
preprocess:
  sentence: {{TextVectorization: {{output_mode: int, output_sequence_length: 4}}}}
  word: StringLookup
  both: {{from: [word, kind], layers: {{HashedCrossing: {{num_bins: 50}}}}}}
  number: {{IntegerLookup: {{output_mode: one_hot}}}}
  image: {{Resizing: {{height: 4, width: 5}}}}
  sizes: [Normalization, {{Discretization: {{num_bins: 4}}}}]
model:
  inputs: {{sizes: [5], image: [4, 5, 3]}}
  layers:
    - sizes -> Dense: 1
train: {{optimizer: sgd, loss: mse, epochs: 1, batch_size: 8}}
"""
COLUMNS = """\
import numpy as np


def columns():
    random = np.random.default_rng(0)
    words = np.array(["a", "b", "cat", "dog"])
    return {
        "sentence": np.array([" ".join(words[random.integers(0, 4, 5)]) for _ in range(24)]),
        "word": words[random.integers(0, 4, 24)],
        "kind": words[random.integers(0, 2, 24)],
        "number": random.integers(0, 3, 24) + 2**40,
        "image": random.integers(0, 256, (24, 9, 7, 3)).astype("uint8"),
        "sizes": random.normal(3, 7, (24, 5)),
    }, random.normal(size=(24, 1))
"""


def prepared(folder: Path) -> dict[str, str]:
    """Return by column the dtype and the hash of what `preprocess` makes."""
    (folder / "columns.py").write_text(COLUMNS, encoding="utf-8")
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    _, ready = _ready(PREPARED.format(backend=backend, folder=folder))
    columns = {name: np.asarray(column[:]) for name, column in ready.datasets.splits["train"].inputs.items()}
    return {
        name: f"{array.dtype} {array.shape} {sha256(array.tobytes()).hexdigest()}"
        for name, array in columns.items()
    }


def in_segments() -> list[str]:
    """Fit with segments and step by step; tell in what the two differ."""
    machine()
    import keras
    from fits import Task, fitted
    from keras import layers

    from kexp.custom import load_reference
    from kexp.train.engine import BACKENDS
    from kexp.train.engine.feed import Feed

    def make() -> Any:
        body = [layers.Dense(8, "relu"), layers.BatchNormalization(), layers.Dropout(0.3, seed=1)]
        model = keras.Sequential([keras.Input((6,)), *body, layers.Dense(3, "softmax")])
        model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    random = np.random.default_rng(0)
    parts = random.normal(size=(83, 6)).astype("float32"), random.integers(0, 3, 83)
    whole = Feed(parts, 16, 5, True)
    lost = Feed((np.where(np.arange(83)[:, None] == 40, np.float32("nan"), parts[0]), parts[1]), 16)
    found = []
    ours: Any = load_reference(BACKENDS[keras.backend.backend()])
    nan = keras.callbacks.TerminateOnNaN()
    for feed, ends, gathers in ((whole, (), False), (whole, (), True), (lost, (nan,), False)):
        ours.gathers = gathers
        task = Task(make, feed, Feed(parts, 16), callbacks=lambda ends=ends: ends, stops_at_nan=True)
        expected = fitted(task, "single")
        for mode, steps in (("resident", 2), ("streamed", None)):
            found += fitted(task, mode, steps).differences(expected)
    return found


def refused() -> dict[str, str]:
    """Return what is said of devices that are not there; nothing where they are."""
    machine()
    from kexp.train.backend import own_ways

    name: Any = os.environ["KERAS_BACKEND"]
    found = {}
    for device in ("gpu:7", "tpu"):
        try:
            own_ways(name).settle(Runtime(name, device=device), 2)
        except DeviceError as error:
            found[device] = str(error)
    return found


OF_ANOTHER = """\
import keras


class Own(keras.Model):
    def __init__(self, body):
        super().__init__()
        self.body = body

    def train_step(self, data):
        return {}
"""
REFUSED = {
    "own": '{{"{folder}/another.py:Own": {{body: {{model: {{layers: [{{Dense: 1}}]}}}}}}}}',
    "hashing": "{{inputs: {{features: [64]}}, layers: [{{Hashing: 8}}, {{Dense: 1}}]}}",
}


def refused_models(folder: Path) -> dict[str, str]:
    """Return what is said of models that only other backends train; nothing where this one does."""
    (folder / "another.py").write_text(OF_ANOTHER, encoding="utf-8")
    found = {}
    for name, model in REFUSED.items():
        try:
            _ready(_with_model(spec("mlp", 1), model.format(folder=folder)))
        except SpecError as error:
            found[name] = next(diagnostic.message for diagnostic in error.diagnostics)
    return found


def _with_model(text: str, model: str) -> str:
    return re.sub("(?m)^model: .*$", lambda _: f"model: {model}", text)


def differences(one: Any, two: Any, path: str = "") -> list[str]:
    if isinstance(one, dict) and isinstance(two, dict):
        keys = {**one, **two}
        return [d for k in keys for d in differences(one.get(k), two.get(k), f"{path}/{k}")]
    return [] if one == two else [f"{path}: {one!r} and {two!r}"[:300]]


def resumed(folder: Path) -> dict[str, list[str]]:
    """Kill trainings in the middle of an epoch and go on; tell how they differ from ones that were not."""
    (folder / "own.py").write_text(own_steps.code(), encoding="utf-8")
    own = _with_model(spec("mlp", 2), own_steps.MODEL)
    own = re.sub(r"(?m)^  (loss|metrics|optimizer): .*\n", "", own) + f"  {own_steps.TRAIN}\n"
    texts = {kind: spec(kind, 3, dropout=True, callbacks=PLATEAU) for kind in ("mlp", "cnn")}
    found = {}
    for (kind, text), at in zip({**texts, "own": own}.items(), (11, 13, 11), strict=True):
        whole = outcome(train(text, folder / f"{kind}-whole"))
        run = resume(killed(text, folder / f"{kind}-killed", at))
        found[kind] = differences(whole, outcome(run))
    return found


def main(folder: Path) -> None:
    found = {
        "trained": trained(folder),
        "changed": changed_batch(),
        "prepared": prepared(folder),
        "resumed": resumed(folder),
        "in segments": in_segments() if os.environ["KERAS_BACKEND"] == "jax" else [],
        "refused": refused(),
        "refused models": refused_models(folder),
        "machine": asdict(machine()),
    }
    (folder / "found.json").write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
