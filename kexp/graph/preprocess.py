"""`preprocess`: columns of the data -> what the model sees, by layers that learn from the training split."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras.src.layers.merging.base_merge import Merge
from keras.src.layers.preprocessing.data_layer import DataLayer
from numpy.typing import NDArray

from kexp.diagnostics import Diagnostic
from kexp.errors import DataError, SpecError
from kexp.graph.beside import (
    BY_TENSORFLOW,
    arrays_elsewhere,
    called_on_tensorflow,
    on_tensorflow,
    tensorflow_beside,
)
from kexp.graph.calls import name_operations, spread
from kexp.graph.construct import complaint, keras_message
from kexp.graph.kinds import fitted, is_text, wants_whole
from kexp.protocols import DataInfo
from kexp.spec.pipelines import columns_taken, is_entry, taken_names
from kexp.spec.types import Component, Pipeline

Arrays = Mapping[str, NDArray[Any]]
_LARGEST = np.iinfo(np.int32).max


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """The layers of every entry of `preprocess`; `raw` is what the data is like before them."""

    raw: DataInfo = field(default_factory=lambda: DataInfo((), (), {}, {}, {}))
    pipelines: Mapping[str, Pipeline] = field(default_factory=dict)
    layers: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.pipelines)

    @property
    def targets(self) -> tuple[str, ...]:
        """The entries that are targets of the data."""
        inputs = {tensor.name for tensor in self.raw.inputs}
        targets = {tensor.name for tensor in self.raw.targets} - inputs
        return tuple(name for name in self.pipelines if name in targets and not self.pipelines[name].takes)

    @property
    def in_order(self) -> tuple[str, ...]:
        """The entries, each after those that it takes."""
        return tuple(dict.fromkeys(each for entry in self.pipelines for each in self.entries(entry)))

    def entries(self, entry: str) -> tuple[str, ...]:
        """Return an entry after those that it takes, and those that they take."""
        names = taken_names(entry, self.pipelines)
        others = [name for name in names if is_entry(name, entry, self.pipelines)]
        return tuple(dict.fromkeys([*(each for name in others for each in self.entries(name)), entry]))

    def columns(self, name: str) -> tuple[str, ...]:
        """Return the columns of the data that an entry is made of; a column is made of itself."""
        return columns_taken(name, self.pipelines) if name in self.pipelines else (name,)

    def compute(self, entry: str, columns: Arrays) -> NDArray[Any]:
        """Return an entry's values, rows by rows of the columns it is made of.

        Raises: SpecError (text-input, number-input, …), DataError (not-whole, unknown-term, …).
        """
        array = _plain(self.run(entry, columns), entry)
        if entry not in self.targets:
            return array
        sizes = next(tensor.shape for tensor in self.raw.targets if tensor.name == entry)
        return array.reshape(len(array), *(size or 0 for size in sizes))

    def run(self, entry: str, columns: Mapping[str, Any], stop: int | None = None) -> Any:
        """Run an entry's layers, or the first few, on arrays or on symbolic tensors."""
        pipeline, layers = self.pipelines[entry], self.layers[entry]
        first, path = pipeline.layers[0], f"preprocess.{entry}"
        names = taken_names(entry, self.pipelines)
        made = {name for name in names if is_entry(name, entry, self.pipelines)}
        given = [self.run(name, columns) if name in made else columns[name] for name in names]
        is_each = len(given) > 1 and _takes_several(first, layers[0])
        if not is_each:
            _check_alike(given, entry)
        for index, name in enumerate(names):
            if name not in made:
                given[index] = _column(given[index], name, first, path)
        value: Any = given if is_each else _side_by_side(given, entry)
        for component, layer in list(zip(pipeline.layers, layers, strict=True))[:stop]:
            with _refusals(component, entry):
                value = _called(layer, spread(layer, value) if isinstance(value, list) else [value])
        return value


def _called(layer: Any, values: Sequence[Any]) -> Any:
    """Call a layer: those that Keras made for data compute by TensorFlow, whatever the backend."""
    is_symbolic = any(isinstance(value, keras.KerasTensor) for value in keras.tree.flatten([*values]))
    if is_symbolic or not isinstance(layer, (DataLayer, *BY_TENSORFLOW)):
        return layer(*values)
    with on_tensorflow():
        return arrays_elsewhere(called_on_tensorflow(layer, *values))


