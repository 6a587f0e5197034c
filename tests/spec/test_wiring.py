import time
from textwrap import dedent

import pytest
from strategies import experiment_of

from kexp.errors import SpecError
from kexp.spec.types import Component, Experiment, Graph
from kexp.spec.wiring import output_names, snake_case, wire

HEAD = "data: {source: npz, path: d.npz}\ntrain: {optimizer: adam, loss: %s}\n"


def experiment(*steps: str, keys: str = "", loss: str = "mse", blocks: str = "") -> Experiment:
    layers = "".join(f"    - {step}\n" for step in steps)
    return experiment_of(f"{HEAD % loss}{dedent(blocks)}model:\n{keys}  layers:\n{layers}")


def graph(*steps: str, **more: str) -> Graph:
    return experiment(*steps, **more).model


def calls(*steps: str, inputs: tuple[str, ...] = ("x",), blocks: str = "") -> list[str]:
    """Return `what it takes -> its layer` for each call; a tensor is shown as the layer it comes from."""
    read = experiment(*steps, keys=f"  inputs: [{', '.join(inputs)}]\n", blocks=blocks)
    wiring = wire(read.model, inputs, blocks=read.blocks)
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


# ---------------------------------------------------------------- repeats, groups, blocks


def faults(*steps: str, inputs: str = "[x]", blocks: str = "") -> list[tuple[str, str]]:
    with pytest.raises(SpecError) as caught:
        experiment(*steps, keys=f"  inputs: {inputs}\n", blocks=blocks)
    return [(d.id, d.span.text[: d.span.end_column - d.span.column]) for d in caught.value.diagnostics]


def group(*steps: str, repeat: str = "") -> str:
    """Return a group of steps, as it stands below `layers:`."""
    lines = ["layers:", *(f"        - {step}" for step in steps)]
    return "\n".join([*lines, f"      repeat: {repeat}"] if repeat else lines)


def test_a_repeated_step_takes_its_last_turn_and_counts_in_its_name():
    assert calls("Dense: 4\n      repeat: 3", "ReLU") == [
        "x -> dense_0",
        "dense_0 -> dense_1",
        "dense_1 -> dense_2",
        "dense_2 -> re_lu",
    ]


def test_a_name_without_a_number_means_the_last_turns():
    assert calls("Dense -> a: 4\n      repeat: 2", "ReLU", "prev, a -> Add") == [
        "x -> a_0",
        "a_0 -> a_1",
        "a_1 -> re_lu",
        "re_lu, a_1 -> add",
    ]


def test_a_name_with_a_number_names_every_turns_tensor_and_layer():
    lists = "Dense -> enc_$i: $f\n      repeat: {f: [4, 4, 4]}"
    assert calls(lists, "enc_0, enc_$(3 - 1) -> Add", "reuse -> again: enc_1", "again, input -> Add") == [
        "x -> enc_0",
        "enc_0 -> enc_1",
        "enc_1 -> enc_2",
        "enc_0, enc_2 -> add",
        "add -> enc_1",
        "enc_1, x -> add_1",
    ]


def test_a_skip_list_goes_down_by_number_and_up_again():
    down = "layers:\n        - Dense -> enc_$i: $f\n        - ReLU\n      repeat: {f: [1, 2]}"
    up = (
        "layers:\n        - prev, enc_$(1 - i) -> Concatenate\n        - Dense: $f\n      repeat: {f: [2, 1]}"
    )
    assert calls(down, up) == [
        "x -> layers_0_enc_0",
        "layers_0_enc_0 -> layers_0_re_lu",
        "layers_0_re_lu -> layers_1_enc_1",
        "layers_1_enc_1 -> layers_1_re_lu",
        "layers_1_re_lu, layers_1_enc_1 -> layers_1_0_concatenate",
        "layers_1_0_concatenate -> layers_1_0_dense",
        "layers_1_0_dense, layers_0_enc_0 -> layers_1_1_concatenate",
        "layers_1_1_concatenate -> layers_1_1_dense",
    ]


def test_the_innermost_repeat_counts():
    inner = (
        "layers:\n        - Dense -> d_$i: 4\n          repeat: 2\n        - ReLU -> r_$i\n      repeat: 2"
    )
    assert [line.partition("-> ")[2] for line in calls(inner)] == [
        "layers_0_d_0",
        "layers_0_d_1",
        "layers_0_r_0",
        "layers_1_d_0",
        "layers_1_d_1",
        "layers_1_r_1",
    ]


def test_a_group_sees_the_names_around_it_and_its_own_are_seen_below():
    assert calls(
        "Dense -> a: 4", "layers:\n        - ReLU -> b\n        - prev, a -> Add", "prev, b -> Add"
    ) == [
        "x -> a",
        "a -> layers_b",
        "layers_b, a -> layers_add",
        "layers_add, layers_b -> add",
    ]


RES = """\
    blocks:
      res:
        params: {n: 4}
        layers:
          - Dense -> h: $n
          - ReLU
          - prev, input -> Add
      up:
        inputs: [x, skip]
        layers: ["x, skip -> Concatenate", {Dense: 4}]
      parts:
        layers: [{Dense -> low: 4}, {"input -> Dense -> high": 4}]
        outputs: [low, high]
    """


def test_a_block_gives_its_layers_its_own_name_first_and_fresh_weights_at_every_use():
    assert calls("res", "res -> named: 8", blocks=RES) == [
        "x -> res_h",
        "res_h -> res_re_lu",
        "res_re_lu, x -> res_add",
        "res_add -> named_h",
        "named_h -> named_re_lu",
        "named_re_lu, res_add -> named_add",
    ]


