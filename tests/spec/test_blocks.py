import time

import pytest
from strategies import experiment_of

from kexp.errors import SpecError
from kexp.spec.types import Component, Formula, Port, Use

SPEC = """\
data: {{source: sklearn, dataset: digits}}
blocks:
{blocks}model: {{layers: [{layers}]}}
train: {{optimizer: adam, loss: mse}}
"""


def read(layers, **blocks):
    text = "".join(f"  {name}: {body}\n" for name, body in blocks.items())
    return experiment_of(SPEC.format(blocks=text, layers=layers))


def faults(layers, **blocks):
    with pytest.raises(SpecError) as caught:
        read(layers, **blocks)
    return [(d.id, d.path, d.message) for d in caught.value.diagnostics]


def test_a_block_has_parameters_inputs_layers_and_outputs():
    experiment = read(
        "{a -> part -> b: 3}",
        part="{params: {units: null, rate: 0.1}, inputs: [x], "
        "layers: [{Dense: $units}, {Dropout -> y: $rate}], outputs: [y]}",
    )
    block = experiment.blocks["part"]

    assert dict(block.params) == {"units": None, "rate": 0.1}
    assert block.required == {"units"}
    assert block.graph.inputs == (Port("x", "x"),)
    assert block.graph.steps[0].what == Component("Dense", "layers", {"units": Formula("$units")})
    assert block.graph.outputs == ("y",)


@pytest.mark.parametrize(
    ("step", "arguments"),
    [
        ("part", {}),
        ("{part: null}", {}),
        ("{part: 8}", {"units": 8}),
        ("{part: {rate: 0.5}}", {"rate": 0.5}),
        ("{part: [8, 9]}", {"units": (8, 9)}),
        ("{part: {L2: 0.1}}", {"units": Component("L2", "regularizers", {"l2": 0.1})}),
        ("{part: $(num_classes * 2)}", {"units": Formula("$(num_classes * 2)")}),
    ],
)
def test_arguments_are_given_by_name_or_as_the_first_one(step, arguments):
    experiment = read(
        step, part='{params: {units: 4, rate: 0.1}, layers: [{"part.py:Part": $units}, {Dropout: $rate}]}'
    )
    assert experiment.model.steps[0].what == Use("part", arguments)


def test_blocks_use_blocks_in_any_order():
    experiment = read("outer", outer="{layers: [inner, inner]}", inner="{layers: [{Dense: 3}]}")
    assert [step.what for step in experiment.blocks["outer"].graph.steps] == [Use("inner"), Use("inner")]


def test_a_cycle_is_one_fault():
    assert faults(
        "{Dense: 3}",
        first="{layers: [{Dense: 1}, second]}",
        second="{layers: [{layers: [third], repeat: 2}]}",
        third="{layers: [{model: {layers: [first]}}]}",
    ) == [("block-cycle", "blocks.first", "the block uses itself: first -> second -> third -> first")]


def test_a_block_that_uses_itself_is_a_cycle():
    assert faults("{Dense: 3}", b="{layers: [b]}") == [
        ("block-cycle", "blocks.b", "the block uses itself: b -> b")
    ]


def test_a_broken_block_brings_no_echo_where_it_is_used():
    assert faults("Big, {Big: 3}, {prev -> Big -> y: 3}", Big="{layers: [{Dense: 3}]}") == [
        (
            "bad-name",
            "blocks.Big",
            "`Big` cannot be the name of a block: a small letter first, and no word of the language",
        )
    ]


def test_a_fault_inside_a_block_is_told_once_however_often_it_is_used():
    assert faults(
        "res, res, {res: 3}", res="{params: {n: 2}, layers: [{Dense: $n}, 'prev, inptu -> Add']}"
    ) == [("unknown-name", "blocks.res.layers[1].Add", "no tensor is called `inptu`")]


def test_an_unused_block_is_checked_too():
    assert [
        id for id, _, _ in faults("{Dense: 3}", res="{layers: [{Dense -> lost: 2}, {input -> Dense: 3}]}")
    ] == ["dangling-step"]


@pytest.mark.parametrize("uses", ["b{0}, b{0}", "b{0}, c{0}"])
def test_blocks_that_double_are_refused_at_once(uses):
    blocks = {"b0": "{layers: [{Dense: 3}]}", "c0": "{layers: [{Dense: 3}]}"}
    for level in range(1, 31):
        blocks[f"b{level}"] = blocks[f"c{level}"] = f"{{layers: [{uses.format(level - 1)}]}}"
    start = time.process_time()
    found = faults("b30", **blocks)
    assert time.process_time() - start < 2
    assert found == [
        (
            "too-many-layers",
            "model.layers[0].b30",
            "with repeats and blocks laid out, the graph has more than 20,000 layers",
        )
    ]


def test_blocks_a_thousand_deep_are_refused():
    blocks = {f"b{n}": f"{{layers: [b{n - 1}]}}" if n else "{layers: [{Dense: 3}]}" for n in range(1000)}
    assert faults("b999", **blocks) == [
        ("too-deep", "model.layers[0].b999", "blocks and groups stand more than 64 deep in one another")
    ]


def test_values_that_double_at_every_level_are_computed_once():
    blocks = {"b0": "{params: {n: 1}, layers: [{Dense: $n}]}"}
    for level in range(1, 60):
        blocks[f"b{level}"] = f"{{params: {{n: 1}}, layers: [{{b{level - 1}: $(n + n)}}]}}"
    start = time.process_time()
    read("b59", **blocks)
    assert time.process_time() - start < 1


def test_a_block_of_many_parameters_is_used_many_times_quickly():
    params = ", ".join(f"p{number}: 1" for number in range(3000))
    start = time.process_time()
    read("{b: null, repeat: 5000}", b=f"{{params: {{{params}}}, layers: [{{Dense: $p7}}]}}")
    assert time.process_time() - start < 2
