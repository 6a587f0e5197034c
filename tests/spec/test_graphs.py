import pytest
from strategies import experiment_of

from kexp.errors import SpecError
from kexp.spec.types import Component, Formula, Graph, Operands, Port, Reuse, Step


def graph(text: str) -> Graph:
    indented = "".join(f"  {line}\n" for line in text.strip().splitlines())
    return experiment_of(
        f"data: {{source: npz}}\nmodel:\n{indented}train: {{optimizer: adam, loss: mse}}\n"
    ).model


def test_inputs_have_shapes_types_and_columns():
    text = """
inputs:
  title: {shape: [20], dtype: int32}
  size: [$num_features, null]
  petal: {from: "petal length (cm)"}
  age:
layers: ["title, size, petal, age -> Concatenate"]
"""
    assert graph(text).inputs == (
        Port("title", "title", (20,), "int32"),
        Port("size", "size", (Formula("$num_features"), None)),
        Port("petal", "petal length (cm)"),
        Port("age", "age"),
    )


def test_inputs_may_be_names_alone():
    assert graph("inputs: [a, b]\nlayers: ['a, b -> Add']").inputs == (Port("a", "a"), Port("b", "b"))


def test_no_inputs_and_outputs_are_taken_from_the_data_and_the_last_step():
    assert graph("layers: [Flatten]") == Graph((Step(Component("Flatten", "layers")),))


@pytest.mark.parametrize(
    ("written", "outputs"), [("b", ("b",)), ("[b]", ("b",)), ("{score: b}", {"score": "b"})]
)
def test_outputs_are_a_name_a_list_or_a_map(written, outputs):
    text = f"data: {{source: npz}}\nmodel: {{layers: [Dense -> b: 1], outputs: {written}}}\n"
    assert experiment_of(f"{text}train: {{optimizer: adam, loss: mse}}\n").model.outputs == outputs


def test_steps_have_inputs_names_and_siblings():
    text = """
inputs: [left, right]
layers:
  - left -> model -> tower: {layers: [{Dense: 3}]}
    trainable: false
  - right -> reuse -> other: tower
  - tower, value=other -> Attention:
    call: {use_causal_mask: true}
"""
    dense = Step(Component("Dense", "layers", {"units": 3}))
    assert graph(text).steps == (
        Step(Graph((dense,)), Operands(("left",)), ("tower",), trainable=False),
        Step(Reuse("tower"), Operands(("right",)), ("other",)),
        Step(
            Component("Attention", "layers"),
            Operands(("tower",), {"value": "other"}),
            call={"use_causal_mask": True},
        ),
    )


def test_a_step_knows_its_path_and_its_key():
    step = graph("layers:\n  - Flatten\n  - Dense -> x: 3").steps[1]
    assert (step.path, step.key.text) == ("model.layers[1].Dense", "Dense -> x")


def test_the_wiring_is_checked_even_where_arguments_are_wrong():
    with pytest.raises(SpecError) as error:
        graph(
            "layers:\n  - Dense -> x: {unit: 3}\n  - y -> Dense -> y: 3\n  - x, y -> Add\n  - Dense -> x: 1"
        )
    assert [(d.id, d.span.text) for d in error.value.diagnostics] == [
        ("unknown-argument", "unit"),
        ("name-too-early", "y"),
        ("duplicate-name", "x"),
    ]


def test_a_step_that_cannot_be_read_brings_no_echo_in_the_wiring():
    with pytest.raises(SpecError) as error:
        graph("inputs: [a]\nlayers:\n  - Dense => x, z: 3\n  - x, z -> Add")
    assert [d.id for d in error.value.diagnostics] == ["arrow-spelling"]
    with pytest.raises(SpecError) as error:
        graph("inputs: [a]\nlayers:\n  - Dense => x: 3\n  - x, z -> Add")
    assert [d.id for d in error.value.diagnostics] == ["arrow-spelling", "unknown-name"]
