import numpy as np
import pytest
from fakes import KERAS, experiment, info

from kexp.errors import SpecError

pytestmark = KERAS

TWO = """
  layers:
    - Dense -> a: {units: 1, activation: sigmoid}
    - Dense -> b: {units: 1, activation: sigmoid}
  outputs: [a, b]
"""


def metric_names(model):
    x = np.ones((4, *model.input_shape[1:]), "float32")
    y = [np.zeros((4, 1), "float32") for _ in model.outputs]
    model.evaluate(x, y if len(y) > 1 else y[0], verbose=0)
    return [*model.get_metrics_result()]


def test_metrics_without_a_name_are_called_after_their_class_and_counted_within_the_spec(build):
    metrics = "metrics: [AUC, {AUC: {curve: PR}}, mae, {AUC: {name: mine}}], weighted_metrics: [AUC]"
    train = f"{{optimizer: sgd, loss: mse, {metrics}}}"
    names = [
        metric_names(
            build(
                "{layers: [{Dense: {units: 1, activation: sigmoid}}]}", info({"x": (4,)}), train=train
            ).model
        )
        for _ in range(2)
    ]

    assert names == [["loss", "auc", "auc_1", "mae", "mine", "auc_2"]] * 2


def test_metrics_of_one_output_are_counted_on_their_own(build):
    train = "{optimizer: sgd, loss: {a: mse, b: mse}, metrics: {a: [AUC, {AUC: {curve: PR}}], b: [AUC]}}"
    model = build(TWO, info({"x": (4,)}, {"a": (1,), "b": (1,)}), train=train).model

    assert metric_names(model) == ["loss", "a_auc", "a_auc_1", "b_auc", "a_loss", "b_loss"]


@pytest.mark.filterwarnings("ignore:Gradients do not exist for variables")
def test_an_output_without_a_loss_needs_no_labels(build):
    from kexp.protocols import Samples

    train = "{optimizer: sgd, loss: {a: mse, b: null}}"
    assembly = build(TWO, info({"x": (4,)}, {"a": (1,)}), train=train)
    samples = Samples({"x": np.ones((4, 4), "float32")}, {"a": np.ones((4, 1), "float32")})

    assembly.model.fit(assembly.inputs(samples), assembly.labels(samples), verbose=0)
    assert [name for name, target in assembly.targets.items() if target is None] == ["b"]


def test_loss_weights_and_steps_per_execution_reach_keras(build):
    train = "{optimizer: sgd, loss: {a: mse, b: mse}, loss_weights: {a: 1.0, b: 0.25}}"
    model = build(TWO, info({"x": (4,)}, {"a": (1,), "b": (1,)}), train=train).model

    assert model.compiled and model.get_compile_config()["loss_weights"] == {"a": 1.0, "b": 0.25}


def test_a_second_compile_without_metrics_has_none(build):
    from kexp.graph.compile import compile_model

    text = "{layers: [{Dense: 1}]}"
    assembly = build(text, info({"x": (4,)}), train="{optimizer: sgd, loss: mse, metrics: [mae]}")
    compile_model(assembly.model, experiment(text), assembly.context)

    assert metric_names(assembly.model) == ["loss"]


def test_an_optimizer_that_keras_refuses_is_refused_at_its_place(build):
    with pytest.raises(SpecError) as caught:
        train = "{optimizer: {SGD: {clipnorm: 1, clipvalue: 1}}, loss: mse}"
        build("{layers: [{Dense: 1}]}", info({"x": (4,)}), train=train)
    assert str(caught.value) == (
        "error[keras-refused]: Keras refuses `SGD`\n"
        " --> spec.yaml:6:21  (train.optimizer.SGD)\n"
        "  |\n"
        "6 | train: {optimizer: {SGD: {clipnorm: 1, clipvalue: 1}}, loss: mse}\n"
        "  |                     ^^^\n"
        "  Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set. Received: clipnorm=1, "
        "clipvalue=1, global_clipnorm=None"
    )
