"""The layers of `preprocess` constructed, and what they take looked up in the data."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import keras

from kexp.diagnostics import Diagnostic
from kexp.errors import SpecError, did_you_mean
from kexp.graph.construct import Context, construct
from kexp.graph.preprocess import Preprocessing, plain_letters
from kexp.protocols import DataInfo
from kexp.spec.pipelines import is_entry, taken_names
from kexp.spec.references import vocabulary_file
from kexp.spec.types import Component, Pipeline
from kexp.spec.wiring import snake_case


def build_preprocessing(
    pipelines: Mapping[str, Pipeline], info: DataInfo, context: Context, is_restored: bool = False
) -> Preprocessing:
    """Construct the layers of all entries; they have learnt nothing yet.

    A restored run has kept what vocabulary files held.

    Raises: SpecError (unknown-column, keras-refused and those of construction).
    """
    names: set[str] = set()
    layers = {}
    with full_precision():
        for entry, pipeline in pipelines.items():
            layers[entry] = tuple(
                construct(_as_restored(layer) if is_restored else layer, context, _label(entry, layer, names))
                for layer in pipeline.layers
            )
    preprocessing = Preprocessing(info, pipelines, layers)
    _check_columns(preprocessing)
    return preprocessing


def _check_columns(preprocessing: Preprocessing) -> None:
    """Refuse what is no column of the data.

    Raises: SpecError (unknown-column).
    """
    known = [tensor.name for tensor in preprocessing.raw.inputs]
    faults = []
    for entry, pipeline in preprocessing.pipelines.items():
        names = taken_names(entry, preprocessing.pipelines) if entry not in preprocessing.targets else ()
        for number, name in enumerate(names):
            if name not in known and not is_entry(name, entry, preprocessing.pipelines):
                others = [*known, *(other for other, each in preprocessing.pipelines.items() if each.takes)]
                listed = f"it has {', '.join(f'`{other}`' for other in known)}"
                path = f"preprocess.{entry}" + (f".from[{number}]" if len(pipeline.takes) > 1 else "")
                message = f"the data has no input `{name}`"
                help = did_you_mean(name, others) or listed
                faults.append(Diagnostic("unknown-column", message, path, help=help))
    if faults:
        raise SpecError(*faults)


@contextmanager
def full_precision() -> Iterator[None]:
    """Let layers compute in float32, whatever the model computes in."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _label(entry: str, layer: Component, taken: set[str]) -> str:
    """Return a layer's name, which no other layer has."""
    stem = plain_letters(f"{entry}_{snake_case(layer)}")
    number = next(n for n in range(1, len(taken) + 2) if (stem if n == 1 else f"{stem}_{n}") not in taken)
    label = stem if number == 1 else f"{stem}_{number}"
    taken.add(label)
    return label


def _as_restored(layer: Component) -> Component:
    """Leave out the file of a vocabulary: its content is among what was learnt."""
    if vocabulary_file(layer) is None:
        return layer
    return replace(layer, options={k: v for k, v in (layer.options or {}).items() if k != "vocabulary"})
