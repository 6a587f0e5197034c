"""A model becomes a spec, and the spec builds an equal model."""

from pathlib import Path
from types import ModuleType

import pytest
from fakes import KERAS, machine

from kexp.custom import load_object
from kexp.document import parse_document
from kexp.errors import SpecError
from kexp.spec.catalogue import catalogue
from kexp.spec.parse import parse_experiment

pytestmark = KERAS

GOLDEN = Path(__file__).parents[1] / "golden" / "imports"


@pytest.fixture
def models() -> ModuleType:
    """Return `tests/models.py`, which needs Keras."""
    machine()
    import models

    return models


STRUCTURES = [
    *("several_inputs", "siamese", "states_and_masks", "attention", "operations", "decoder"),
    *("wrappers", "frozen_application", "unused_outputs", "normalized"),
]


@pytest.mark.parametrize("make", STRUCTURES)
def test_a_model_comes_back_equal(make, tmp_path, models):
    from kexp.graph.opened import open_keras_file

    model = getattr(models, make)()
    text, built = models.imported(model)
    models.check_equal(model, built)
    model.save(tmp_path / "m.keras")
    from_file, _ = models.imported(open_keras_file(tmp_path / "m.keras"))
    assert from_file == text


def comes_back(seed, models):
    model = models.Chance(seed).model()
    models.check_equal(model, models.imported(model)[1])


@pytest.mark.parametrize("seed", range(8))
def test_any_graph_comes_back_equal(seed, models):
    comes_back(seed, models)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [*range(8, 60), 288, 298])
def test_many_graphs_come_back_equal(seed, models):
    comes_back(seed, models)


def layers_of(text):
    return text.partition("  layers:\n")[2].partition("train:")[0]


@pytest.mark.parametrize("make", ["several_inputs", "siamese", "states_and_masks", "operations", "wrappers"])
def test_the_spec_reads_as_a_person_would_write_it(make, models, golden):
    golden(models.imported(getattr(models, make)(), "tickets")[0], GOLDEN / f"{make}.yaml")


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


def test_one_value_that_differs_in_a_row_is_a_list(models):
    keras = models.keras
    model = keras.Sequential([keras.Input((4,)), *(keras.layers.Dropout(rate) for rate in (0.1, 0.2, 0.4))])
    text, built = models.imported(model)
    models.check_equal(model, built)
    assert layers_of(text) == "    - Dropout: $rate\n      repeat: {rate: [0.1, 0.2, 0.4]}\n"


def test_a_block_is_called_what_its_author_called_it_and_may_take_a_mask_along(models):
    text, _ = models.imported(models.decoder())

    assert (
        text.split("y]}\n")[-1].split("blocks:\n")[1].split("train:")[0]
        == """\
  decoder:
    inputs: [x, mask]
    layers:
      - x, x, key_mask=mask -> MultiHeadAttention: {num_heads: 2, key_dim: 4}
      - x, prev -> Add
      - LayerNormalization -> norm
      - Dense: 16
      - Dense: 8
      - norm, prev -> Add
      - LayerNormalization
model:
  inputs: {x: [6, 8], seen: {shape: [6], dtype: bool}}
  layers:
    - x, seen -> decoder
    - prev, seen -> decoder
    - prev, seen -> decoder
"""
    )


def test_a_training_that_a_call_was_given_holds_in_the_spec(models):
    keras = models.keras
    x = keras.Input((4,), name="x")
    body = keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization()], name="body")
    y = keras.layers.Dropout(0.5)(body(x, training=False), training=True)
    text, built = models.imported(keras.Model(x, y))

    assert layers_of(text).count("training: false") == layers_of(text).count("training: true") == 1
    assert [layer.training for layer in built.layers if hasattr(layer, "training")] == [False, True]


# ---------------------------------------------------------------- what layers learnt


