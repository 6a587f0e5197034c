"""Run directory -> model, metrics and predictions, from what the run keeps and nothing else."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from kexp.data.load import Datasets, load
from kexp.diagnostics import Diagnostic
from kexp.errors import DataError, NotFound, SpecError
from kexp.graph.assemble import Assembly, assemble
from kexp.graph.labels import kind_of, loss_of
from kexp.graph.weights import load_weights, unpack
from kexp.protocols import DataInfo, Samples, Site, TensorInfo
from kexp.record.experiment import read_experiment
from kexp.record.rundir import RunDir
from kexp.record.status import read_status
from kexp.spec.phases import final_batch_size
from kexp.spec.types import Component, Experiment

Which = Literal["best", "last"]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A run's model with its weights."""

    run: RunDir
    experiment: Experiment
    info: DataInfo
    assembly: Assembly
    checkpoint: Path

    @property
    def batch_size(self) -> int:
        """The batch size that training ended with, and measured its test split by."""
        return final_batch_size(self.experiment)

    @property
    def needed(self) -> DataInfo:
        """What the data must hold for a prediction: the inputs that the model takes."""
        used = {port.column for port in self.assembly.ports}
        return replace(self.info, inputs=tuple(tensor for tensor in self.info.inputs if tensor.name in used))


def read_info(run: RunDir) -> DataInfo:
    """Return what the manifest keeps of the data's shapes and classes."""
    run.verify("manifest.json")
    record = json.loads(run.manifest.read_text())["data"]["info"]
    return DataInfo(
        inputs=tuple(TensorInfo(t["name"], tuple(t["shape"]), t["dtype"]) for t in record["inputs"]),
        targets=tuple(TensorInfo(t["name"], tuple(t["shape"]), t["dtype"]) for t in record["targets"]),
        classes={name: tuple(names) for name, names in record["classes"].items()},
        num_classes=record["num_classes"],
        sizes=record["sizes"],
        columns={name: tuple(columns) for name, columns in record["columns"].items()},
        fills=record["fills"],
    )


def info_as_json(info: DataInfo) -> dict[str, Any]:
    """Return the record that `read_info` reads."""
    return asdict(info)


def rebuild(run: RunDir, which: Which) -> Rebuilt:
    """Build the run's model anew and load a checkpoint into it.

    Raises: NotFound (no-checkpoint), RunRefused (checkpoint-corrupt, checkpoint-mismatch, file-differs).
    """
    experiment = read_experiment(run)
    info = read_info(run)
    path = run.best_checkpoint if which == "best" else run.last_checkpoint
    if path is None:
        ended_early = read_status(run).best is None
        raise NotFound.because(
            "no-checkpoint",
            f"`{run.id}` holds no {which} checkpoint",
            help="its training ended before there was one" if ended_early else "it was removed since",
        )
    run.verify(path.relative_to(run.path).as_posix())
    assembly = assemble(experiment, info, run.path)
    arrays = unpack(path.read_bytes(), path.name)
    weights = {key: array for key, array in arrays.items() if key.startswith("model/")}
    load_weights(assembly.model, weights)
    return Rebuilt(run, experiment, info, assembly, path)


def load_data(experiment: Experiment, folder: Path) -> Datasets:
    """Read an experiment's data; `folder` is where its relative paths start.

    Raises: what the data source raises.
    """
    ports = experiment.graph.inputs or () if experiment.graph else ()
    columns = tuple(port.column for port in ports)
    site = Site(folder, experiment.seed or 0, columns, experiment.data.split.keys)
    return load(experiment.data, site)


def check_data(run: RunDir, datasets: Datasets, split: str) -> None:
    """Compare a split with what the run was trained and tested on.

    Raises: DataError (data-changed).
    """
    trained = json.loads(run.manifest.read_text())["data"]["content_sha256"].get(split)
    found = datasets.fingerprint.content_sha256.get(split)
    if trained is not None and trained != found:
        raise DataError.because(
            "data-changed",
            f"the `{split}` data is not what `{run.id}` was trained with: sha256 {str(found)[:12]}, "
            f"and {trained[:12]} then",
            help="restore the data, or measure the changed data with `--accept`",
        )


def measure(assembly: Assembly, samples: Samples, batch_size: int) -> dict[str, float]:
    """Return loss and metrics of the model on samples, under Keras's names."""
    values = assembly.model.evaluate(
        assembly.inputs(samples),
        assembly.labels(samples),
        sample_weight=samples.weights,
        batch_size=batch_size,
        verbose=0,
        return_dict=True,
    )
    return {name: as_number(name, values[name]) for name in sorted(values, key=reading_order)}


