from textwrap import dedent

import numpy as np
import pytest
from fakes import KERAS, experiment, info

from kexp.errors import SpecError

pytestmark = KERAS

CODE = """
import keras


class Scaled(keras.layers.Layer):
    def __init__(self, factor, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.factor, self.seed = factor, seed

    def call(self, inputs):
        return inputs * self.factor


class Blend(keras.layers.Layer):
    def call(self, mean, spread):
        return mean + spread


def halved(x):
    return x / 2


def added(a, b):
    return a + b


def distance(y_true, y_pred):
    return keras.ops.mean(keras.ops.abs(y_true - y_pred), axis=-1)


def tower(units):
    return keras.Sequential([keras.layers.Dense(units), keras.layers.ReLU()])


class Noted(keras.callbacks.Callback):
    def __init__(self, word):
        super().__init__()
        self.word = word


class Biggest(keras.metrics.Metric):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.total = self.add_variable((), "zeros", name="total")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.total.assign(keras.ops.maximum(self.total, keras.ops.max(y_pred)))

    def result(self):
        return self.total


def broken(size):
    return [1, 2][size]
"""


@pytest.fixture
def code(tmp_path):
    (tmp_path / "own.py").write_text(CODE)
    return tmp_path


def kernels(model):
    return {
        layer.name: [np.asarray(w) for w in layer.weights if w.ndim > 1]
        for layer in model.layers
        if layer.weights
    }


def test_custom_layers_functions_and_models_stand_where_layers_do(build, code):
    text = """
  layers:
    - own.py:Scaled -> scaled: 3.0
    - own.py:halved
    - own.py:tower -> tower: {units: 4}
    - tower, scaled -> own.py:Blend -> blended
    - tower, blended -> own.py:added
    - Dense: 1
"""
    model = build(text, info({"x": (4,)})).model

    assert model.get_layer("scaled").factor == 3.0
    assert model.get_layer("scaled").seed is not None
    assert model.get_layer("blended").output.shape == (None, 4)
    assert model(np.ones((2, 4), "float32")).shape == (2, 1)


def test_a_custom_loss_is_passed_and_a_custom_metric_constructed(build, code):
    train = '{optimizer: sgd, loss: "own.py:distance", metrics: ["own.py:Biggest", "own.py:distance"]}'
    names = []
    for _ in range(2):
        model = build("{layers: [{Dense: 1}]}", info({"x": (4,)}), train=train).model
        model.evaluate(np.ones((2, 4), "float32"), np.ones((2, 1), "float32"), verbose=0)
        names.append([*model.get_metrics_result()])

    assert names == [["loss", "biggest", "distance"]] * 2


def test_a_custom_callback_gets_its_first_argument(build, code):
    from kexp.graph.construct import construct

    train = '{optimizer: sgd, loss: mse, callbacks: [{"own.py:Noted": aloud}]}'
    context = build("{layers: [{Dense: 1}]}", info({"x": (4,)})).context
    (component,) = experiment("{layers: [{Dense: 1}]}", train).train.callbacks

    assert construct(component, context).word == "aloud"


def test_what_custom_code_raises_is_shown_with_its_own_lines_only(build, code):
    with pytest.raises(SpecError) as caught:
        build('{layers: [{"own.py:broken": {size: 7}}, {Dense: 1}]}', info({"x": (4,)}))
    line = CODE.splitlines().index("    return [1, 2][size]") + 1
    assert str(caught.value) == dedent(f"""\
        error[custom-refused]: `own.py:broken` raised IndexError
         --> spec.yaml:5:20  (model.layers[0].own.py:broken)
          |
        5 | model: {{layers: [{{"own.py:broken": {{size: 7}}}}, {{Dense: 1}}]}}
          |                    ^^^^^^^^^^^^^
            File "own.py", line {line}, in broken
              return [1, 2][size]
          IndexError: list index out of range""")


def test_a_custom_name_that_is_not_there_is_refused_at_the_step(build, code):
    with pytest.raises(SpecError) as caught:
        build('{layers: ["own.py:Scale", {Dense: 1}]}', info({"x": (4,)}))
    assert str(caught.value) == dedent("""\
        error[custom-name-missing]: `own.py` defines no `Scale`
         --> spec.yaml:5:19  (model.layers[0].own.py:Scale)
          |
        5 | model: {layers: ["own.py:Scale", {Dense: 1}]}
          |                   ^^^^^^^^^^^^
        help: did you mean `Scaled`?""")


