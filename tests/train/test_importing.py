import subprocess
import sys

import pytest

from kexp.train.importing import Late

pytestmark = pytest.mark.xdist_group("cli")

CODE = """\
import gc, sys
from kexp.train.importing import import_keras

import_keras("tensorflow")
late = {"jax", "pandas", "sklearn", "tensorflow.python.eager.test"} & {*sys.modules}
left = [type(finder).__name__ for finder in sys.meta_path if "Late" in type(finder).__name__]
print(gc.isenabled(), left, sorted(late))

import keras, numpy as np, pandas as pd, tensorflow as tf
from keras.src.trainers.data_adapters.array_slicing import can_slice_array

print(can_slice_array(pd.DataFrame({"a": [1.0]})), can_slice_array([1.0]))
print(keras.wrappers.SKLearnClassifier.__module__, dir(keras.wrappers)[-1], "sklearn" in sys.modules)
print(tf.compat.v1.placeholder.__name__, tf.lite.TFLiteConverter.__name__, tf.test.TestCase.__name__)
model = keras.Sequential([keras.layers.Dense(1, kernel_initializer="zeros")])
model.compile("sgd", "mse")
print(model.fit(pd.DataFrame({"a": [1.0, 2.0]}), pd.Series([1.0, 1.0]), verbose=0).history)
try:
    keras.wrappers.Nothing
except AttributeError as error:
    print(error)
"""


def test_what_is_left_out_comes_when_it_is_asked_for():
    pytest.importorskip("pandas", reason="pandas is one of what is left out")
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)

    assert done.stdout.splitlines() == [
        "True [] []",
        "True False",
        "keras.src.wrappers.sklearn_wrapper __spec__ True",
        "placeholder TFLiteConverterV2 TensorFlowTestCase",
        "{'loss': [1.0]}",
        "module 'keras.wrappers' has no attribute 'Nothing'",
    ], done.stderr


def test_nothing_is_an_instance_of_what_was_never_imported(monkeypatch):
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)

    assert not isinstance(3, Late("colorsys").anything)
    assert "colorsys" not in sys.modules


def test_a_stand_in_imports_what_it_stands_for_when_it_is_called(monkeypatch):
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)

    assert Late("colorsys").rgb_to_hsv(1.0, 0.0, 0.0) == (0.0, 1.0, 1.0)
    assert isinstance(1.5, Late("builtins").float)


def test_a_stand_in_has_no_names_that_python_asks_for():
    assert not hasattr(Late("wave"), "__path__")
