"""A model becomes a spec, and the spec builds an equal model."""

from types import ModuleType

import pytest
from fakes import KERAS, machine

from kexp.custom import load_object
from kexp.errors import NotFound, SpecError
from kexp.spec.canonical import canonical
from kexp.spec.catalogue import catalogue

pytestmark = KERAS


@pytest.fixture
def models() -> ModuleType:
    """Return `tests/models.py`, which needs Keras."""
    machine()
    import models

    return models


SEVERAL_INPUTS = """\
kexp: 1
name: tickets
data: {source: npz, path: data.npz, x: [title, body, age], y: [priority, department]}
model:
  inputs: {title: {shape: [20], dtype: int32}, body: {shape: [30], dtype: int32}, age: [1]}
  layers:
    - title -> Embedding -> words: {input_dim: 50, output_dim: 8}
    - GlobalAveragePooling1D -> branch
    - body -> reuse: words
    - Bidirectional: {LSTM: 6}
    - branch, prev, age -> Concatenate
    - Dense -> features: {units: 16, activation: relu, kernel_regularizer: {L2: 0.0001}}
    - Dense -> priority: {units: 1, activation: sigmoid}
    - features -> Dense -> department: {units: 4, activation: softmax}
  outputs: [priority, department]
train:
  optimizer: {AdamW: 0.003}
  loss: {priority: binary_crossentropy, department: SparseCategoricalCrossentropy}
  metrics: {priority: [AUC], department: [accuracy]}
  loss_weights: {priority: 1.0, department: 0.5}
"""


SIAMESE = """\
kexp: 1
name: tickets
data: {source: npz, path: data.npz, x: [left, right]}
model:
  inputs: {left: [8, 8, 1], right: [8, 8, 1]}
  layers:
    - left -> model -> tower:
        layers:
          - Conv2D: {filters: 4, kernel_size: 3}
          - Flatten
          - Dense: 6
    - right -> reuse: tower
    - expr: absolute(tower - prev)
    - Dense: 1
train:
  optimizer: adam
  loss: mean_squared_error
"""


STRUCTURES = [
    *("several_inputs", "siamese", "states_and_masks", "attention", "operations"),
    *("wrappers", "frozen_application", "unused_outputs"),
]


@pytest.mark.parametrize("make", STRUCTURES)
def test_a_model_comes_back_equal(make, tmp_path, models):
    from kexp.graph.imports import load_keras_file

    model = getattr(models, make)()
    text, built = models.imported(model)
    models.check_equal(model, built)
    model.save(tmp_path / "m.keras")
    from_file, _ = models.imported(load_keras_file(tmp_path / "m.keras").model)
    assert from_file.partition("train:")[0] == text.partition("train:")[0]


@pytest.mark.parametrize(("make", "text"), [("several_inputs", SEVERAL_INPUTS), ("siamese", SIAMESE)])
def test_the_spec_reads_as_a_person_would_write_it(make, text, models):
    assert models.imported(getattr(models, make)(), "tickets")[0] == text


def test_equal_calls_in_a_row_are_repeated_and_what_differs_is_a_parameter(models):
    text, _ = models.imported(models.stages())

    assert (
        text.split("data.npz}\n")[1].split("train:")[0]
        == """\
blocks:
  projected:
    params: {filters: null}
    layers:
      - Conv2D -> shortcut: {filters: $filters, kernel_size: 1}
      - input -> Conv2D: {filters: $filters, kernel_size: 3, padding: same, activation: relu}
      - Conv2D: {filters: $filters, kernel_size: 3, padding: same}
      - BatchNormalization
      - shortcut, prev -> Add
model:
  inputs: {image: [8, 8, 3]}
  layers:
    - projected: 8
      repeat: 4
    - projected: 16
    - projected: 16
"""
    )


# ---------------------------------------------------------------- applications

SMALL = {
    "ResNet50": (64, 60),
    "MobileNetV2": (64, 65),
    "EfficientNetB0": (64, 80),
    "MobileNetV3Small": (64, 95),
    "ConvNeXtTiny": (64, 60),
    "NASNetMobile": (224, 170),
}
"""The side of the image, and how many lines the spec may have at most."""


