import re
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from strategies import experiments

from kexp.diagnostics import printable
from kexp.document import load_document, parse_document
from kexp.report.drawing import drawing
from kexp.report.graph import graph_text
from kexp.report.layers import Size, layout
from kexp.report.svg import svg
from kexp.spec.parse import parse_experiment

ROOT = Path(__file__).parents[2]
SPECS = sorted([*(ROOT / "configs").glob("*.yaml"), *(ROOT / "tests" / "export" / "specs").glob("*.yaml")])
SVG = "{http://www.w3.org/2000/svg}"


def elements(text, name):
    return [element for element in ElementTree.fromstring(text).iter(f"{SVG}{name}")]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.stem)
def test_every_spec_is_drawn_as_well_formed_xml_that_needs_nothing_else(spec):
    text = svg(drawing(parse_experiment(load_document(spec))))

    assert elements(text, "rect") and elements(text, "path")
    assert set(re.findall(r"https?://[^\"]+", text)) == {"http://www.w3.org/2000/svg"}
    assert elements(text, "script") == elements(text, "image") == []


def test_text_of_the_user_stays_text():
    text = "kexp: 1\nname: '</text><script>\"&'\ndata: {source: sklearn, dataset: digits}\n"
    text += "model: {inputs: {x: [4]}, layers: [{expr: 'where(x < 1, x, -x)'}, {Dense: 1}]}\n"
    text += "train: {optimizer: sgd, loss: mse}\n"
    drawn = svg(drawing(parse_experiment(parse_document(text.encode(), "spec.yaml"))))

    words = ["".join(element.itertext()) for element in elements(drawn, "text")]
    assert words == ['</text><script>"&', "x", "[4]", "where(x < 1, x, -x)", "Dense", "1"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(experiments)
def test_any_spec_can_be_drawn_in_every_form(experiment):
    ElementTree.fromstring(graph_text(experiment, "svg"))
    assert graph_text(experiment, "mermaid").startswith("flowchart TD\n")
    assert graph_text(experiment, "text") == printable(graph_text(experiment, "text"))


BOX = Size(40.0, 20.0)


def test_a_chain_stands_in_one_column():
    found = layout({"a": Size(80.0, 20.0), "b": BOX, "c": BOX}, [("a", "b"), ("b", "c")])

    assert {name: (place.centre, place.y) for name, place in found.places.items()} == {
        "a": (40.0, 0.0),
        "b": (40.0, 50.0),
        "c": (40.0, 100.0),
    }
    assert found.lines == (((40.0, 20.0), (40.0, 50.0)), ((40.0, 70.0), (40.0, 100.0)))
    assert found.size == Size(80.0, 120.0)


def test_an_input_stands_above_its_first_user():
    edges = [("a", "b"), ("b", "c"), ("late", "d"), ("c", "d")]
    found = layout(dict.fromkeys(["a", "late", "b", "c", "d"], BOX), edges)

    assert found.places["late"].y == found.places["c"].y


def test_boxes_do_not_overlap_and_lines_point_down():
    names = [f"n{i}" for i in range(24)]
    edges = [(names[i], names[j]) for i in range(24) for j in range(i + 1, 24) if (i * 7 + j * 5) % 11 == 0]
    sizes = {name: Size(30.0 + 7 * (i % 5), 20.0 + 9 * (i % 3)) for i, name in enumerate(names)}
    found = layout(sizes, edges)

    for first, second in combinations(found.places.values(), 2):
        apart = first.x + first.width <= second.x or second.x + second.width <= first.x
        assert apart or first.bottom <= second.y or second.bottom <= first.y
    for line in found.lines:
        assert [y for _, y in line] == sorted(y for _, y in line)
        assert all(-0.01 <= x <= found.size.width + 0.01 for x, _ in line)


def test_parallel_branches_do_not_cross():
    edges = [("in", "a"), ("in", "b"), ("b", "c"), ("a", "d"), ("c", "out"), ("d", "out")]
    places = layout(dict.fromkeys(["in", "a", "b", "c", "d", "out"], BOX), edges).places

    assert (places["a"].x < places["b"].x) == (places["d"].x < places["c"].x)


def test_nothing_is_drawn_for_nothing():
    assert layout({}, []).size == Size(0.0, 0.0)
