from textwrap import dedent, indent

import pytest
from strategies import experiment_of

from kexp.errors import SpecError
from kexp.spec.inner import full_name, layer_names, missing_layer
from kexp.spec.wiring import inside, wire

SPEC = """\
data: {source: npz, path: d.npz}
train:
  optimizer: adam
  loss: mse
  stages: [{name: head, freeze: %s}, {name: all, epochs: 2}]
"""
BLOCKS = """\
blocks:
  part: {layers: [{Dense -> a: 4}, ReLU]}
  deep:
    layers:
      - model -> tower:
          layers: [{Dense -> a: 4}, {Dense -> b: 4}]
        trainable_from: b
"""


def experiment(layers, freeze="[]", inputs="[x]", blocks=BLOCKS):
    used = dedent(blocks) if blocks else ""
    return experiment_of(
        f"{SPEC % freeze}{used}model:\n  inputs: {inputs}\n  layers:\n{indent(dedent(layers), '    ')}"
    )


def names(layers, blocks=""):
    read = experiment(layers, blocks=blocks)
    found = layer_names(wire(read.model, ["x"], blocks=read.blocks))
    return list(found.made), found.is_whole


def faults(layers, freeze, blocks=""):
    with pytest.raises(SpecError) as caught:
        experiment(layers, freeze, blocks=blocks)
    return [(d.message, d.path, d.help) for d in caught.value.diagnostics]


def test_layers_are_known_by_the_users_names_by_automatic_ones_and_by_those_that_keras_is_given():
    steps = """\
        - Dense -> a: 4
        - Dense: 4
        - Dense: {units: 4, name: mine}
        - expr: a + prev
        - reuse -> again: a
        - part -> p
        - Dense -> d_$i: 4
          repeat: 2
        """
    assert names(steps, BLOCKS.replace("deep", "other")[: BLOCKS.index("  deep")]) == (
        ["a", "dense", "mine", "p_a", "p_re_lu", "d_0", "d_1"],
        True,
    )


@pytest.mark.parametrize(
    "step",
    ['"net.py:shift"', "Dense: {units: 4, name: $(seed)}", "Dense: 4\n          repeat: $num_classes"],
)
def test_what_custom_code_and_the_data_call_layers_is_not_known(step):
    assert names(f"        - Dense -> a: 4\n        - {step}\n")[1] is False


def test_layers_inside_a_nested_model_begin_with_its_name():
    read = experiment(
        "        - model -> tower: {layers: [{Dense -> a: 4}, ReLU, {model -> b: {layers: [ReLU]}}]}\n",
        blocks="",
    )
    (call,) = wire(read.model, ["x"]).calls
    found = inside(call, read.blocks)

    assert list(found.made) == ["tower_a", "tower_re_lu", "tower_b"]
    assert found.find("a") is found.find("tower_a") is found.made["tower_a"]
    assert list(inside(found.made["tower_b"], {}).made) == ["tower_b_re_lu"]
    assert inside(found.made["tower_a"], {}).made == {}


def test_only_keras_knows_what_is_inside_an_application_and_custom_code():
    steps = "        - MobileNetV2 -> base: {weights: null}\n        - net.py:Net -> own\n"
    read = experiment(steps, blocks="")
    assert [inside(call, {}) for call in wire(read.model, ["x"]).calls] == [None, None]


def test_a_full_name_is_stronger_than_a_short_one():
    assert full_name("t_a", "t_", ["t_a", "t_t_a"]) == "t_a"
    assert full_name("a", "t_", ["t_a", "t_t_a"]) == "t_a"
    assert full_name("b", "t_", ["t_a"]) is None


@pytest.mark.parametrize(
    ("arguments", "help"),
    [
        (("bdoy", "", ["body", "head"]), "did you mean `body`?"),
        (("x", "", ["body", "head"]), "its layers are `body`, `head`"),
        (("x", "", list("abcdefghi")), "its layers are `a`, `b`, `c`, `d`, `e`, `f`, `g`, `h`, …"),
        (("enc", "", ["enc_0", "enc_1", "head"]), "there are `enc_0`, `enc_1`"),
        (("enc", "", ["enc_a", "head"]), "there is `enc_a`"),
        (
            ("x", "net", [f"net_{n}" for n in range(10)], "net_"),
            "its last ones are " + ", ".join(f"`{n}`" for n in range(2, 10)),
        ),
        (("kernel", "dense", []), "only an application or a nested `model` has inner layers"),
    ],
)
def test_a_missing_layer_is_answered_with_what_there_is(arguments, help):
    name, owner = arguments[:2]
    message = (
        f"`{owner}` has no inner layer called `{name}`"
        if owner
        else f"the model has no layer called `{name}`"
    )
    assert missing_layer(*arguments) == (message, help)


# ---------------------------------------------------------------- what a spec names

NESTED = """\
        - model -> body: {layers: [{Dense -> a: 4}, {model -> deep: {layers: [{Dense -> b: 4}]}}]}
        - MobileNetV2 -> base: {weights: null}
        - Dense: 4
"""


@pytest.mark.parametrize(
    "freeze", ["[body, base, dense]", "[body/a, body/body_a]", "[body/deep/b]", "[base/block_1_expand]"]
)
def test_stages_name_layers_and_by_a_slash_those_inside(freeze):
    assert experiment(NESTED, freeze, blocks="").train.stages[0].freeze == tuple(freeze[1:-1].split(", "))


def test_a_stage_that_names_nothing_is_answered_at_the_name():
    assert faults(NESTED, "[bass, x, body/c, body/deep/d, dense/b]") == [
        ("the model has no layer called `bass`", "train.stages[0].freeze[0]", "did you mean `base`?"),
        (
            "the model has no layer called `x`",
            "train.stages[0].freeze[1]",
            "its layers are `body`, `base`, `dense`",
        ),
        (
            "`body` has no inner layer called `c`",
            "train.stages[0].freeze[2]",
            "its last ones are `a`, `deep`",
        ),
        (
            "`body/deep` has no inner layer called `d`",
            "train.stages[0].freeze[3]",
            "its last ones are `b`",
        ),
        (
            "`dense` has no inner layer called `b`",
            "train.stages[0].freeze[4]",
            "only an application or a nested `model` has inner layers",
        ),
    ]


def test_a_name_that_custom_code_may_give_is_left_to_the_build():
    steps = '        - "net.py:make"\n        - Dense -> head: 4\n'
    assert experiment(steps, "[conv]", blocks="").train.stages[0].freeze == ("conv",)


def test_inner_layers_in_a_block_are_named_as_they_stand_there():
    steps = "        - deep -> one\n        - deep -> two\n        - part\n"
    assert names(steps, BLOCKS) == (["one_tower", "two_tower", "part_a", "part_re_lu"], True)
    assert faults(steps, "[]", BLOCKS.replace("from: b", "from: c")) == [
        (
            "`model` has no inner layer called `c`",
            "blocks.deep.layers[0].model.trainable_from",
            "its last ones are `a`, `b`",
        )
    ]


def test_inner_layers_may_depend_on_the_turn():
    steps = """\
        - model -> tower: {layers: [{Dense: $(i + 1), repeat: $(i + 1)}, {Dense -> b: 4}]}
          repeat: 2
          trainable_from: dense_0
        """
    assert names(steps) == (["tower_0", "tower_1"], True)
    assert faults(steps.replace("dense_0", "dense_1"), "[]") == [
        (
            "`model` has no inner layer called `dense_1`",
            "model.layers[0].model.trainable_from",
            "did you mean `dense_0`?",
        )
    ]
