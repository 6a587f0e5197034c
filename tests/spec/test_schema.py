"""The schema for editors: what the language accepts it accepts, and what a schema can see it refuses."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from strategies import spec_texts

from kexp.document import Entries, Items, Node, Scalar, load_document, parse_document
from kexp.errors import KexpError
from kexp.spec.parse import parse_experiment
from kexp.spec.schema.keys import WELL_FORMED, key_pattern
from kexp.spec.schema.root import json_schema
from kexp.spec.schema.values import type_schema
from kexp.spec.type_notation import parse_type

ROOT = Path(__file__).parents[2]
FOLDERS = ("configs", "tests/export/specs", "kexp/cli/templates")
ACCEPTED = sorted(path for folder in FOLDERS for path in (ROOT / folder).glob("*.yaml"))
BROKEN = sorted((ROOT / "tests/cases/broken").glob("*.yaml"))

SCHEMA = json_schema()
VALIDATOR = Draft7Validator(SCHEMA)

SEEN = {
    *("unknown-key", "missing-key", "unknown-version", "not-a-spec", "bad-promise"),
    *("unknown-source", "unknown-option", "missing-option", "no-layers"),
    *("arrow-brackets", "arrow-count", "arrow-in-value", "arrow-name", "arrow-order", "arrow-spelling"),
    *("blank-missing", "expr-inputs", "two-objects", "unknown-model-class", "wrong-length"),
    *("unknown-callback", "unknown-constraint", "unknown-initializer", "unknown-loss", "unknown-metric"),
    *("unknown-optimizer", "unknown-regularizer", "unknown-schedule"),
}
"""Faults that a schema sees wherever they stand.