@pytest.mark.parametrize("name", SMALL)
def test_an_application_comes_back_equal_and_short(name, models):
    size, most_lines = SMALL[name]
    model = getattr(models.keras.applications, name)(weights=None, input_shape=(size, size, 3))
    text, built = models.imported(model)
    models.check_equal(model, built)
    assert text.count("\n") <= most_lines


@pytest.mark.slow
@pytest.mark.parametrize("name", catalogue().names("applications"))
def test_every_application_comes_back_equal(name, models):
    model = getattr(models.keras.applications, name)(weights=None)
    text, built = models.imported(model)
    models.check_equal(model, built)
    assert text.count("\n") <= 200


# ---------------------------------------------------------------- refusals


def test_a_missing_file_and_a_file_of_another_kind_are_refused(tmp_path, models):
    from kexp.graph.imports import load_keras_file

    with pytest.raises(NotFound) as missing:
        load_keras_file(tmp_path / "m.keras")
    assert str(missing.value) == f"error[model-not-found]: there is no model at `{tmp_path / 'm.keras'}`"

    (tmp_path / "m.keras").write_text("no zip")
    with pytest.raises(SpecError) as foreign:
        load_keras_file(tmp_path / "m.keras")
    assert (
        str(foreign.value)
        == """\
error[not-a-keras-file]: `m.keras` is not a file in Keras's own format
help: save the model by `model.save("name.keras")`"""
    )


def test_a_lambda_layer_is_refused_in_a_file_and_in_memory(tmp_path, models):
    from kexp.graph.imports import experiment_of, load_keras_file

    model = models.doubling()
    model.save(tmp_path / "m.keras")
    with pytest.raises(SpecError) as in_file:
        load_keras_file(tmp_path / "m.keras")
    assert (
        str(in_file.value)
        == """\
error[lambda-layer]: the layer `twice` is a `Lambda`, whose code a file must not bring along
help: replace it by a class of your own or by `keras.ops`, and save the model anew"""
    )
    with pytest.raises(SpecError) as in_memory:
        experiment_of(model, "m")
    assert (
        str(in_memory.value)
        == """\
error[lambda-layer]: the layer `twice`: a `Lambda` layer holds code that its config does not
help: write the function as `file.py:name`, or as an `expr` step"""
    )


OWN = """
import keras

class Scale(keras.layers.Layer):
    def __init__(self, by=1.0, **options):
        super().__init__(**options)
        self.by = by

    def call(self, x):
        return x * self.by

    def get_config(self):
        return {**super().get_config(), "by": self.by}
"""


def test_a_layer_of_the_users_own_needs_the_file_that_defines_it(tmp_path, models):
    from kexp.graph.imports import experiment_of, load_keras_file

    (tmp_path / "own.py").write_text(OWN)
    x = models.keras.Input((3,))
    double = load_object("own.py:Scale", tmp_path)(2.0, name="double")
    models.keras.Model(x, double(x)).save(tmp_path / "m.keras")

    with pytest.raises(SpecError) as refused:
        load_keras_file(tmp_path / "m.keras")
    assert (
        str(refused.value)
        == """\
error[unknown-class]: the layer `double` is of the class `Scale`, which is not one of Keras's
help: name the file that defines it by `--code`; the spec calls it `file.py:Scale`"""
    )
    model = load_keras_file(tmp_path / "m.keras", tmp_path / "own.py").model
    assert "- own.py:Scale: {by: 2.0}\n" in canonical(experiment_of(model, "m"), short=True)


def test_a_model_class_with_its_own_call_is_no_graph(models):
    from kexp.graph.imports import experiment_of

    with pytest.raises(SpecError) as refused:
        experiment_of(models.Own(), "m")
    assert (
        str(refused.value)
        == """\
error[not-a-graph]: `Own` is a model class with a `call` of its own, and a spec holds graphs
help: write the class as `file.py:Name`, and import the Functional models inside it"""
    )
