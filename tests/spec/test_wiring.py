import pytest
from strategies import experiment_of

from kexp.spec.types import Component, Graph
from kexp.spec.wiring import output_names, snake_case, wire

HEAD = "data: {source: npz, path: d.npz}\ntrain: {optimizer: adam, loss: %s}\n"


def graph(*steps: str, keys: str = "", loss: str = "mse") -> Graph:
    layers = "".join(f"    - {step}\n" for step in steps)
    return experiment_of(f"{HEAD % loss}model:\n{keys}  layers:\n{layers}").model


def calls(*steps: str, inputs: tuple[str, ...] = ("x",)) -> list[str]:
    """Return `what it takes -> its layer` for each call; a tensor is shown as the layer it comes from."""
    wiring = wire(graph(*steps, keys=f"  inputs: [{', '.join(inputs)}]\n"), inputs)
    assert wiring.faults == ()
    origin: dict[str, str] = {}
    lines = []
    for call in wiring.calls:
        taken = [origin.get(name, name) for name in call.takes.positional]
        taken += [f"{keyword}={origin.get(name, name)}" for keyword, name in call.takes.keywords.items()]
        lines.append(f"{', '.join(taken)} -> {call.layer}")
        origin |= {name: call.layer for name in call.gives}
    return lines


def test_a_step_takes_the_step_above_and_the_first_one_the_input():
    assert calls("Flatten", "Dense: 3", "ReLU") == ["x -> flatten", "flatten -> dense", "dense -> re_lu"]


def test_layers_are_counted_and_skip_the_names_of_the_user():
    assert calls("Dense: 1", "Dense -> dense_1: 2", "Dense: 3", "Dense: 4") == [
        "x -> dense",
        "dense -> dense_1",
        "dense_1 -> dense_2",
        "dense_2 -> dense_3",
    ]


def test_a_named_tensor_may_be_taken_later():
    assert calls("Dense -> a: 1", "ReLU", "prev, a, x -> Add") == [
        "x -> a",
        "a -> re_lu",
        "re_lu, a, x -> add",
    ]


def test_input_is_what_came_into_the_graph():
    assert calls("Dense -> a: 1", "input -> Dense: 1", "a, prev -> Add") == [
        "x -> a",
        "x -> dense",
        "a, dense -> add",
    ]


def test_keywords_leave_the_position_to_the_step_above():
    assert calls("Dense: 4", "mask=x -> GRU: 3") == ["x -> dense", "dense, mask=x -> gru"]


def test_the_step_above_is_its_first_named_output():
    assert calls("LSTM -> _, h, _: {units: 3, return_state: true}", "Dense: 1") == ["x -> h", "h -> dense"]


def test_a_reused_layer_is_called_again():
    assert calls(
        "left -> Dense -> code: 3",
        "right -> reuse -> other: code",
        "code, other -> Subtract",
        inputs=("left", "right"),
    ) == ["left -> code", "right -> code", "code, code -> subtract"]


def test_a_layer_may_have_another_name_than_its_tensors():
    assert calls(
        "LSTM -> memory(seq, h, _): {units: 3, return_state: true, return_sequences: true}", "seq, h -> Add"
    ) == [
        "x -> memory",
        "memory, memory -> add",
    ]


def test_outputs_are_known_by_the_users_names():
    steps = ("Dense -> a: 1", "a -> Dense -> b: 1")
    assert output_names(graph("Dense: 1")) is None
    assert output_names(graph(*steps)) == ("b",)
    assert output_names(graph(*steps, keys="  outputs: [a, b]\n", loss="{a: mse, b: mse}")) == ("a", "b")
    assert output_names(graph(*steps, keys="  outputs: {p: a, q: b}\n", loss="{p: mse, q: null}")) == (
        "p",
        "q",
    )


@pytest.mark.parametrize(
    ("name", "snake"),
    [
        ("Dense", "dense"),
        ("Conv2D", "conv2d"),
        ("MaxPooling2D", "max_pooling2d"),
        ("LSTM", "lstm"),
        ("GlobalAveragePooling1D", "global_average_pooling1d"),
        ("code.py:MyPool", "my_pool"),
    ],
)
def test_an_automatic_name_is_the_class_in_snake_case(name, snake):
    assert snake_case(Component(name, "layers")) == snake
