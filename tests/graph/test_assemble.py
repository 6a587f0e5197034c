import numpy as np
import pytest
from fakes import KERAS, experiment, info

pytestmark = KERAS


@pytest.mark.parametrize(
    ("train", "steps", "total"),
    [
        ("{optimizer: sgd, loss: mse}", 4, 4),
        ("{optimizer: sgd, loss: mse, batch_size: 30, epochs: 3}", 4, 12),
        ("{optimizer: sgd, loss: mse, batch_size: 50, epochs: 2, steps_per_epoch: 7}", 7, 14),
    ],
)
def test_values_known_by_themselves_are_counted_from_data_and_training(build, train, steps, total):
    data = info({"x": (4,)}, {"y": ()}, {"y": 6})
    context = build("{layers: [{Dense: 1}]}", data, train=train).context

    assert context.values == {
        "seed": 1,
        "steps_per_epoch": steps,
        "total_steps": total,
        "num_classes": 6,
        "num_features": 4,
    }


def test_values_that_several_targets_or_inputs_leave_open_are_not_known(build):
    from kexp.graph.assemble import known_values

    data = info({"x": (4,), "z": (2,)}, {"a": (), "b": ()}, {"a": 6, "b": 2})
    values = known_values(experiment("{inputs: {x: [4]}, layers: [{Dense: 1}]}"), data)

    assert set(values) == {"seed", "steps_per_epoch", "total_steps"}


def test_inputs_are_fed_in_the_model_s_order_and_a_single_one_alone(build):
    from kexp.protocols import Samples

    text = '{inputs: {right: [3], left: [2]}, layers: [{"left, right -> Concatenate": null}, {Dense: 1}]}'
    pair = build(text, info({"left": (2,), "right": (3,)}))
    single = build("{layers: [{Dense: 1}]}", info({"x": (2,)}))
    arrays = {"left": np.zeros((5, 2)), "right": np.zeros((5, 3))}

    assert [a.shape for a in pair.inputs(Samples(arrays, {}))] == [(5, 3), (5, 2)]
    assert single.inputs(Samples({"x": arrays["left"]}, {})).shape == (5, 2)


@pytest.mark.parametrize(
    ("outputs", "expected"), [("[a, b]", "tuple"), ("{a: a, b: b}", "dict"), ("[b]", "ndarray")]
)
def test_labels_have_the_structure_of_the_outputs(build, outputs, expected):
    from kexp.protocols import Samples

    model = f"{{layers: [{{Dense -> a: 1}}, {{Dense -> b: 1}}], outputs: {outputs}}}"
    losses = "{b: mse}" if outputs == "[b]" else "{a: mse, b: mse}"
    targets = {"a": (1,), "b": (1,)}
    assembly = build(model, info({"x": (2,)}, targets), train=f"{{optimizer: sgd, loss: {losses}}}")
    labels = assembly.labels(Samples({"x": np.zeros((3, 2))}, {name: np.zeros((3, 1)) for name in targets}))

    assert type(labels).__name__ == expected