def test_what_a_layer_learnt_at_an_input_is_learnt_anew_and_elsewhere_taken_from_the_file(models):
    text, _ = models.imported(models.normalized())

    assert (
        layers_of(text)
        == """\
    - Normalization:
      adapt: true
    - model -> tower:
        layers:
          - Rescaling: 0.5
          - Normalization:
            weights: {from: m.keras, layer: tower/deep}
          - Dense: 3
    - x -> Reshape: [1, 4]
    - TimeDistributed: Normalization
      weights: {from: m.keras, layer: each}
    - Flatten
    - tower, prev -> Concatenate
    - Dense: 1
"""
    )


def test_a_vocabulary_and_the_bounds_of_bins_are_written_down(models):
    model = models.looked_up()
    text, built = models.imported(model)
    models.check_outputs(model, built)

    assert (
        layers_of(text)
        == """\
    - x -> IntegerLookup: {vocabulary: [5, 9, 4]}
    - CategoryEncoding -> branch: 5
    - y -> Discretization: [2.3333332538604736, 5.666666507720947]
    - CategoryEncoding: 3
    - branch, prev -> Concatenate
    - Dense: 2
"""
    )


def test_what_a_model_inside_a_wrapper_learnt_has_no_name_in_a_spec(models):
    keras = models.keras
    scale = keras.layers.Normalization()
    scale.adapt(models.np.array([[1.0], [2.0]]))
    x = keras.Input((3, 1))
    model = keras.Model(x, keras.layers.TimeDistributed(keras.Sequential([scale]), name="each")(x))
    with pytest.raises(SpecError) as refused:
        models.imported(model)
    assert str(refused.value) == (
        "error[hidden-statistics]: the layer `each`: "
        "a model inside it holds a mean and a variance that no spec can name\n"
        "help: give its `Normalization` `mean` and `variance` as arguments, and save the model anew"
    )


# ---------------------------------------------------------------- applications

HIDDEN = """\
kexp: 1
name: hidden
data: {source: npz, path: data.npz}
model:
  inputs: {x: [4]}
  layers:
    - keras.applications.convnext:LayerScale: {init_values: 0.5, projection_dim: 4}
train: {optimizer: sgd, loss: mse}
"""


def test_a_layer_that_keras_shows_nowhere_is_called_by_its_application(models):
    from kexp.export.built import build_declared, declared
    from kexp.export.script import script

    experiment = parse_experiment(parse_document(HIDDEN.encode(), "m.yaml", Path()))
    built = build_declared(experiment, declared(experiment), Path())
    assert built.model(models.np.ones((1, 4))).numpy().tolist() == [[0.5, 0.5, 0.5, 0.5]]
    assert layers_of(models.imported(built.model)[0]) == layers_of(HIDDEN)
    assert "from keras.src.applications.convnext import LayerScale" in script(built, Path()).decode()
    with pytest.raises(SpecError) as refused:
        load_object("keras.applications.convnext:LayerScales", Path())
    assert str(refused.value) == (
        "error[custom-name-missing]: `keras.applications.convnext` defines no `LayerScales`"
    )


APPLICATIONS = ["VGG16", "ResNet50", "MobileNetV2", "EfficientNetB0", "DenseNet121", "ConvNeXtTiny"]


@pytest.mark.parametrize("name", APPLICATIONS)
def test_an_application_comes_back_equal_and_reads_well(name, models, golden):
    models.keras.utils.clear_session()  # Keras counts the names that it gives
    model = getattr(models.keras.applications, name)(weights=None, input_shape=(64, 64, 3))
    text, built = models.imported(model, name)
    models.check_equal(model, built)
    golden(text, GOLDEN / f"{name}.yaml")


@pytest.mark.slow
@pytest.mark.parametrize("name", catalogue().names("applications"))
def test_every_application_comes_back_equal(name, models):
    model = getattr(models.keras.applications, name)(weights=None)
    text, built = models.imported(model)
    models.check_equal(model, built)
    assert text.count("\n") <= 170