def test_a_repeated_block_has_the_turn_before_the_inner_names():
    assert [line.partition("-> ")[2] for line in calls("res: 8\n      repeat: 2", "res", blocks=RES)] == [
        "res_0_h",
        "res_0_re_lu",
        "res_0_add",
        "res_1_h",
        "res_1_re_lu",
        "res_1_add",
        "res_h",
        "res_re_lu",
        "res_add",
    ]


@pytest.mark.parametrize("inputs", ["b, a", "x=b, skip=a", "skip=a, x=b"])
def test_a_block_takes_its_inputs_by_position_or_by_name(inputs):
    assert calls("Dense -> a: 4", "Dense -> b: 4", f"{inputs} -> up", blocks=RES) == [
        "x -> a",
        "a -> b",
        "b, a -> up_concatenate",
        "up_concatenate -> up_dense",
    ]


def test_a_block_may_give_several_tensors():
    assert calls("parts -> l, h", "l, h -> Add", blocks=RES)[2] == "l_low, l_high -> add"
    assert calls("parts -> _, h", "ReLU", blocks=RES)[2] == "h_high -> re_lu"


NESTED = "model -> both: {inputs: [p, q], layers: ['p, q -> Concatenate']}"


def test_a_nested_model_takes_its_inputs_by_position_or_by_name_at_every_use():
    steps = ("Dense -> a: 4", f"x, a -> {NESTED}", "q=x, p=a -> reuse -> again: both", "both, again -> Add")
    assert calls(*steps)[1:3] == ["x, a -> both", "a, x -> both"]
    assert calls(f"q=x, p=x -> {NESTED}") == ["x, x -> both"]


@pytest.mark.parametrize(
    ("takes", "found"), [("x", "1"), ("x, x, x", "3"), ("[x, x]", "a list of them"), ("x, null", "`null`")]
)
def test_a_nested_model_is_given_as_much_as_it_declares(takes, found):
    for step in (NESTED, "reuse -> again: both"):
        steps = [f"x, x -> {NESTED}", f"'{takes} -> {step.replace(': ', chr(39) + ': ', 1)}"]
        with pytest.raises(SpecError) as caught:
            experiment(*steps[step is NESTED :], "prev, x -> Add", keys="  inputs: [x]\n")
        name, what = ("model", "model") if step is NESTED else ("both", "reuse: both")
        assert [(d.message, d.help) for d in caught.value.diagnostics] == [
            (
                f"`{name}` takes 2 inputs, and is given {found}",
                f"write `p, q -> {what}` with the tensors' names",
            )
        ]


def test_an_alias_goes_back_without_a_call():
    assert calls("Dense -> a: 4", "ReLU", "prev, a -> Add -> b", "expr: a", "prev, b -> Add") == [
        "x -> a",
        "a -> re_lu",
        "re_lu, a -> b",
        "a, b -> add",
    ]


def test_an_expression_is_a_call_that_may_give_several_tensors():
    assert calls('expr -> a, b: "split(x, 2, axis=-1)"', "a, b -> Add") == ["x -> a", "a, a -> add"]


def test_a_turn_may_start_again_from_a_tensor_when_its_name_tells_it_apart():
    assert calls("Dense -> a: 4", "a -> Dense -> b_$i: 4\n      repeat: 2", "b_0, b_1 -> Add") == [
        "x -> a",
        "a -> b_0",
        "a -> b_1",
        "b_0, b_1 -> add",
    ]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (["Dense -> a: 4", "a -> Dense: 4\n      repeat: 2"], [("parallel-repeat", "a")]),
        (["res -> r: 8", "reuse: r"], [("unknown-layer-name", "r")]),
        (["up"], [("wrong-inputs", "up")]),
        (["x, x, x -> up"], [("wrong-inputs", "x, x, x -> up")]),
        (["x, x=x -> up"], [("wrong-inputs", "x, x=x -> up")]),
        (["x=x, slip=x -> up"], [("unknown-input", "slip")]),
        (["parts"], [("wrong-outputs", "parts")]),
        (["parts -> a"], [("wrong-outputs", "parts -> a")]),
        (["res -> a, b"], [("wrong-outputs", "res -> a, b")]),
        (["Dense: 4\n      repeat: 20001"], [("too-many-layers", "Dense")]),
        (
            [group("layers: [{expr: prev}]\n          repeat: 20000", repeat="20000")],
            [("too-many-layers", "layers")],
        ),
        (["Dense -> a: 4", "Dense -> a: 4", "prev, a -> Add"], [("duplicate-name", "a")]),
        (
            ["Dense -> a_$i: 4\n      repeat: 2", "Dense -> a_1: 4", "prev, a_1 -> Add"],
            [("duplicate-name", "a_1")],
        ),
        (
            [group("Dense -> a: 4", "input -> Dense: 4")],
            [("dangling-step", "Dense -> a")],
        ),
    ],
)
def test_a_fault_is_one_fault_at_its_word(steps, expected):
    assert faults(*steps, blocks=RES) == expected


def test_five_thousand_layers_are_wired_in_less_than_a_second():
    layers = "".join(f"    - Dense -> d{n}: 4\n" if n % 2 else "    - Dense: 4\n" for n in range(5000))
    read = experiment_of(f"{HEAD % 'mse'}model:\n  layers:\n{layers}").model
    start = time.process_time()
    assert len(wire(read, ["x"]).calls) == 5000
    assert time.process_time() - start < 1


def test_endless_faults_end():
    layers = "".join(f"    - lost_{n} -> Dense -> d{n}: 4\n" for n in range(2000))
    start = time.process_time()
    with pytest.raises(SpecError) as caught:
        experiment_of(f"{HEAD % 'mse'}model:\n  inputs: [x]\n  layers:\n{layers}")
    assert len(caught.value.diagnostics) == 100
    assert time.process_time() - start < 3
