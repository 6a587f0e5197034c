from pathlib import Path
from textwrap import indent

import pytest

from kexp.document import load_document, parse_document
from kexp.report.boxes import Edge, Node
from kexp.report.drawing import drawing
from kexp.report.mermaid import mermaid
from kexp.spec.parse import parse_experiment

SPECS = Path(__file__).parents[1] / "export" / "specs"
GOLDEN = Path(__file__).parents[1] / "golden" / "graphs"


def drawn(layers, inputs="{x: [8]}"):
    head = "kexp: 1\nname: small\ndata: {source: sklearn, dataset: digits}\n"
    model = f"model:\n  inputs: {inputs}\n  layers:\n{indent(layers, '    ')}\n"
    tail = "train: {optimizer: sgd, loss: mse}\n"
    return drawing(parse_experiment(parse_document(f"{head}{model}{tail}".encode(), "spec.yaml")))


def arrows(drawing):
    titles = {node.id: f"{node.title} {node.name}".strip() for node in drawing.nodes}
    return [f"{titles[edge.source]} > {titles[edge.target]}" for edge in drawing.edges]


def test_boxes_say_what_a_step_is_and_arrows_where_it_takes_from():
    found = drawn("- Dense -> hidden: {units: 4, activation: relu}\n- x, hidden -> Concatenate\n- Dense: 1")

    assert found.nodes == (
        Node("model_0", "input", "x", "[8]"),
        Node("model_1", "layer", "Dense", "4, relu", "hidden"),
        Node("model_2", "layer", "Concatenate"),
        Node("model_3", "layer", "Dense", "1", output=""),
    )
    assert found.edges == (
        Edge("model_0", "model_1"),
        Edge("model_0", "model_2"),
        Edge("model_1", "model_2"),
        Edge("model_2", "model_3"),
    )


def test_a_repeat_is_one_box_with_the_values_of_all_turns():
    found = drawn("- Dense: $units\n  repeat: {units: [8, 16]}")

    assert [(node.title, node.detail) for node in found.nodes] == [("x", "[8]"), ("Dense \u00d72", "8|16")]


def test_turns_that_name_what_others_read_are_drawn_one_by_one():
    found = drawn("- Dense -> level_$i: 8\n  repeat: 2\n- level_0, level_1 -> Add")

    assert arrows(found) == [
        "x > Dense level_0",
        "Dense level_0 > Dense level_1",
        "Dense level_0 > Add",
        "Dense level_1 > Add",
    ]


def test_very_many_turns_stay_one_box():
    found = drawn("- Dense -> level_$i: 8\n  repeat: 400\n- level_0, level_399 -> Add")

    assert arrows(found) == ["x > Dense \u00d7400 level_$i", "Dense \u00d7400 level_$i > Add"]


def test_a_repeated_group_is_a_box_with_its_steps_inside():
    found = drawn("- layers:\n    - Dense: 8\n    - prev, x -> Add\n  repeat: 3\n- Dense: 1")

    assert arrows(found) == ["x > \u00d73", "\u00d73 > Dense"]
    assert [node.title for node in found.nodes[1].inside.nodes] == ["Dense", "Add"]
    assert arrows(found.nodes[1].inside) == ["Dense > Add"]


def test_call_arguments_stand_at_their_arrows():
    found = drawn(
        "- x, attention_mask=m -> MultiHeadAttention: {num_heads: 1, key_dim: 2}", "{x: [4, 8], m: [4, 4]}"
    )

    assert [edge.label for edge in found.edges] == ["", "attention_mask"]


def test_inputs_that_only_the_data_knows_are_drawn():
    text = """
kexp: 1
data: {source: sklearn, dataset: digits}
model: {layers: [{Dense -> a: 2}, {a -> Dense: 1}]}
train: {optimizer: sgd, loss: mse}
"""

    assert arrows(drawing(parse_experiment(parse_document(text.encode(), "spec.yaml")))) == [
        "input > Dense a",
        "Dense a > Dense",
    ]


@pytest.mark.parametrize("name", ["lstm", "nested", "resnet20", "unet"])
def test_the_flowchart_reads_like_this(name, golden):
    experiment = parse_experiment(load_document(SPECS / f"{name}.yaml"))

    golden(f"{mermaid(drawing(experiment))}\n", GOLDEN / f"{name}.mmd")


def test_labels_cannot_break_out_of_a_flowchart():
    text = 'kexp: 1\nname: "<b>"\ndata: {source: sklearn, dataset: digits}\n'
    text += "model: {inputs: {x: [4]}, layers: [{expr: 'where(x > 1, x & x, -x)'}, {Dense: 1}]}\n"
    text += "train: {optimizer: sgd, loss: mse}\n"
    written = mermaid(drawing(parse_experiment(parse_document(text.encode(), "spec.yaml"))))

    assert '    model_1{{"where(x #gt; 1, x #amp; x, -x)"}}' in written.splitlines()
