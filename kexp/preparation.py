"""Raw data -> what the model sees: adapted on the training split, kept in the run, rebuilt from it alone."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from kexp.data.cache import cached
from kexp.data.computed import Computed
from kexp.data.load import Datasets
from kexp.graph.adapting import adapt, described, settings_of, source_columns
from kexp.graph.assemble import context_of
from kexp.graph.initial import Beginning, learnt_layers
from kexp.graph.layer_state import learns, restore_state, state_of
from kexp.graph.pipelines import build_preprocessing
from kexp.graph.preprocess import Preprocessing
from kexp.protocols import Column, DataInfo, Samples, TensorInfo, Units
from kexp.record.jsonfile import SCHEMA, broken
from kexp.record.provenance import check_info
from kexp.record.rundir import RunDir
from kexp.record.runid import slug
from kexp.spec.types import Experiment

_OVERVIEW = "inputs"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the model sees of the data, and the layers that made it."""

    datasets: Datasets
    preprocessing: Preprocessing


def prepare_data(experiment: Experiment, raw: Datasets, folder: Path) -> Prepared:
    """Build the layers of `preprocess`, let them learn from the training split, and run them on all splits.

    Raises: SpecError, DataError, each fault at its place in the spec.
    """
    context = context_of(experiment, raw.info, folder)
    preprocessing = build_preprocessing(experiment.preprocess, raw.info, context)
    if not preprocessing:
        return Prepared(raw, preprocessing)
    train = raw.splits["train"]
    adapt(preprocessing, train)
    info = described(preprocessing, _declared(experiment), train)
    splits = {name: prepared(preprocessing, samples, info) for name, samples in raw.splits.items()}
    splits = cached(splits, experiment.data.cache)
    return Prepared(replace(raw, splits=splits, info=info), preprocessing)


def _declared(experiment: Experiment) -> set[str]:
    """Return the columns that the model's inputs name."""
    return {port.column for port in experiment.graph.inputs or ()} if experiment.graph else set()


def prepared(preprocessing: Preprocessing, samples: Samples, info: DataInfo) -> Samples:
    """Return samples as the model sees them; what is computed is computed when it is asked for."""
    if not preprocessing:
        return samples

    def column(tensor: TensorInfo, held: Mapping[str, Column], is_made: bool) -> Column:
        if not is_made:
            return held[tensor.name]
        source = source_columns(preprocessing, tensor.name, samples)
        settings = settings_of(preprocessing, tensor.name)
        return Computed(source, lambda given: preprocessing.compute(tensor.name, given), tensor, settings)

    targets, entries = preprocessing.targets, preprocessing.pipelines
    inputs = {
        t.name: column(t, samples.inputs, t.name in entries and t.name not in targets) for t in info.inputs
    }
    labels = {t.name: column(t, samples.targets, t.name in targets) for t in info.targets if samples.targets}
    return replace(samples, inputs=inputs, targets=labels)


# ---------------------------------------------------------------- what a run keeps of it


def write_preparation(run: RunDir, preprocessing: Preprocessing, beginnings: tuple[Beginning, ...]) -> None:
    """Keep what the raw data is like, and what every layer learnt from it."""
    for name, layer in learnt_layers(beginnings).items():
        record = {"schema": SCHEMA, "layer": name, "class": type(layer).__name__, **state_of(layer)}
        run.write_preprocess(f"model/{name}", record)
    if not preprocessing:
        return
    files = _files(preprocessing.pipelines)
    overview = {"schema": SCHEMA, "raw": info_as_json(preprocessing.raw), "files": files}
    run.write_preprocess(_OVERVIEW, overview)
    for entry, file in files.items():
        layers = [
            {"class": component.name, **(state_of(layer) if _is_kept(component, layer) else {})}
            for component, layer in zip(
                preprocessing.pipelines[entry].layers, preprocessing.layers[entry], strict=True
            )
        ]
        run.write_preprocess(
            file, {"schema": SCHEMA, "entry": entry, "from": preprocessing.columns(entry), "layers": layers}
        )


def restore_preprocessing(run: RunDir, experiment: Experiment) -> Preprocessing:
    """Build the layers anew, with what they learnt when the run was trained.

    Raises: RunRefused (preprocess-missing, file-broken, file-differs).
    """
    if not experiment.preprocess:
        return Preprocessing()
    overview = run.read_preprocess(_OVERVIEW)
    with _whole(run, _OVERVIEW):
        raw, files = info_of(overview["raw"]), overview["files"]
    preprocessing = build_preprocessing(
        experiment.preprocess, raw, context_of(experiment, raw, run.path), is_restored=True
    )
    for entry, pipeline in experiment.preprocess.items():
        with _whole(run, _OVERVIEW):
            file = str(files[entry])
        record = run.read_preprocess(file)
        with _whole(run, file):
            states = list(record["layers"])
            for component, layer, state in zip(
                pipeline.layers, preprocessing.layers[entry], states, strict=True
            ):
                if _is_kept(component, layer):
                    restore_state(layer, state)
    return preprocessing


def restore_layers(run: RunDir, beginnings: tuple[Beginning, ...]) -> None:
    """Give the layers that the model adapted what they had learnt; no checkpoint holds vocabularies and bins.

    Raises: RunRefused (preprocess-missing, file-broken, file-differs).
    """
    for name, layer in learnt_layers(beginnings).items():
        record = run.read_preprocess(f"model/{name}")
        with _whole(run, f"model/{name}"):
            restore_state(layer, record)


def _is_kept(component: Any, layer: Any) -> bool:
    """Tell whether a run must keep what a layer knows: it learnt it, or read it from a file."""
    return learns(component, layer) or isinstance((component.options or {}).get("vocabulary"), str)


def _files(entries: Iterable[str]) -> dict[str, str]:
    """Return a file name for each entry, in letters that all file systems take."""
    files: dict[str, str] = {}
    taken = {_OVERVIEW, "model"}
    for entry in entries:
        stem = name = slug(entry)
        number = 1
        while name in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(name)
        files[entry] = name
    return files


@contextmanager
def _whole(run: RunDir, name: str) -> Iterator[None]:
    """Say which file of the run is at fault when it holds something else than what was written."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        path = run.preprocess / f"{name}.json"
        raise broken(path, f"it does not hold what `preprocess` learnt: {error}") from None


# ---------------------------------------------------------------- what data is like, as JSON


def info_as_json(info: DataInfo) -> dict[str, Any]:
    """Return the record that `info_of` reads."""
    return asdict(info)


def info_of(record: Any) -> DataInfo:
    """Return what a manifest, or the overview of a preparation, says of the data.

    Raises: ValueError, KeyError, TypeError on what `info_as_json` does not say.
    """
    check_info(record)
    return DataInfo(
        inputs=tuple(TensorInfo(t["name"], tuple(t["shape"]), t["dtype"]) for t in record["inputs"]),
        targets=tuple(TensorInfo(t["name"], tuple(t["shape"]), t["dtype"]) for t in record["targets"]),
        classes={name: tuple(names) for name, names in record["classes"].items()},
        num_classes=record["num_classes"],
        sizes=record["sizes"],
        columns={name: tuple(columns) for name, columns in record["columns"].items()},
        fills=record["fills"],
        vocabulary_sizes=record.get("vocabulary_sizes", {}),
        units={
            name: Units(tuple(u["scale"]), tuple(u["offset"])) for name, u in record.get("units", {}).items()
        },
    )
