"""Segments on TensorFlow: Keras's own step inside a `tf.while_loop`."""

import itertools
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kexp.data.order import Indices
from kexp.record.machine import free_memory_bytes
from kexp.train.engine.feed import Augmentation
from kexp.train.engine.interface import Kind, Portion

_ROWS = tf.TensorSpec([None], tf.int64)
_THREE = tf.TensorSpec([3], tf.int64)


class TensorFlow:
    """TensorFlow's side of the engine."""

    gathers = True

    def single_steps(self, model: keras.Model, is_augmented: bool) -> str | None:
        return None

    def put(self, parts: Any) -> Any:
        # The tensor of an array keeps a second copy for numpy; its identity does not.
        return keras.tree.map_structure(lambda array: tf.identity(tf.convert_to_tensor(array)), parts)

    def put_rows(self, parts: Any, most: int) -> Any:
        return self.put(parts)

    def free_bytes(self) -> int:
        if not tf.config.get_visible_devices("GPU"):
            return free_memory_bytes()
        from tensorflow.python.client import device_lib

        limits = [d.memory_limit for d in device_lib.list_local_devices() if d.device_type == "GPU"]
        return int(limits[0]) - int(tf.config.experimental.get_memory_info("GPU:0")["current"])

    def loop(
        self, model: keras.Model, kind: Kind, stops_at_nan: bool, augmentation: Augmentation | None
    ) -> "StepLoop":
        return StepLoop(model, kind, stops_at_nan, augmentation)


class StepLoop:
    """Repeats a model's step in one call of one function.

    The size of a batch stays unknown to the graph, as it is to Keras's own: with a known one, TensorFlow
    folds constants (x / n becomes x * (1 / n)), and results differ in the last bits. XLA must know the size,
    so there a partial batch has a function of its own. Layers that augment stay out of XLA.
    """

    epochs: Iterator[Any]

    def __init__(
        self, model: keras.Model, kind: Kind, stops_at_nan: bool, augmentation: Augmentation | None
    ) -> None:
        self.model, self.place = model, f"{kind}_function"
        self.stops_at_nan, self.augmentation = stops_at_nan, augmentation
        self.is_static = bool(model.jit_compile) and augmentation is None
        getattr(model, f"make_{kind}_function")(force=True)
        self.keras_function = getattr(model, self.place)
        setattr(model, self.place, self)
        self.functions: dict[int | None, Any] = {}

    def build(self, batch: Any) -> None:
        """Make the variables of metrics and optimizer: where its first trace makes any, a step has two."""
        is_usual = type(self.model).train_step is keras.Model.train_step and self.augmentation is None
        if self.place == "train_function" and is_usual:
            self.model._symbolic_build(data_batch=batch)

    def __call__(self, iterator: Any) -> Any:
        """Run an epoch's segments; what a callback trains or measures by itself goes Keras's own way."""
        return next(iterator) if iterator is self.epochs else self.keras_function(iterator)

    def laid_open(self) -> AbstractContextManager[None]:
        return nullcontext()

    def close(self) -> None:
        setattr(self.model, self.place, self.keras_function)

    def run(self, portion: Portion) -> tuple[Any, int]:
        columns = keras.tree.flatten(portion.data)
        rows = tf.zeros([0], tf.int64) if portion.rows is None else portion.rows
        seed, epoch, first = portion.place
        done, logs = 0, None
        for bounds in self._stretches(portion.bounds):
            size = bounds[1] - bounds[0]
            function = self._function(portion, int(size) if self.is_static else None)
            span, place = (bounds[0], bounds[-1], size), (seed, epoch, first + done)
            steps, logs = function(columns, rows, tf.constant(span, tf.int64), tf.constant(place, tf.int64))
            done += int(steps)
            if steps < len(bounds) - 1:
                break
        return logs, done

    def _stretches(self, bounds: Indices) -> Iterator[Indices]:
        """Cut where a pass ends, so that only the last batch may be smaller; for XLA, so that none is."""
        changes = np.diff(bounds, 2)
        cuts = np.flatnonzero(changes if self.is_static else changes > 0) + 1
        for first, last in itertools.pairwise([0, *cuts, len(bounds) - 1]):
            yield bounds[first : last + 1]

    def _function(self, portion: Portion, known_size: int | None) -> Any:
        if known_size not in self.functions:
            self.functions[known_size] = self._compiled(portion, known_size)
        return self.functions[known_size]

    def _compiled(self, portion: Portion, known_size: int | None) -> Any:
        """Return the function that runs the steps of `rows[start:end]`; it tells how many it did."""
        columns = keras.tree.flatten(portion.data)
        nesting = keras.tree.map_structure(lambda column: 0, portion.data)
        outputs = self._outputs(portion, known_size)
        is_watched = self.stops_at_nan and _is_number(outputs.get("loss"))
        in_order = portion.rows is None

        def segment(columns: Any, rows: Any, span: Any, place: Any) -> Any:
            start, end, size = tf.unstack(span)
            seed, epoch, begun = tf.unstack(place)

            def goes_on(done: Any, logs: Any) -> Any:
                return (start + done * size < end) & (tf.math.is_finite(logs["loss"]) if is_watched else True)

            def step(done: Any, logs: Any) -> Any:
                first = start + done * size
                num_rows = known_size or tf.minimum(size, end - first)
                taken = first + tf.range(num_rows, dtype=tf.int64)
                taken = taken if in_order else tf.gather(rows, taken)
                batch = [tf.gather(column, taken) for column in columns]
                batch = keras.tree.pack_sequence_as(nesting, batch)
                return done + 1, self._step(batch, tf.stack([seed, epoch, begun + done]))

            nothing = tf.nest.map_structure(_zeros, outputs)
            shapes = tf.nest.map_structure(lambda spec: spec.shape, outputs)
            return tf.while_loop(
                goes_on, step, (tf.zeros([], tf.int64), nothing), (tf.TensorShape([]), shapes)
            )

        specs = [tf.TensorSpec([None, *column.shape[1:]], column.dtype) for column in columns]
        signature = [specs, _ROWS, _THREE, _THREE]
        function = tf.function(segment, signature, autograph=False, jit_compile=self.is_static)
        return function.get_concrete_function()  # it asks less of Python at each call

    def _outputs(self, portion: Portion, known_size: int | None) -> Any:
        """Return what a step will give: a loop must know it before it begins."""
        specs = keras.tree.map_structure(
            lambda column: tf.TensorSpec([known_size, *column.shape[1:]], column.dtype), portion.data
        )
        traced = tf.function(self._step, [specs, _THREE], autograph=False).get_concrete_function()
        return traced.structured_outputs

    def _step(self, batch: Any, place: Any) -> Any:
        if self.augmentation is not None:
            batch = self.augmentation(batch, place)
        return self.keras_function(iter((batch,)))


def _is_number(spec: tf.TensorSpec | None) -> bool:
    return spec is not None and spec.shape.rank == 0 and spec.dtype.is_floating


def _zeros(spec: tf.TensorSpec) -> Any:
    return tf.zeros([size or 0 for size in spec.shape], spec.dtype)
