"""Segments on JAX: Keras's own stateless step inside a `lax.while_loop`."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import keras
import numpy as np
from jax import lax
from jax import numpy as jnp

from kexp.data.order import Indices
from kexp.record.machine import free_memory_bytes
from kexp.train.engine.feed import Augmentation
from kexp.train.engine.interface import Kind, Portion

_LEAST_BYTES = 16 << 20
"""What the rows of a segment take at least, where there are so many."""

_STATE = ("trainable_variables", "non_trainable_variables", "optimizer_variables", "metrics_variables")
"""What a step on JAX takes and returns, by Keras's names; to test, there is no optimizer."""


class Jax:
    """JAX's side of the engine."""

    @property
    def gathers(self) -> bool:
        return str(_device().platform) != "cpu"

    def single_steps(self, model: keras.Model, is_augmented: bool) -> str | None:
        if is_augmented:
            return "`augment` changes each batch outside JAX"
        if not model.jit_compile:
            return "`jit_compile` is off"
        slow = next((layer for layer in model._flatten_layers() if _is_slow(layer)), None)
        if slow is not None and _device().platform == "cpu":
            return f"`{slow.name}` gains nothing in a loop of JAX's on a CPU"
        return None

    def put(self, parts: Any) -> Any:
        return keras.tree.map_structure(jnp.asarray, parts)

    def put_rows(self, parts: Any, most: int) -> Any:
        return keras.tree.map_structure(lambda array: _with_room(array, most), parts)

    def free_bytes(self) -> int:
        statistics = _device().memory_stats()
        if not statistics:
            return free_memory_bytes()
        return int(statistics["bytes_limit"]) - int(statistics["bytes_in_use"])

    def loop(
        self, model: keras.Model, kind: Kind, stops_at_nan: bool, augmentation: Augmentation | None
    ) -> "StepLoop":
        assert augmentation is None
        return StepLoop(model, kind, stops_at_nan)


def _is_slow(layer: keras.Layer) -> bool:
    """Tell convolutions, which are three times slower in a loop on a CPU, and layers that loop themselves."""
    return isinstance(layer, keras.layers.RNN) or "Conv" in type(layer).__name__


def _with_room(array: Any, most: int) -> Any:
    """Return an array with more rows, of one of few lengths up to `most`: each must be compiled for."""
    least = _LEAST_BYTES // max(1, array[:1].nbytes)
    room = min(most, max(least, 1 << (len(array) - 1).bit_length()))
    padded = np.empty((room, *array.shape[1:]), array.dtype)
    padded[: len(array)] = array
    return jnp.asarray(padded)


def _device() -> Any:
    """Return where JAX computes."""
    return jax.config.jax_default_device or jax.devices()[0]


class StepLoop:
    """Repeats a model's step in one call of one function, which takes the training's state and returns it.

    Steps of another batch size are another function: XLA must know the size.
    """

    epochs: Iterator[Any]

    def __init__(self, model: keras.Model, kind: Kind, stops_at_nan: bool) -> None:
        self.model, self.place, self.stops_at_nan = model, f"{kind}_function", stops_at_nan
        getattr(model, f"make_{kind}_function")(force=True)
        self.keras_function = getattr(model, self.place)
        setattr(model, self.place, self)
        self.step = getattr(model, f"{kind}_step")
        self.function = jax.jit(self._segment, static_argnames="size", donate_argnums=0)
        self.state: Any = None
        self.names = [name for name in _STATE if kind == "train" or name != "optimizer_variables"]

    def build(self, batch: Any) -> None:
        self.model._symbolic_build(data_batch=batch)

    def __call__(self, state: Any, iterator: Any) -> Any:
        """Run an epoch's segments; what a callback trains or measures by itself goes Keras's own way."""
        batch = next(iterator)
        if batch != ():
            return self.keras_function(state, iter((batch,)))
        self.state = state
        logs = next(self.epochs)
        state, self.state = self.state, None
        return logs, state

    @contextmanager
    def laid_open(self) -> Iterator[None]:
        """Do what Keras's own loop does with the state between two steps."""
        model, names = self.model, self.names
        model._jax_state = dict(zip(names, self.state, strict=True))
        yield
        if model._jax_state_synced:
            self.state = model._get_jax_state(**dict.fromkeys(names, True), purge_model_variables=True)
            model._jax_state_synced = False

    def close(self) -> None:
        setattr(self.model, self.place, self.keras_function)

    def run(self, portion: Portion) -> tuple[Any, int]:
        state, goes_on, ran = self.state, np.True_, []
        for first, last in _of_equal_sizes(portion.bounds):
            start, count = np.int32(portion.bounds[first]), np.int32(last - first)
            size = int(portion.bounds[first + 1] - start)
            steps, goes_on, state, logs = self.function(
                state, portion.data, portion.rows, start, count, goes_on, size=size
            )
            ran.append((steps, logs))
        self.state = state
        done = [int(steps) for steps, _ in ran]
        return ran[np.count_nonzero(done) - 1][1], sum(done)

    def _segment(
        self, state: Any, data: Any, rows: Any, start: Any, count: Any, goes_on: Any, *, size: int
    ) -> Any:
        """Do `count` steps from row `start` on while it `goes_on`; tell how many, and whether it does."""

        def batch(done: Any) -> Any:
            first = start + done * size
            if rows is None:
                return keras.tree.map_structure(
                    lambda column: lax.dynamic_slice_in_dim(column, first, size), data
                )
            taken = lax.dynamic_slice_in_dim(rows, first, size)
            return keras.tree.map_structure(
                lambda column: column.at[taken].get(mode="promise_in_bounds"), data
            )

        outputs, _ = jax.eval_shape(self.step, state, batch(0))
        loss = outputs.get("loss")
        is_watched = self.stops_at_nan and loss is not None and loss.shape == ()

        def is_left(carried: Any) -> Any:
            done, goes_on, *_ = carried
            return (done < count) & goes_on

        def once_more(carried: Any) -> Any:
            done, goes_on, before, _ = carried
            logs, after = self.step(before, batch(done))
            after = jax.tree.map(lambda new, old: new.astype(old.dtype), after, before)
            return done + 1, jnp.isfinite(logs["loss"]) if is_watched else goes_on, after, logs

        nothing = jax.tree.map(lambda output: jnp.zeros(output.shape, output.dtype), outputs)
        return lax.while_loop(is_left, once_more, (jnp.int32(0), goes_on, state, nothing))


def _of_equal_sizes(bounds: Indices) -> Iterator[tuple[int, int]]:
    """Cut steps where the size of a batch changes."""
    cuts = np.flatnonzero(np.diff(bounds, 2)) + 1
    yield from itertools.pairwise([0, *(int(cut) for cut in cuts), len(bounds) - 1])
