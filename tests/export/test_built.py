import json

import keras
import numpy as np
import pytest
from fakes import KERAS

from kexp.errors import SpecError

pytestmark = KERAS

SPEC = """\
kexp: 1
name: small
seed: 3
data: {{source: sklearn, dataset: digits}}
model: {model}
train: {{optimizer: {{Adam: 2e-3}}, loss: mse, metrics: [mae]}}
"""
CHAIN = "{inputs: {x: [4]}, layers: [{Dense: 3}, {Dense: 1}]}"


def test_a_keras_file_holds_the_compiled_model_with_its_initial_weights(build, tmp_path):
    from kexp.export.keras_file import keras_file

    built = build(SPEC.format(model=CHAIN))
    path = tmp_path / "model.keras"
    path.write_bytes(keras_file(built, tmp_path))
    loaded = keras.models.load_model(path)

    for expected, actual in zip(built.model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(expected, actual)
    assert (loaded.loss, float(loaded.optimizer.learning_rate)) == ("mse", pytest.approx(2e-3))


def test_a_json_file_holds_the_architecture(build, tmp_path):
    from kexp.export.json_file import json_file

    built = build(SPEC.format(model=CHAIN))
    text = json_file(built, tmp_path).decode()

    assert json.loads(text)["class_name"] == "Functional"
    assert keras.models.model_from_json(text).to_json(indent=2) == text.rstrip()


def test_the_same_spec_gives_the_same_weights_again(build):
    first, second = (build(SPEC.format(model=CHAIN)).model.get_weights() for _ in range(2))

    for expected, actual in zip(first, second, strict=True):
        np.testing.assert_array_equal(expected, actual)


@pytest.mark.parametrize(
    ("model", "is_declared"),
    [
        (CHAIN, True),
        ("{inputs: {x: [4, null]}, layers: [{Dense: $(dim(x) + 1)}]}", True),
        ("{layers: [{Dense: 1}]}", False),
        ("{inputs: {x: null}, layers: [{Dense: 1}]}", False),
        ("{inputs: {x: [64]}, layers: [{Dense: $num_classes}]}", False),
        (
            "{inputs: {x: [64]}, layers: [{Dense: {units: 1, bias_regularizer: {L2: $(1 / total_steps)}}}]}",
            False,
        ),
    ],
)
def test_the_data_is_read_only_where_the_spec_leaves_something_open(model, is_declared):
    from kexp.document import parse_document
    from kexp.export.built import declared
    from kexp.spec.parse import parse_experiment

    experiment = parse_experiment(parse_document(SPEC.format(model=model).encode(), "spec.yaml"))

    assert (declared(experiment) is not None) == is_declared


UNSAVED = """\
import keras


class Odd(keras.layers.Layer):
    def __init__(self, thing):
        super().__init__()
        self.thing = thing

    def call(self, x):
        return x
"""


def test_what_keras_cannot_save_is_said(build, tmp_path):
    from kexp.export.json_file import json_file

    (tmp_path / "odd.py").write_text(UNSAVED)
    built = build(SPEC.format(model='{inputs: {x: [4]}, layers: [{Dense: 1}, {"odd.py:Odd": [1]}]}'))
    built.model.layers[-1].get_config = lambda: {}["what is missing"]
    with pytest.raises(SpecError) as refusal:
        json_file(built, tmp_path)

    assert str(refusal.value).splitlines()[:2] == [
        "error[not-saved]: Keras cannot save `small`",
        "  --> model",
    ]
