import numpy as np
import pytest
from fakes import KERAS, experiment, info

pytestmark = KERAS

TWO = """
  inputs: {x: [4]}
  layers:
    - Dense -> body: 3
    - Dense -> a: 1
    - body -> Dense -> b: {units: 1, kernel_regularizer: REGULARIZER}
  outputs: [a, b]
"""
PLAIN = TWO.replace("REGULARIZER", "null")
NESTED = """
  inputs: {x: [4]}
  layers:
    - model -> a, b:
        layers:
          - Dense -> body: 3
          - Dense -> p: 1
          - body -> Dense -> q: 1
        outputs: [p, q]
      call: {training: true}
  outputs: {a: a, b: b}
"""
CUT = """
  inputs: {x: [4]}
  layers:
    - Dense -> body: 3
    - expr: stop_gradient(body)
    - Dense -> a: 1
    - body -> Dense -> b: 1
  outputs: [a, b]
"""


@pytest.fixture
def fit(build):
    """Train one step as the spec says; warnings are errors."""
    from kexp.graph.gradients import without_echoes
    from kexp.protocols import Samples

    def fitted(model, loss="{a: mse, b: null}", metrics="{a: [mae]}", targets=("a",)):
        train = f"{{optimizer: sgd, loss: {loss}, metrics: {metrics}}}"
        assembly = build(model, info({"x": (4,)}, {name: (1,) for name in targets}), train=train)
        arrays = {name: np.ones((4, 1), "float32") for name in targets}
        samples = Samples({"x": np.ones((4, 4), "float32")}, arrays)
        with without_echoes(assembly.model, experiment(model, train).train):
            assembly.model.fit(assembly.inputs(samples), assembly.labels(samples), verbose=0)
        return [*assembly.model.get_metrics_result()]

    return fitted


@pytest.mark.parametrize(
    "model",
    [PLAIN, TWO.replace("REGULARIZER", "{L2: 1e-3}"), PLAIN.replace("[a, b]", "{a: a, b: b}"), NESTED],
    ids=["list", "regularized", "map", "nested"],
)
def test_an_output_without_a_loss_trains_without_a_warning(fit, model):
    assert fit(model) == ["loss", "a_mae"]


@pytest.mark.parametrize(
    ("model", "loss"),
    [(CUT, "{a: mse, b: null}"), (CUT.replace("body -> Dense -> b", "Dense -> b"), "{a: mse, b: mse}")],
)
def test_a_gradient_that_is_missing_for_another_reason_is_still_warned_of(fit, model, loss):
    with pytest.warns(
        UserWarning, match=r"Gradients do not exist for variables \['body/kernel', 'body/bias'"
    ):
        fit(model, loss, targets=("a", "b"))


def test_metrics_of_an_output_without_a_loss_need_labels(fit):
    from kexp.errors import SpecError

    assert fit(PLAIN, metrics="{b: [mae]}", targets=("a", "b")) == ["loss", "b_mae"]
    with pytest.raises(SpecError) as caught:
        fit(PLAIN, metrics="{b: [mae]}")
    assert [(d.id, d.message) for d in caught.value.diagnostics] == [
        ("missing-target", "the output `b` has metrics, and the data has no target of that name")
    ]
