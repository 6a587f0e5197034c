from kexp.diagnostics import Diagnostic
from kexp.document import parse_document
from kexp.spec.parse import check

SPEC = """\
vars: {{{variables}}}
data: {{source: sklearn, dataset: digits}}
{blocks}model: {{inputs: {{x: [8, 8, 1]}}, layers: {layers}}}
train: {{optimizer: {optimizer}, loss: mse}}
"""


def found(layers="[Flatten]", variables="", blocks="", optimizer="adam"):
    text = SPEC.format(layers=layers, variables=variables, blocks=blocks, optimizer=optimizer)
    return check(parse_document(text.encode(), "spec.yaml")).diagnostics


def told(diagnostic: Diagnostic):
    related = [(related.message, related.span.text) for related in diagnostic.related]
    return diagnostic.id, diagnostic.path, diagnostic.span.text, related


def test_an_argument_is_refused_where_its_value_stands():
    [fault] = found("[{Dense: {units: -1}}]")
    assert told(fault) == ("out-of-range", "model.layers[0].Dense.units", "-1", [])


def test_a_first_argument_is_checked_as_one_by_name():
    [fault] = found('[{Dense: "64"}]')
    assert told(fault) == ("wrong-type", "model.layers[0].Dense", '"64"', [])


def test_an_item_is_refused_at_its_place():
    [fault] = found("[{Conv2D: {filters: 3, kernel_size: [3, 0]}}]")
    assert told(fault) == ("out-of-range", "model.layers[0].Conv2D.kernel_size[1]", "0", [])


def test_an_item_of_a_literal_list_is_refused_at_the_literal():
    [fault] = found("[{Conv2D: {filters: 3, kernel_size: {literal: [3, 0]}}}]")
    assert told(fault) == (
        "out-of-range",
        "model.layers[0].Conv2D.kernel_size",
        "{literal: [3, 0]}",
        [],
    )


def test_a_value_from_vars_is_shown_where_it_stands():
    [fault] = found("[{Dense: $n}]", variables='n: "64"')
    assert told(fault) == ("wrong-type", "model.layers[0].Dense", "$n", [("its value stands here", '"64"')])


def test_an_item_of_a_list_from_vars_is_refused_there():
    [fault] = found("[{Conv2D: {filters: 3, kernel_size: $k}}]", variables="k: [3, x]")
    assert told(fault) == (
        "wrong-type",
        "model.layers[0].Conv2D.kernel_size[1]",
        "x",
        [("used here", "$k")],
    )


def test_a_list_of_values_from_vars_with_a_wrong_length_is_refused_as_a_whole():
    [fault] = found("[{Conv2D: {filters: 3, kernel_size: [$k, $k, $k]}}]", variables="k: 3")
    assert told(fault) == ("wrong-length", "model.layers[0].Conv2D.kernel_size", "[$k, $k, $k]", [])


def test_the_value_of_a_repeat_is_checked_when_its_turn_is_laid_out():
    layers = "[Flatten, {layers: [{Dense: $n}], repeat: {n: [4, 0]}}]"
    [fault] = found(layers)
    assert told(fault) == ("out-of-range", "model.layers[1].layers[0].Dense", "$n", [])
    assert fault.message == "`units` must be at least 1, found `0`"


def test_the_parameter_of_a_block_is_checked_at_every_use():
    blocks = "blocks: {b: {params: {n: 4}, layers: [{Dense: {units: $(n / 2)}}]}}\n"
    faults = found("[Flatten, {b: 4}, {b: {n: 5}}]", blocks=blocks)
    assert [(f.message, *told(f)) for f in faults] == [
        (
            "`units` must be a whole number of at least 1, found `2.0`",
            "wrong-type",
            "blocks.b.layers[0].Dense",
            "$(n / 2)",
            [("used here", "b")],
        ),
        (
            "`units` must be a whole number of at least 1, found `2.5`",
            "wrong-type",
            "blocks.b.layers[0].Dense",
            "$(n / 2)",
            [("used here", "b")],
        ),
    ]


def test_formulas_in_lists_and_inner_objects_are_checked_once_they_are_known():
    layers = (
        "[{layers: [{Conv2D: {filters: 3, kernel_size: [3, $k]}}], repeat: {k: [3, no]}}, "
        "{TimeDistributed: {Dense: $i}, repeat: 2}]"
    )
    assert [told(fault)[2:] for fault in found(layers.replace("no", '"no"'))] == [("$k", []), ("$i", [])]


def test_what_only_the_graph_knows_is_left_to_the_graph():
    assert found("[Flatten, {Dense: $num_classes}, {Dense: $(dim(x) * 0)}]") == ()


def test_an_unusual_value_is_a_warning():
    [warning] = found(optimizer="{Adam: {learning_rate: 0.1, beta_1: 1.0}}")
    assert (warning.severity, *told(warning)) == (
        "warning",
        "unusual-value",
        "train.optimizer.Adam.beta_1",
        "1.0",
        [],
    )
    assert warning.message == "`beta_1` is usually at least 0 and less than 1, found `1.0`"