def as_number(name: str, value: Any) -> float:
    """Return a metric's value.

    Raises: SpecError (metric-not-a-number).
    """
    array = np.asarray(value)
    if array.size != 1:
        raise SpecError(
            Diagnostic(
                "metric-not-a-number",
                f"`{name}` gives {array.size} numbers, and a metric is one",
                "train.metrics",
                help="`average: macro` makes one of F1Score's and FBetaScore's",
            )
        )
    return float(array.item())


def reading_order(name: str) -> tuple[bool, bool]:
    """Sort names of metrics: training before validation, the loss before the others."""
    return name.startswith("val_"), name.removeprefix("val_") != "loss"


def choose_split(datasets: Datasets, split: str) -> Samples:
    """Return the samples of a split.

    Raises: SpecError (no-such-split).
    """
    if split not in datasets.splits:
        listed = ", ".join(f"`{name}`" for name in datasets.splits)
        raise SpecError(
            Diagnostic(
                "no-such-split", f"the data has no `{split}` split", help=f"choose with `--split`: {listed}"
            )
        )
    return datasets.splits[split]


Task = Literal["classes", "binary", "values"]


@dataclass(frozen=True, slots=True)
class Head:
    """How one output's numbers are read; `threshold` parts the two classes of a binary task."""

    name: str
    task: Task
    classes: tuple[str, ...] = ()
    threshold: float = 0.5
    from_logits: bool = False

    def columns(self, array: "np.ndarray[Any, Any]", proba: bool) -> list[tuple[str, list[Any]]]:
        """Return the output as named columns: labels or values, with `proba` the classes' shares too.

        Shapes: array (n, units) or (n, ...).
        """
        if self.task == "classes" and array.ndim == 2:
            shares = _softmax(array) if self.from_logits else array
            columns = [(self.name, [self._label(i) for i in array.argmax(axis=1)])]
            named = [(f"{self.name}.{self._label(i)}", shares[:, i].tolist()) for i in range(array.shape[1])]
            return columns + (named if proba else [])
        flat = array.reshape(len(array), -1)
        if self.task == "binary" and flat.shape[1] == 1:
            columns = [(self.name, [self._label(int(value > self.threshold)) for value in flat[:, 0]])]
            share = 1 / (1 + np.exp(-flat[:, 0])) if self.from_logits else flat[:, 0]
            named = [(f"{self.name}.{self._label(1)}", share.tolist())]
            return columns + (named if proba else [])
        if flat.shape[1] == 1:
            return [(self.name, flat[:, 0].tolist())]
        return [(f"{self.name}.{i}", flat[:, i].tolist()) for i in range(flat.shape[1])]

    def _label(self, number: int) -> str | int:
        return self.classes[number] if number < len(self.classes) else int(number)


def _softmax(array: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    powers = np.exp(array - array.max(axis=1, keepdims=True))
    shares: np.ndarray[Any, Any] = powers / powers.sum(axis=1, keepdims=True)
    return shares


def heads(rebuilt: Rebuilt) -> list[Head]:
    """Return how each output is read: the task follows from the loss."""
    found = []
    for name, target in rebuilt.assembly.targets.items():
        classes = rebuilt.info.classes.get(target.name, ()) if target else ()
        loss = loss_of(rebuilt.experiment, name)
        kind = "" if loss is None else kind_of(loss)
        shown = target.name if target is not None and len(rebuilt.assembly.targets) == 1 else name
        if kind in ("sparsecategoricalcrossentropy", "categoricalcrossentropy"):
            found.append(Head(shown, "classes", classes, from_logits=_from_logits(loss)))
        elif kind in ("binarycrossentropy", "binaryfocalcrossentropy"):
            logits = _from_logits(loss)
            found.append(Head(shown, "binary", classes, 0.0 if logits else 0.5, logits))
        else:
            found.append(Head(shown, "values"))
    return found


def _from_logits(loss: Any) -> bool:
    return isinstance(loss, Component) and bool((loss.options or {}).get("from_logits", False))


def predict(
    rebuilt: Rebuilt, inputs: Mapping[str, "np.ndarray[Any, Any]"], batch_size: int
) -> list["np.ndarray[Any, Any]"]:
    """Return one array per output; `inputs` are by column name, in the shapes that training had."""
    samples = Samples(inputs, {})
    result = rebuilt.assembly.model.predict(
        rebuilt.assembly.inputs(samples), batch_size=batch_size, verbose=0
    )
    if isinstance(result, dict):
        return list(result.values())
    return list(result) if isinstance(result, (list, tuple)) else [result]
