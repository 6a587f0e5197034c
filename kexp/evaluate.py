"""Run directory -> model, metrics and predictions, from what the run keeps and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from kexp.data.cache import cached
from kexp.data.lazy import loaded
from kexp.data.load import Datasets, load
from kexp.diagnostics import Diagnostic
from kexp.errors import DataError, NotFound, SpecError
from kexp.graph.assemble import Assembly, assemble, output_units
from kexp.graph.labels import loss_of
from kexp.graph.units import restored
from kexp.graph.weights import check_size, load_checkpoint
from kexp.preparation import info_of, prepared, restore_layers, restore_preprocessing
from kexp.protocols import DataInfo, Samples, Site
from kexp.record.experiment import runnable_experiment
from kexp.record.jsonfile import broken
from kexp.record.provenance import read_manifest
from kexp.record.rundir import RunDir
from kexp.record.status import read_status
from kexp.spec.losses import kind_of
from kexp.spec.phases import final_batch_size
from kexp.spec.pipelines import column_places
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
        """What the data must hold for a prediction: the columns that the model's inputs are made of."""
        preprocessing = self.assembly.preprocessing
        if not preprocessing:
            return self.seen
        names = [tensor.name for tensor in self.seen.inputs]
        used = {column for name in names for column in preprocessing.columns(name)}
        raw = preprocessing.raw
        return replace(raw, inputs=tuple(tensor for tensor in raw.inputs if tensor.name in used))

    @property
    def seen(self) -> DataInfo:
        """What the model sees for a prediction."""
        used = {port.column for port in self.assembly.ports}
        inputs = tuple(tensor for tensor in self.info.inputs if tensor.name in used)
        return replace(self.info, inputs=inputs)

    def prepared(self, samples: Samples) -> Samples:
        """Return raw samples as the model sees them."""
        seen = prepared(self.assembly.preprocessing, samples, self.info)
        return cached({"": seen}, self.experiment.data.cache)[""]


def read_info(run: RunDir) -> DataInfo:
    """Return what the manifest keeps of the data's shapes and classes.

    Raises: RunRefused (file-broken, file-differs, file-not-listed).
    """
    try:
        return info_of(_manifest(run)["data"]["info"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise broken(run.manifest, f"it does not say what the data is like: {error}") from None


def _manifest(run: RunDir) -> dict[str, Any]:
    run.verify("manifest.json")
    return read_manifest(run)


def rebuild(run: RunDir, which: Which, trust: bool = False) -> Rebuilt:
    """Build the run's model anew and load a checkpoint into it.

    Raises: NotFound (no-checkpoint), RunRefused (checkpoint-corrupt, checkpoint-mismatch, preprocess-missing,
        file-differs, and those of `runnable_experiment`).
    """
    experiment = runnable_experiment(run, trust)
    info = read_info(run)
    path = run.best_checkpoint if which == "best" else run.last_checkpoint
    if path is None:
        ended_early = read_status(run).best is None
        raise NotFound.because(
            "no-checkpoint",
            f"`{run.id}` holds no {which} checkpoint",
            help="its training ended before there was one" if ended_early else "it was removed since",
        )
    preprocessing = restore_preprocessing(run, experiment)
    assembly = replace(assemble(experiment, info, run.path), preprocessing=preprocessing)
    restore_layers(run, assembly.beginnings)
    check_size(assembly.model, path)
    run.verify(path.relative_to(run.path).as_posix())
    load_checkpoint(assembly.model, path)
    return Rebuilt(run, experiment, info, assembly, path)


def load_data(experiment: Experiment, folder: Path) -> Datasets:
    """Read an experiment's data; `folder` is where its relative paths start.

    Raises: what the data source raises.
    """
    places = column_places(experiment)
    site = Site(folder, experiment.seed or 0, tuple(places), experiment.data.split.keys)
    try:
        return load(experiment.data, site)
    except SpecError as error:
        by_column = {f"model.inputs.{column}": place for column, place in places.items()}
        raise SpecError(
            *(replace(d, path=by_column.get(d.path, d.path)) for d in error.diagnostics)
        ) from None


def check_data(run: RunDir, datasets: Datasets, split: str) -> None:
    """Compare a split with what the run was trained and tested on.

    Raises: DataError (data-changed).
    """
    hashes = (_manifest(run).get("data") or {}).get("content_sha256")
    trained = hashes.get(split) if isinstance(hashes, dict) else None
    found = datasets.fingerprint.content_sha256.get(split)
    if trained is not None and trained != found:
        raise DataError.because(
            "data-changed",
            f"the `{split}` data is not what `{run.id}` was trained with: sha256 {str(found)[:12]}, "
            f"and {str(trained)[:12]} then",
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
    samples = loaded(prepared(rebuilt.assembly.preprocessing, Samples(inputs, {}), rebuilt.seen))
    result = rebuilt.assembly.model.predict(
        rebuilt.assembly.inputs(samples), batch_size=batch_size, verbose=0
    )
    if isinstance(result, dict):
        arrays = list(result.values())
    else:
        arrays = list(result) if isinstance(result, (list, tuple)) else [result]
    units = output_units(rebuilt.assembly.targets, rebuilt.info)
    outputs = dict(enumerate(rebuilt.assembly.targets))
    found = (units.get(outputs.get(number, "")) for number in range(len(arrays)))
    return [array if own is None else restored(array, own) for array, own in zip(arrays, found, strict=True)]
