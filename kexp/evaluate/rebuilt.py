"""Run directory -> model, from what the run keeps and nothing else."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from kexp.data.cache import cached
from kexp.errors import NotFound
from kexp.graph.assemble import Assembly, assemble
from kexp.graph.weights import check_size, load_checkpoint
from kexp.preparation import info_of, prepared, restore_layers, restore_preprocessing
from kexp.protocols import DataInfo, Samples
from kexp.record.experiment import runnable_experiment
from kexp.record.jsonfile import broken
from kexp.record.provenance import read_manifest
from kexp.record.rundir import RunDir
from kexp.record.status import read_status
from kexp.spec.phases import final_batch_size
from kexp.spec.types import Experiment

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
        return info_of(checked_manifest(run)["data"]["info"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise broken(run.manifest, f"it does not say what the data is like: {error}") from None


def checked_manifest(run: RunDir) -> dict[str, Any]:
    """Return the manifest, which the run vouches for.

    Raises: RunRefused (file-differs, file-not-listed).
    """
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
