"""Training batches changed at random, as a pure function of (seed, epoch, step)."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import keras
from keras.src.layers.preprocessing.data_layer import DataLayer
from keras.src.layers.preprocessing.image_preprocessing.base_image_preprocessing_layer import (
    BaseImagePreprocessingLayer,
)
from keras.src.utils.backend_utils import DynamicBackend

from kexp.graph.beside import tensorflow_beside
from kexp.graph.construct import Context, complaint
from kexp.graph.draws import Draws
from kexp.protocols import TensorInfo
from kexp.spec.types import Component

Role = Literal["images", "segmentation_masks", "labels"]
"""What a layer takes something for; the words are Keras's. Masks keep their numbers, labels are mixed."""


@dataclass(frozen=True, slots=True)
class Item:
    """One input or target that layers change: where it is in a batch, and what they take it for."""

    name: str
    places: tuple[tuple[int | str, ...], ...]
    role: Role
    tensor: TensorInfo


@dataclass(frozen=True, slots=True)
class Change:
    """Layers that change some items alike; the first item is what their random transforms are drawn for."""

    key: str
    items: tuple[Item, ...]
    components: tuple[Component, ...]
    layers: tuple[Any, ...]


class Augmentation:
    """Changes a batch, nested as `fit` takes it.

    Keras's layers run on TensorFlow whatever the backend, to the same bits, and it can trace them into
    what runs its steps. With a layer among them that knows one backend only, all run on that, eagerly.
    """

    def __init__(self, changes: Sequence[Change], context: Context) -> None:
        self.changes, self.context = changes, context
        is_portable = all(_is_portable(layer) for change in changes for layer in change.layers)
        self.backend = DynamicBackend("tensorflow" if is_portable else keras.backend.backend())
        self.draws = Draws(self.backend)
        self.compiled: Any = None

    @property
    def is_traceable(self) -> bool:
        return bool(self.backend.name == "tensorflow")

    def on_arrays(self, batch: Any, place: tuple[int, int, int]) -> Any:
        """Return a batch of arrays changed."""
        if not self.is_traceable:
            tensors = keras.tree.map_structure(keras.ops.convert_to_tensor, batch)
            return keras.tree.map_structure(keras.ops.convert_to_numpy, self(tensors, place))
        tf = tensorflow_beside()
        if self.compiled is None:
            self.compiled = tf.function(self.__call__, reduce_retracing=True, autograph=False)
        changed = self.compiled(batch, tf.constant(place, tf.int64))
        return keras.tree.map_structure(lambda tensor: tensor.numpy(), changed)

    def __call__(self, batch: Any, place: Any, /) -> Any:
        """Return a batch of tensors changed; `place` is (seed, epoch, step), whole numbers or a vector."""
        for change in self.changes:
            values = {item.name: _found(batch, item.places[0]) for item in change.items}
            changed = self.changed(change, values, place)
            for item in change.items:
                for path in item.places:
                    batch = _with(batch, path, changed[item.name])
        return batch

    def changed(self, change: Change, values: Mapping[str, Any], place: Any) -> dict[str, Any]:
        """Return the values of a change's items after all its layers."""
        before = dict(values)
        for number, (component, layer) in enumerate(zip(change.components, change.layers, strict=True)):
            first = change.items[0]
            label = f"{change.key}/{number}"
            after: dict[str, Any] = {}
            for item in change.items:
                with self._at(place, label, component, layer):
                    if item is first or item.role == "images":
                        after[item.name] = self._run(layer, {"images": before[item.name]})["images"]
                    else:
                        given = {"images": before[first.name], item.role: before[item.name]}
                        after[item.name] = self._run(layer, given)[item.role]
            before = after
        return {
            item.name: self._as_before(before[item.name], values[item.name], item) for item in change.items
        }

    @contextmanager
    def _at(self, place: Any, label: str, component: Component, layer: Any) -> Iterator[None]:
        """Let a layer draw what belongs to a place in the training; AugMix asks Python's `random`, too."""
        refused = complaint(component.path, component.span, component.name)
        with refused, self.draws.at(place, label, layer), self.context.seeded(label):
            yield

    def _run(self, layer: Any, values: dict[str, Any]) -> dict[str, Any]:
        """Run a layer on images alone, or on images with what belongs to them."""
        flat = set()
        if type(layer).__module__.startswith("keras."):
            values = {name: self._float(value) for name, value in values.items()}
        if isinstance(layer, BaseImagePreprocessingLayer):
            flat = {name for name, value in values.items() if len(value.shape) == 3 and name != "labels"}
            values = {name: value[..., None] if name in flat else value for name, value in values.items()}
        training = {"training": True} if getattr(layer, "_call_has_training_arg", False) else {}
        result = layer(values if len(values) > 1 else values["images"], **training)
        result = result if len(values) > 1 else {"images": result}
        return {name: value[..., 0] if name in flat else value for name, value in result.items()}

    def _float(self, value: Any) -> Any:
        """Return whole numbers as floats, in which Keras's layers turn and shift images."""
        return value if keras.backend.is_float_dtype(value.dtype) else self.backend.cast(value, "float32")

    def _as_before(self, after: Any, before: Any, item: Item) -> Any:
        """Give masks and labels their dtype back; whole numbers of an image may become fractions."""
        if item.role == "segmentation_masks":
            return self.backend.cast(after, keras.backend.standardize_dtype(before.dtype))
        return after


def _is_portable(layer: Any) -> bool:
    """Tell layers that Keras made to run in TensorFlow's graphs on every backend."""
    return isinstance(layer, DataLayer) and type(layer).__module__.startswith("keras.")


# ---------------------------------------------------------------- a batch, as `fit` nests it


def _found(batch: Any, path: Sequence[int | str]) -> Any:
    for key in path:
        batch = batch[key]
    return batch


def _with(batch: Any, path: Sequence[int | str], value: Any) -> Any:
    """Return the batch with another value at a path."""
    if not path:
        return value
    key, *rest = path
    inner = _with(batch[key], rest, value)
    if isinstance(batch, Mapping):
        return {**batch, key: inner}
    return tuple(inner if index == key else part for index, part in enumerate(batch))