def _takes_several(component: Component, layer: Any) -> bool:
    """Tell a layer that is given several columns one by one from one that is given them side by side."""
    return component.is_custom or isinstance(layer, (keras.layers.HashedCrossing, Merge))


def _column(value: Any, name: str, first: Component, path: str) -> Any:
    """Return a column as a layer takes it; single values get an axis, so that columns stand side by side."""
    if isinstance(value, np.ndarray):
        return fitted(value[:, None] if value.ndim == 1 else value, name, first, path)
    if not wants_whole(first) or not keras.backend.is_float_dtype(value.dtype):
        return value
    whole = keras.ops.cast(value, "int64")
    name_operations(whole, [value], f"{plain_letters(name)}_whole")
    return whole


def _check_alike(given: Sequence[Any], entry: str) -> None:
    """Refuse text beside numbers.

    Raises: SpecError (mixed-columns).
    """
    if len({is_text(value) for value in given}) > 1:
        message = "text and numbers cannot stand side by side"
        help = "give each an entry of its own, or cross them by `HashedCrossing`"
        raise SpecError(Diagnostic("mixed-columns", message, f"preprocess.{entry}.from", help=help))


def _side_by_side(given: Sequence[Any], entry: str) -> Any:
    if len(given) == 1:
        return given[0]
    with complaint(f"preprocess.{entry}.from", None, "these columns side by side"):
        if all(isinstance(value, np.ndarray) for value in given):
            return np.concatenate(given, axis=-1)
        if not any(isinstance(value, keras.KerasTensor) for value in given):
            return tensorflow_beside().concat(given, axis=-1)
        return keras.layers.Concatenate(name=f"{plain_letters(entry)}_side_by_side")(list(given))


@contextmanager
def _refusals(component: Component, entry: str) -> Iterator[None]:
    """Put Keras's complaint at the layer; a term that no vocabulary has is the data's fault."""
    try:
        with complaint(component.path, component.span, component.name):
            yield
    except SpecError as error:
        detail = keras_message(error.__cause__) if error.__cause__ is not None else ""
        if "found OOV values" not in detail:
            raise
        found = detail[detail.index("found OOV values") :].split("\n")[0]
        raise DataError(
            Diagnostic(
                "unknown-term",
                f"`{entry}` holds what the vocabulary of `{component.name}` does not have: {found}",
                component.path,
                component.span,
                help="`num_oov_indices: 1` makes one number of all that is unknown",
            )
        ) from None


def _plain(value: Any, entry: str) -> NDArray[Any]:
    """Return a result as numpy has it, in 32 bits.

    Raises: SpecError (not-an-array, still-text), DataError (too-large).
    """
    if type(value).__name__ in ("RaggedTensor", "SparseTensor"):
        message = f"`{entry}` becomes a {type(value).__name__}, and a model is fed with arrays"
        raise SpecError(
            Diagnostic("not-an-array", message, f"preprocess.{entry}", help="leave out `ragged` and `sparse`")
        )
    array = np.asarray(keras.ops.convert_to_numpy(value))
    if array.dtype.kind in "OSU":
        message = f"`{entry}` is still text after its layers"
        help = "end with a layer that makes numbers, such as `StringLookup`"
        raise SpecError(Diagnostic("still-text", message, f"preprocess.{entry}", help=help))
    if array.dtype == np.float64:
        return array.astype(np.float32)
    if array.dtype.kind in "iu" and array.dtype.itemsize > 4:
        if array.size and max(-int(array.min()), int(array.max())) > _LARGEST:
            message = f"`{entry}` holds {int(np.abs(array).max()):,}, more than 32 bits hold"
            raise DataError(Diagnostic("too-large", message, f"preprocess.{entry}"))
        return array.astype(np.int32)
    return array


def plain_letters(text: str) -> str:
    """Return a text in the letters that TensorFlow's scopes take."""
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in text).strip("_")
