from dataclasses import replace

import pytest
from strategies import experiment_of

from kexp.errors import SpecError
from kexp.spec.types import Component, Expr, Formula, Group, Operands, Reuse, Step, Weights

SPEC = """\
vars: {{gain: 0.5, side: left, f: 3}}
data: {{source: npz, path: d.npz}}
model:
  inputs: [left, right]
  layers:
    - left -> Dense -> a: 8
{steps}train: {{optimizer: adam, loss: mse}}
"""


DENSE = Component("Dense", "layers", {"units": 3})
RELU = Component("ReLU", "layers")
VGG16 = Component("VGG16", "applications")


def steps(text):
    indented = "".join(f"    {line}\n" for line in text.splitlines())
    return experiment_of(SPEC.format(steps=indented)).model.steps[1:]


def ids(text):
    with pytest.raises(SpecError) as caught:
        steps(text)
    return [(d.id, d.span.text[: d.span.end_column - d.span.column]) for d in caught.value.diagnostics]


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("- ReLU:\n  repeat: 3", Step(RELU, repeat=3)),
        (
            "- Dense: $n\n  repeat: {n: [1, 2]}",
            Step(replace(DENSE, options={"units": Formula("$n")}), repeat={"n": (1, 2)}),
        ),
        ("- ReLU:\n  repeat: $f", Step(RELU, repeat=3)),
        ("- VGG16:\n  trainable_from: x\n  adapt: false", Step(VGG16, trainable_from="x")),
        ("- Dense: 3\n  weights: runs/a", Step(DENSE, weights=Weights("runs/a"))),
        ("- Dense: 3\n  weights: {from: a.keras, layer: d}", Step(DENSE, weights=Weights("a.keras", "d"))),
        ("- Normalization:\n  adapt: true", Step(Component("Normalization", "layers"), adapt=True)),
        ("- layers: [ReLU]\n  repeat: 2", Step(Group((Step(RELU),)), repeat=2)),
        ("- right -> reuse -> b: a\n- a, b -> Add", Step(Reuse("a"), Operands(("right",)), ("b",))),
        ("- expr: a * 2", Step(Expr("a * 2"), Operands(("a",)))),
        ("- expr: a * $gain", Step(Expr("a * 0.5"), Operands(("a",)))),
        ("- expr: 'a * $num_classes + $gain'", Step(Expr("a * $(num_classes) + $(0.5)"), Operands(("a",)))),
        ("- expr: |\n    a +\n    left", Step(Expr("a +\nleft\n"), Operands(("a", "left")))),
        ("- a -> Dense -> out_$f: 3", Step(DENSE, Operands(("a",)), ("out_3",))),
        ("- a, $side -> Add", Step(Component("Add", "layers"), Operands(("a", "left")))),
    ],
)
def test_a_step_is_read(text, step):
    assert steps(text)[0] == step


def test_names_with_numbers_of_turns_reach_reuse_and_expressions():
    group = steps("""\
- Dense -> enc_$i: 8
  repeat: 2
- layers:
    - right -> reuse -> r_$i: enc_$i
    - expr -> s_$i: "r_$i + enc_$i"
    - expr -> t_$i: enc_$i
  repeat: 2
- s_0, s_1, t_0, t_1 -> Concatenate""")[1].what
    assert [step.what for step in group.steps[:3]] == [
        Reuse("enc_$i"),
        Expr("r_$i + enc_$i"),
        Expr("enc_$i"),
    ]


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("- Dense -> x_$k: 3", [("unknown-value", "$k")]),
        ("- x_$(i + 1) -> Dense: 3", [("unknown-value", "i")]),
        ("- reuse: enc_$k", [("unknown-value", "$k")]),
        ("- expr: a * $k", [("unknown-value", "$k")]),
        ("- ReLU:\n  repeat: {f: [1]}", [("bad-name", "f")]),
        ("- ReLU:\n  repeat: {i: [1]}", [("bad-name", "i")]),
        ("- ReLU:\n  repeat: {seed: [1]}", [("bad-name", "seed")]),
        (
            "- ReLU:\n  repeat: {n: 3}\n- Dense: {unit: 3}",
            [("repeat-lengths", "3"), ("unknown-argument", "unit")],
        ),
        ("- ReLU:\n  repeat: {}", [("repeat-lengths", "{}")]),
        ("- ReLU:\n  weights: {layer: a}", [("missing-key", "{layer: a}")]),
        ("- Normalization:\n  adapt: false", [("not-adapted", "Normalization")]),
        ("- expr: ''", [("missing-argument", "''")]),
    ],
)
def test_a_fault_is_marked_where_it_stands(text, faults):
    assert ids(text) == faults
