"""Measuring executes Keras's own evaluation: the same bits, and every row read once."""

from types import SimpleNamespace

import numpy as np
import pytest
from fakes import KERAS, machine

from kexp.data.lazy import LazyColumn
from kexp.protocols import Samples

pytestmark = KERAS

SIZE, BATCH = 83, 16


class Rows(LazyColumn):
    """An array that counts how often each of its rows was asked for."""

    def __init__(self, array):
        super().__init__(array.shape, array.dtype)
        self.array, self.counts = array, np.zeros(len(array), int)

    def read(self, rows):
        self.counts[rows] += 1
        return self.array[rows]


@pytest.fixture
def keras():
    machine()
    import keras

    return keras


def fed(model, weights=None, lazy=False):
    """Return what stands for an assembly, and samples for it."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(SIZE, 6)).astype("float32"), rng.integers(0, 3, SIZE)
    samples = Samples({"x": Rows(x) if lazy else x}, {"y": y}, weights)
    return (
        SimpleNamespace(model=model, inputs=lambda s: s.inputs["x"], labels=lambda s: s.targets["y"]),
        samples,
        (x, y),
    )


def classifier(keras, kind=None, **options):
    kind = kind or keras.Sequential
    model = kind([keras.Input((6,)), keras.layers.Dense(4), keras.layers.Dense(3, "softmax")])
    model.compile(
        "sgd",
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        weighted_metrics=["sparse_categorical_crossentropy"],
        **options,
    )
    return model


OPTIONS = [{}, {"steps_per_execution": 3}, {"jit_compile": True}, {"run_eagerly": True}]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_a_model_measures_what_keras_evaluates(keras, options, weighted):
    from kexp.train.measuring import measure

    if keras.backend.backend() == "torch" and options in OPTIONS[1:3]:
        pytest.skip("Keras's torch backend takes one step at a time, and torch compiles with warnings")
    weights = np.linspace(0.5, 2, SIZE, dtype="float32") if weighted else None
    assembly, samples, (x, y) = fed(classifier(keras, **options), weights)
    found = measure(assembly, samples, BATCH)
    given = {"batch_size": BATCH, "sample_weight": weights, "verbose": 0, "return_dict": True}

    assert found == assembly.model.evaluate(x, y, **given)
    assert next(iter(found)) == "loss"
    assert assembly.model.steps_per_execution == options.get("steps_per_execution", 1)


def test_a_loss_that_adds_up_its_batch_is_that_of_the_batches_asked_for(keras):
    from kexp.train.measuring import measure

    assembly, samples, (x, y) = fed(keras.Sequential([keras.Input((6,)), keras.layers.Dense(3, "softmax")]))
    assembly.model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(reduction="sum"))
    sizes = (BATCH, SIZE)
    small, large = (measure(assembly, samples, size)["loss"] for size in sizes)

    assert [small, large] == [assembly.model.evaluate(x, y, batch_size=n, verbose=0) for n in sizes]
    assert large > 4 * small


def test_steps_and_functions_of_a_model_s_own_are_kept(keras):
    from kexp.train.measuring import measure

    if keras.backend.backend() == "jax":
        pytest.skip("on JAX a step takes a state, too")

    class Steps(keras.Sequential):
        def test_step(self, data):
            return {"rows": keras.ops.shape(data[0])[0], **super().test_step(data)}

    class Functions(Steps):
        def make_test_function(self, force=False):
            self.made = True
            return super().make_test_function(force)

    for kind in (Steps, Functions):
        assembly, samples, _ = fed(classifier(keras, kind))
        assert measure(assembly, samples, BATCH)["rows"] == SIZE % BATCH
    assert assembly.model.made


def test_rows_are_read_once_and_a_stretch_at_a_time(keras, monkeypatch):
    from kexp.train.engine import streamed
    from kexp.train.measuring import measure

    monkeypatch.setattr(streamed, "MOST_BYTES", 3 * BATCH * 6 * 4)
    assembly, samples, (x, y) = fed(classifier(keras), lazy=True)
    found = measure(assembly, samples, BATCH)

    assert found == assembly.model.evaluate(x, y, batch_size=BATCH, verbose=0, return_dict=True)
    counts = samples.inputs["x"].counts
    assert set(counts[BATCH : -(SIZE % BATCH)]) == {1}
    assert counts.max() <= 2  # a backend may look at the first batch beforehand, and cut off a partial one
