"""Predictions in slices are Keras's own, and no slice is larger than was asked for."""

import numpy as np
import pytest
from fakes import KERAS, digits, machine

from kexp.data.lazy import LazyColumn

pytestmark = KERAS


class Rows(LazyColumn):
    """An array that remembers which of its rows were asked for."""

    def __init__(self, array):
        super().__init__(array.shape, array.dtype)
        self.array, self.asked = array, []

    def read(self, rows):
        self.asked.append((int(rows[0]), int(rows[-1]) + 1))
        return self.array[rows]


@pytest.fixture
def keras():
    machine()
    import keras

    return keras


@pytest.fixture
def model(keras):
    left, right = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    both = keras.layers.Dense(3)(keras.layers.BatchNormalization()(left * right))
    return keras.Model([left, right], {"sum": keras.layers.Dense(1)(both), "both": both})


@pytest.mark.parametrize("batch_size", [1, 7, 25, 100])
def test_slices_give_what_keras_predicts(model, batch_size):
    from kexp.evaluate.predicted import outputs_of

    rng = np.random.default_rng(0)
    x = tuple(rng.normal(size=(25, 4)).astype("float32") for _ in range(2))
    expected = model.predict(x, verbose=0)
    found = outputs_of(model, x, batch_size)

    assert [array.shape for array in found] == [expected[name].shape for name in ("both", "sum")]
    for name, array in zip(("both", "sum"), found, strict=True):
        np.testing.assert_allclose(array, expected[name], rtol=1e-5, atol=1e-6)


def test_rows_that_are_read_when_asked_for_are_read_a_slice_at_a_time(keras):
    from kexp.evaluate.predicted import outputs_of

    traced = []

    class Looking(keras.layers.Layer):
        def call(self, x):
            traced.append(x.shape)
            return x + 1

    model = keras.Sequential([keras.Input((2,)), Looking()])
    traced.clear()
    rows = Rows(np.arange(20, dtype="float32").reshape(10, 2))
    (found,) = outputs_of(model, rows, 4)

    np.testing.assert_array_equal(found, rows.array + 1)
    assert rows.asked == [(0, 4), (4, 8), (6, 10)]
    assert set(traced) == {(4, 2)}


def test_texts_are_predicted_as_they_are(keras):
    from kexp.evaluate.predicted import outputs_of

    if keras.backend.backend() != "tensorflow":
        pytest.skip("only TensorFlow has texts")
    words = keras.layers.StringLookup(vocabulary=["a", "b"])
    model = keras.Sequential([keras.Input((1,), dtype="string"), words])
    (found,) = outputs_of(model, np.array([["b"], ["c"], ["a"]], object), 2)

    assert found.tolist() == [[2], [0], [1]]


def rebuilt(text, folder):
    """Return what a run of a spec would be rebuilt as, without one."""
    machine()
    from kexp.document import parse_document
    from kexp.evaluate.rebuilt import Rebuilt
    from kexp.record.rundir import RunDir
    from kexp.spec.parse import parse_experiment
    from kexp.train.ready import make_ready

    ready = make_ready(parse_experiment(parse_document(text.encode(), "spec.yaml", folder)), folder)
    experiment = ready.phases[0].experiment
    return Rebuilt(RunDir(folder), experiment, ready.datasets.info, ready.assembly, folder)


@pytest.mark.parametrize(
    ("units", "batch_size", "rows"), [(8, 128, 4096), (8192, 128, 512), (8192, 1024, 1024)]
)
def test_as_many_rows_are_predicted_together_as_the_widest_layer_allows(units, batch_size, rows, tmp_path):
    from kexp.evaluate import rows_at_once

    text = digits().replace("units: 8", f"units: {units}").replace("size: 128", f"size: {batch_size}")
    assert rows_at_once(rebuilt(text, tmp_path)) == rows


OWN = """\
import keras


class Own(keras.Model):
    def __init__(self, **options):
        super().__init__(**options)
        self.dense = keras.layers.Dense(10)

    def call(self, x):
        return self.dense(x)
"""


def test_a_model_class_predicts_as_many_rows_as_it_trained_with(tmp_path):
    from kexp.evaluate import rows_at_once

    (tmp_path / "own.py").write_text(OWN)
    head, _, tail = digits().partition("  layers:\n")
    text = f"{head}  own.py:Own:\ntrain:{tail.partition('train:')[2]}"
    assert rows_at_once(rebuilt(text, tmp_path)) == 128
