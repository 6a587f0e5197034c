"""An experiment's model, built and compiled without training; without its data where the spec says enough."""

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
from keras.src.utils.naming import reset_uids

from kexp.errors import SpecError
from kexp.graph.assemble import assemble, context_of
from kexp.graph.build import build_model
from kexp.graph.compile import compile_model
from kexp.graph.construct import Context, keras_message
from kexp.protocols import DataInfo, TensorInfo
from kexp.spec.formula import names_in
from kexp.spec.phases import phases
from kexp.spec.types import Experiment, Formula, Port

_OF_THE_DATA = ("num_classes", "total_steps", "steps_per_epoch")


@dataclass(frozen=True, slots=True)
class Built:
    """A compiled model; `context` is what the spec's values refer to."""

    experiment: Experiment
    model: keras.Model
    context: Context


def declared(experiment: Experiment) -> tuple[TensorInfo, ...] | None:
    """Return the inputs as the spec declares them; None where the model can only be built on its data."""
    ports = experiment.graph.inputs if experiment.graph else None
    if ports is None or any(port.shape is None for port in ports):
        return None
    if any(names_in(text).intersection(_OF_THE_DATA) for text in _formulas(experiment)):
        return None
    return tuple(TensorInfo(port.column, _sizes(port), port.dtype) for port in ports)


def _sizes(port: Port) -> tuple[int | None, ...]:
    return tuple(size if isinstance(size, int) else None for size in port.shape or ())


def _formulas(value: Any) -> Iterator[str]:
    if isinstance(value, Formula):
        yield value.text
    elif isinstance(value, Mapping):
        yield from _formulas(tuple(value.values()))
    elif isinstance(value, tuple):
        for item in value:
            yield from _formulas(item)
    elif dataclasses.is_dataclass(value):
        yield from _formulas(tuple(getattr(value, f.name) for f in dataclasses.fields(value) if f.compare))


def build_declared(experiment: Experiment, inputs: tuple[TensorInfo, ...], folder: Path) -> Built:
    """Build and compile the model on its declared inputs.

    Raises: SpecError, each fault at its place in the spec.
    """
    reset_uids()
    info = DataInfo(inputs, (), {}, {}, {"train": 1})
    context = context_of(experiment, info, folder)
    model = build_model(experiment, info, context).model
    compile_model(model, phases(experiment)[-1].experiment, context)
    return Built(experiment, model, context)


def build_on(experiment: Experiment, info: DataInfo, folder: Path) -> Built:
    """Build and compile the model on what its data is like.

    Raises: SpecError, each fault at its place in the spec.
    """
    assembly = assemble(experiment, info, folder)
    return Built(experiment, assembly.model, assembly.context)


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