def test_objects_are_constructed_to_any_depth(build):
    text = """
  layers:
    - Dense:
        units: 3
        kernel_regularizer: {L2: 1e-4}
        kernel_initializer: {VarianceScaling: {scale: 2.0, mode: fan_out}}
        kernel_constraint: {MaxNorm: 2.0}
    - Dense: 1
"""
    rate = "{CosineDecay: {initial_learning_rate: 0.1, decay_steps: $total_steps}}"
    train = f"{{optimizer: {{Adam: {{learning_rate: {rate}}}}}, loss: mse, epochs: 3, batch_size: 10}}"
    model = build(text, info({"x": (4,)}), train=train).model

    dense = model.get_layer("dense")
    assert (
        float(dense.kernel_regularizer.l2),
        dense.kernel_initializer.scale,
        dense.kernel_constraint.max_value,
    ) == (
        np.float32(1e-4),
        2.0,
        2.0,
    )
    assert model.optimizer._learning_rate.decay_steps == 30


def test_weights_hang_on_names_and_seed_and_not_on_the_place_of_a_layer(build):
    def built(layers, seed=1):
        return build(f"{{layers: [{layers}, {{Dense -> c: 1}}]}}", info({"x": (4,)}), seed=seed).model

    first = built("{Dense -> a: 4}, {Dense -> b: 4}")
    moved = built("{Dense -> b: 4}, {Dropout: 0.1}, {Dense -> a: 4}")
    other = built("{Dense -> a: 4}, {Dense -> b: 4}", seed=2)

    for name in "abc":
        np.testing.assert_array_equal(kernels(first)[name][0], kernels(moved)[name][0])
        assert not np.array_equal(kernels(first)[name][0], kernels(other)[name][0])
    assert not np.array_equal(kernels(first)["a"][0], kernels(first)["b"][0])


def test_the_kernels_inside_one_layer_differ(build):
    text = """
  inputs: {x: [5, 8]}
  layers:
    - x, x -> MultiHeadAttention -> mixed: {num_heads: 2, key_dim: 4}
    - Bidirectional -> both: {LSTM: 3}
    - Dense: 1
"""
    model = build(text, info({"x": (5, 8)})).model

    attention, both = model.get_layer("mixed"), model.get_layer("both")
    assert not np.array_equal(attention.query_dense.kernel, attention.key_dense.kernel)
    forward, backward = both.forward_layer.cell.kernel, both.backward_layer.cell.kernel
    assert not np.array_equal(forward, backward)


def test_a_random_layer_has_a_seed_of_its_name_unless_the_spec_gives_one(build):
    dropouts = "{Dropout -> a: 0.1}, {Dropout -> b: {rate: 0.1, seed: 5}}, {Dropout -> c: 0.1}"
    text = f"{{layers: [{dropouts}, {{Dense: 1}}]}}"
    first = build(text, info({"x": (4,)})).model
    again = build(text, info({"x": (4,)})).model

    seeds = [[model.get_layer(name).seed for name in "abc"] for model in (first, again)]
    assert seeds[0] == seeds[1]
    assert seeds[0][1] == 5
    assert len(set(seeds[0])) == 3


def test_initial_weights_are_these(build):
    """They change only when the derivation of seeds does, or the draws, which changes every run."""
    model = build("{layers: [{Dense -> a: 2}]}", info({"x": (1,)}, {"y": (2,)})).model

    np.testing.assert_array_equal(kernels(model)["a"][0], np.array([PINNED], "float32"))


PINNED = [-0.3811948299407959, -0.05243182182312012]


def test_a_layer_of_the_model_reads_its_vocabulary_from_beside_the_spec(build, code):
    (code / "ids.txt").write_text("7\n5\n")
    ids = info({"x": (1,)}, dtype="int64")
    model = build("{layers: [{IntegerLookup: {vocabulary: ids.txt}}]}", ids).model

    assert model(np.array([[5], [7], [9]])).numpy().tolist() == [[2], [1], [0]]