Of the others it would have to know another file, what a name stands for (wiring, `$names`, blocks), what a
formula or an expression comes to, or what keys mean together.
"""


def plain(node: Node) -> Any:
    """Return a document as JSON has it."""
    match node:
        case Scalar(value=value):
            return value
        case Items(items=items):
            return [plain(item) for item in items]
        case Entries(entries=entries):
            return {str(key.value): plain(value) for key, value in entries}


def faults_of(value: Any) -> list[str]:
    return [f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in VALIDATOR.iter_errors(value)]


def maps_in(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
    for inner in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from maps_in(inner)


def test_it_is_a_schema_of_draft_7_that_editors_read_in_a_moment():
    Draft7Validator.check_schema(SCHEMA)

    assert len(json.dumps(SCHEMA)) < 1_000_000


def test_every_reference_has_a_definition():
    named = {
        m["$ref"].removeprefix("#/definitions/") for m in maps_in(SCHEMA) if isinstance(m.get("$ref"), str)
    }

    assert named - set(SCHEMA["definitions"]) == set()


def test_every_list_of_words_has_words_and_each_once():
    lists = [m["enum"] for m in maps_in(SCHEMA) if isinstance(m.get("enum"), list)]

    assert [words for words in lists if not words or len({*words}) < len(words)] == []


def test_patterns_are_read_alike_by_python_and_javascript():
    patterns = {m["pattern"] for m in maps_in(SCHEMA) if isinstance(m.get("pattern"), str)}
    patterns |= {pattern for m in maps_in(SCHEMA) for pattern in m.get("patternProperties", ())}
    escapes = {escape for pattern in patterns for escape in re.findall(r"\\(.)", pattern)}

    assert escapes <= set("^$.*+?()[]{}|/" + "bdsSwx")
    assert not any("(?P" in pattern or "(?i" in pattern for pattern in patterns)


def test_every_key_of_the_language_says_what_it_is_for():
    root = SCHEMA["properties"]
    sections = [root, *(section["allOf"][0]["properties"] for section in root.values() if "allOf" in section)]

    assert {"model", "train", "runtime", "expect"} <= set(root)
    assert [name for keys in sections for name, key in keys.items() if not key.get("description")] == []


@pytest.mark.parametrize("path", ACCEPTED, ids=lambda path: path.stem)
def test_specs_of_this_repository_are_accepted(path):
    assert faults_of(plain(load_document(path).root)) == []


@given(spec_texts)
def test_what_the_language_accepts_is_accepted(text):
    assert faults_of(json.loads(text)) == []


@st.composite
def changed_specs(draw: st.DrawFn) -> Any:
    """A spec of this repository with one value changed, added or removed."""
    spec = plain(load_document(draw(st.sampled_from(ACCEPTED))).root)
    place = spec
    while isinstance(place, dict | list) and place:
        keys = list(place) if isinstance(place, dict) else range(len(place))
        holder, key = place, draw(st.sampled_from(keys))
        place = holder[key]
        if draw(st.booleans()):
            break
    match draw(st.sampled_from(["change", "add", "remove"])):
        case "change":
            holder[key] = json.loads(draw(VALUES))
        case "add" if isinstance(holder, dict):
            holder[draw(KEYS)] = json.loads(draw(VALUES))
        case _:
            del holder[key]
    return spec


VALUES = st.sampled_from(
    [
        *("null", "true", "-1", "0", "1", "3", "0.5", "1.0", "[]", "[1]", "[1, 2]", "{}"),
        *('"relu"', '"same"', '"adam"', '"$seed"', '"Flatten"', '"Dense"', '"code.py:f"', '"mse"', '"zeros"'),
        *('["accuracy"]', '{"a": 1}', '{"Dense": 3}', '{"L2": 0.1}', '{"Adam": 0.1}', '{"units": 3}'),
        *('{"literal": 1}', '{"code.py:f": {}}'),
    ]
)
KEYS = st.sampled_from(
    ["name", "units", "Dense", "x -> Dense", "Dense -> y", "repeat", "seed", "dtype", "stages", "split"]
)


@given(changed_specs())
def test_what_the_language_accepts_of_changed_specs_is_accepted(spec):
    try:
        parse_experiment(parse_document(json.dumps(spec).encode(), "spec.yaml"))
    except KexpError:
        return

    assert faults_of(spec) == []


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_a_fault_that_a_schema_can_see_is_found(path):
    try:
        document = parse_document(path.read_bytes(), path.name)
    except KexpError:
        return  # no YAML, and editors say so without a schema
    if document.faults or not isinstance(document.root, Entries) or document.root.get("extends"):
        return  # spelt as YAML forbids, or the base's faults count
    ids = re.findall(r"^error\[([a-z-]+)\]", path.with_suffix(".txt").read_text(), re.MULTILINE)

    assert faults_of(plain(document.root)) or SEEN.isdisjoint(ids)


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        ({"Dense": 64}, None),
        ({"Dense": {"units": 64, "activation": "relu"}}, None),
        ({"a, b -> Dense -> c": {"units": "$units"}}, None),
        ({"Dense -> h_$i": {"units": "$(2 ** i)"}, "repeat": 3}, None),
        ({"Bidirectional": {"LSTM": 32}}, None),
        ({"TimeDistributed": {"model": {"layers": ["Flatten"]}}}, None),
        ({"x, initial_state=[h, c] -> LSTM -> y, _": {"units": 3, "return_state": True}}, None),
        ({"layers.py:Scale": {"by": 2}}, None),
        ({"Dense": {"literal": 64}}, None),
        ({"Dense": {"sizes.py:units": {"of": "hidden"}}}, None),
        ({"res_block -> skip": {"filters": 32}, "trainable": False}, None),
        ({"x -> Dense -> y": {"unit": 64}}, "unit"),
        ({"Dense": {"units": 0}}, "units"),
        ({"Dense": "many"}, "Dense"),
        ({"Dnse": 64}, ""),
        ({"Dense": 64, "name": "hidden"}, ""),
        ({"Dense": 64, "repat": 2}, ""),
        ({"x[0] -> Dense": 64}, ""),
        ({"Dense => hidden": 64}, ""),
        ({"Bidirectional": {"LSTM": {"unit": 32}}}, "unit"),
        ("Flatten", None),
        ("a, b -> Add -> sum", None),
        ("x -> res_block", None),
        ("Dense", ""),
        ("x -> Dense -> y", ""),
        ("Dense:3", ""),
    ],
    ids=str,
)
def test_a_step_is_known_by_its_key(step, fault):
    model = {"layers": [step]}
    spec = {"data": {"source": "npz"}, "model": model, "train": {"optimizer": "adam", "loss": "mse"}}

    places = [re.search(r"layers/0/?(.*): ", text) for text in faults_of(spec)]
    assert bool(places) == (fault is not None)
    assert all(place is not None for place in places)


@pytest.mark.parametrize(
    ("key", "is_dense"),
    [
        ("Dense", True),
        ("x -> Dense", True),
        ("Dense -> y", True),
        ("[a, b], mask=m -> Dense -> y", True),
        ("MyDense", False),
        ("DenseNet121", False),
        ("a -> Add -> Dense", False),
        ("Dense -> Add -> b", False),
    ],
)
def test_the_pattern_of_a_layer_finds_it_between_the_arrows(key, is_dense):
    assert bool(re.search(key_pattern("Dense"), key)) == is_dense


@pytest.mark.parametrize(
    ("key", "is_well_formed"),
    [
        ("Dense -> left(a, _)", True),
        ("q, [k, null], mask=m -> code.py:F", True),
        ("x -> Dense -> $name", True),
        ("größe -> Dense", True),
        ("a b -> Add", False),
        ("mask=m, x -> GRU", False),
        ("Dense -> prev", False),
        ("Dense ->", False),
        ("x -> expr -> y", False),
    ],
)
def test_inputs_and_names_in_a_key_are_names(key, is_well_formed):
    assert bool(re.search(WELL_FORMED, key)) == is_well_formed


@pytest.mark.parametrize(
    ("takes", "accepted", "refused"),
    [
        ("int[1,)", [1, 512, "$n", "$(a + 1)", {"literal": 1}, "a.py:f"], [0, 1.5, True, "many", [1], None]),
        ("float(0,1] | null", [0.5, 1, None, "$rate"], [0, 1.1, "no", False]),
        ("bool", [True, False, 0, 1, "$flag"], [2, "yes", None]),
        ("word(valid, same)", ["valid", "$padding"], ["Same", 1]),
        ("anycase(valid, same)", ["SAME", "Valid"], ["both"]),
        ("dtype", ["float32", "mixed_float16", "int8_from_float32"], ["float31", 32]),
        ("int[1,) | list(int[1,); 2)", [3, [3, 3], "$n", ["$n", 3]], [0, [3], [3, 3, 3], [3, 0]]),
        ("map(float)", [{"a": 1.5}, {}], [{"a": "b"}, 1.5]),
        ("any", [None, 1, "a", {}, []], []),
    ],
)
def test_a_type_of_the_catalogue_is_a_schema(takes, accepted, refused):
    validator = Draft7Validator(type_schema(parse_type(takes)))

    assert [value for value in accepted if not validator.is_valid(value)] == []
    assert [value for value in refused if validator.is_valid(value)] == []
