"""An experiment's model, built and compiled without training; without its data where the spec says enough."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import keras
from keras.src.utils.naming import reset_uids

from kexp.errors import SpecError
from kexp.graph.assemble import assemble, context_of, output_units
from kexp.graph.build import build_model
from kexp.graph.compile import compile_model
from kexp.graph.construct import Context, keras_message
from kexp.graph.initial import Beginning
from kexp.graph.preprocess import Preprocessing
from kexp.protocols import DataInfo, TensorInfo, Units
from kexp.spec.formula import functions_in, names_in
from kexp.spec.phases import phases
from kexp.spec.references import formulas
from kexp.spec.types import Experiment, Port

_OF_THE_DATA = ("num_classes", "total_steps", "steps_per_epoch")


@dataclass(frozen=True, slots=True)
class Built:
    """A compiled model; `context` is what the spec's values refer to."""

    experiment: Experiment
    model: keras.Model
    context: Context
    beginnings: tuple[Beginning, ...] = ()
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    ports: tuple[Port, ...] = ()
    units: Mapping[str, Units] = field(default_factory=dict)


def declared(experiment: Experiment) -> tuple[TensorInfo, ...] | None:
    """Return the inputs as the spec declares them; None where the model can only be built on its data."""
    ports = experiment.graph.inputs if experiment.graph else None
    if experiment.preprocess or ports is None or any(port.shape is None for port in ports):
        return None
    if any(_needs_data(formula.text) for formula in formulas(experiment)):
        return None
    return tuple(TensorInfo(port.column, _sizes(port), port.dtype) for port in ports)


def _needs_data(text: str) -> bool:
    return bool(names_in(text).intersection(_OF_THE_DATA)) or "vocabulary_size" in functions_in(text)


def _sizes(port: Port) -> tuple[int | None, ...]:
    return tuple(size if isinstance(size, int) else None for size in port.shape or ())


def build_declared(experiment: Experiment, inputs: tuple[TensorInfo, ...], folder: Path) -> Built:
    """Build and compile the model on its declared inputs.

    Raises: SpecError, each fault at its place in the spec.
    """
    reset_uids()
    info = DataInfo(inputs, (), {}, {}, {"train": 1})
    context = context_of(experiment, info, folder)
    built = build_model(experiment, info, context)
    compile_model(built.model, phases(experiment)[-1].experiment, context)
    return Built(experiment, built.model, context, built.beginnings)


def build_on(
    experiment: Experiment, info: DataInfo, folder: Path, preprocessing: Preprocessing | None = None
) -> Built:
    """Build and compile the model on what its data is like after `preprocess`.

    Raises: SpecError, each fault at its place in the spec.
    """
    assembly = assemble(experiment, info, folder)
    units = output_units(assembly.targets, info)
    made = preprocessing or Preprocessing()
    context, beginnings = assembly.context, assembly.beginnings
    return Built(experiment, assembly.model, context, beginnings, made, assembly.ports, units)


@contextmanager
def saved(built: Built) -> Iterator[None]:
    """Turn Keras's complaint about what it cannot save into a diagnostic.

    Raises: SpecError (not-saved).
    """
    try:
        yield
    except Exception as error:
        raise SpecError.because(
            "not-saved",
            f"Keras cannot save `{built.experiment.name}`",
            path="model",
            detail=keras_message(error),
            help="a layer of your own needs `get_config`; `-o model.py` writes a script instead",
        ) from error
