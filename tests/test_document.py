from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import scalar_texts, yaml_like_texts

from kexp.diagnostics import Source, Span
from kexp.document import (
    Document,
    Entries,
    Items,
    Scalar,
    load_document,
    means_other_than_text,
    parse_document,
    parse_value,
    path_parts,
    plain,
)
from kexp.errors import KexpError, NotFound, SpecError


def read(text: str) -> Document:
    return parse_document(text.encode(), "spec.yaml")


def test_a_document_holds_scalars_maps_and_lists_in_the_order_of_the_text():
    document = read("b: [1, 2.5, text]\na: {c: true, d: }\n")
    assert plain(document.root) == {"b": [1, 2.5, "text"], "a": {"c": True, "d": None}}
    assert [name for name, _, _ in document.root] == ["b", "a"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1E5", 100000.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("-0", 0),
        ("+7", 7),
        ("0x1F", 31),
        ("0o17", 15),
        ("~", None),
        ("null", None),
        ("true", True),
        ("-.inf", float("-inf")),
        ("1e", "1e"),
        ("0b1", "0b1"),
        ("1:75", "1:75"),
        ("2024-01-01", "2024-01-01"),
        ("'1'", "1"),
        ('"yes"', "yes"),
        ("9" * 250, int("9" * 250)),
        ("9" * 251, 1e251),
    ],
)
def test_scalars_follow_the_core_schema(text, value):
    found = plain(read(f"key: {text}").root)["key"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "help"),
    [
        ("yes", "write `true`, or quote it"),
        ("Off", "write `false`, or quote it"),
        ("TRUE", "write `true`, or quote it"),
        ("-010", "write `-10`, or quote it"),
        ("00", "write `0`, or quote it"),
        ("1_000.5", "write `1000.5`, or quote it"),
        ("12:30:45", "quote it"),
    ],
)
def test_spellings_on_which_yaml_versions_disagree_are_refused(text, help):
    [fault] = read(f"key: {text}").faults
    assert (fault.id, fault.help, fault.span.text) == ("ambiguous-scalar", help, text)
    assert read(f"key: '{text}'").faults == ()


def test_every_value_keeps_its_place():
    document = read("train:\n  epochs: 3\n  metrics: [accuracy, 'AUC']\n")
    places = {
        path: (str(document.locate(path)), document.locate(path).text)
        for path in ("train", "train.epochs", "train.metrics", "train.metrics[0]", "train.metrics[1]")
    }
    assert places == {
        "train": ("spec.yaml:2:3", "epochs: 3"),
        "train.epochs": ("spec.yaml:2:11", "3"),
        "train.metrics": ("spec.yaml:3:12", "[accuracy, 'AUC']"),
        "train.metrics[0]": ("spec.yaml:3:13", "accuracy"),
        "train.metrics[1]": ("spec.yaml:3:23", "'AUC'"),
    }


def test_a_path_that_leads_nowhere_is_placed_at_its_nearest_parent():
    document = read("train: {epochs: 3}\nempty:\n")
    assert document.locate("train.optimizer.Adam").text == "{epochs: 3}"
    assert document.locate("train[3]").text == "{epochs: 3}"
    assert document.locate("empty").text == "empty"
    assert document.locate("model") is None


def test_a_key_has_a_place_of_its_own():
    document = read("train: {epochs: 3}\n")
    assert document.locate_key("train.epochs").text == "epochs"
    assert document.locate_key("model") is None


def test_a_step_is_found_by_its_what():
    document = read("layers:\n  - x -> Dense -> y: {units: 3}\n  - code/swish.py:Swish: {beta: 2}\n")
    assert document.locate("layers[0].Dense.units").text == "3"
    assert document.locate("layers[1].code/swish.py:Swish.beta").text == "2"


def test_what_stands_beside_a_step_is_found_below_its_key():
    document = read("layers:\n  - a -> Dense -> b: 3\n    weights: w.keras\ntrain: {loss: mse}\nname: x\n")
    assert document.locate("layers[0].Dense.weights").text == "w.keras"
    assert document.locate("layers[0].Dense.units").text == "3"
    assert document.locate("train.loss.name").text == "mse"


def test_a_path_is_split_into_keys_and_indices():
    assert path_parts("train.stages[0].optimizer") == ["train", "stages", "[0]", "optimizer"]
    assert path_parts("layers[1].swish.py:Swish.beta") == ["layers", "[1]", "swish.py:Swish", "beta"]


def test_an_error_is_placed_by_its_paths():
    document = read("data: {target: age}\n")
    error = document.located(SpecError.because("no-column", "there is no column `age`", path="data.target"))
    assert str(error) == (
        "error[no-column]: there is no column `age`\n"
        " --> spec.yaml:1:16  (data.target)\n"
        "  |\n"
        "1 | data: {target: age}\n"
        "  |                ^^^"
    )


def test_places_are_right_behind_other_scripts_and_a_byte_order_mark():
    document = parse_document("\ufeffname: größe 🙂\nüber: {a: 1}\n".encode(), "spec.yaml")
    assert str(document.locate("name")) == "spec.yaml:1:7"
    assert document.locate("über.a").text == "1"


def test_aliases_are_written_out():
    assert plain(read("a: &x [1, {b: 2}]\nc: [*x, *x]\n").root) == {
        "a": [1, {"b": 2}],
        "c": [[1, {"b": 2}], [1, {"b": 2}]],
    }


def test_faults_that_leave_the_rest_readable_are_gathered():
    document = read("a: yes\nb: 1\nb: 2\nc: {<<: {d: 1}}\n? [e]\n: 1\n")
    assert [fault.id for fault in document.faults] == [
        "ambiguous-scalar",
        "duplicate-key",
        "yaml-merge-key",
        "key-not-text",
    ]


def test_a_map_with_an_unreadable_key_is_refused_as_a_whole():
    document = read("a: {<<: {d: 1}, e: 2}\nb: 1\n")
    assert document.root.get("a") == Scalar(None, Span(document.source, 1, 1, 1, 1))
    assert document.root.get("a").refused


def test_a_large_text_is_refused():
    with pytest.raises(SpecError) as error:
        parse_document(b" " * ((1 << 20) + 1), "spec.yaml")
    assert (
        str(error.value)
        == "error[spec-too-large]: `spec.yaml` has more than 1,048,576 bytes, and no spec does"
    )


def test_a_text_in_another_encoding_is_refused():
    with pytest.raises(SpecError) as error:
        parse_document("name: größe".encode("latin-1"), "spec.yaml")
    assert (
        str(error.value)
        == "error[spec-not-utf8]: `spec.yaml` is not UTF-8 text: invalid start byte at byte 8"
    )


def test_a_document_knows_its_folder(tmp_path):
    path = tmp_path / "spec.yaml"
    path.write_text("kexp: 1\n")
    document = load_document(path)
    assert (document.folder, document.source.name, plain(document.root)) == (tmp_path, str(path), {"kexp": 1})


def test_a_missing_file_is_answered_with_its_neighbours(tmp_path):
    (tmp_path / "digits.yaml").touch()
    with pytest.raises(NotFound) as error:
        load_document(tmp_path / "digit.yaml")
    assert str(error.value) == (
        f"error[spec-not-found]: there is no file `{tmp_path}/digit.yaml`\n"
        f"help: `{tmp_path}` holds `digits.yaml`"
    )
    with pytest.raises(NotFound) as error:
        load_document(Path("/nowhere/digit.yaml"))
    assert str(error.value) == "error[spec-not-found]: there is no file `/nowhere/digit.yaml`"


def test_a_folder_cannot_be_read_as_a_spec(tmp_path):
    with pytest.raises(NotFound) as error:
        load_document(tmp_path)
    assert (
        str(error.value)
        == f"error[spec-not-readable]: `{tmp_path}` is a folder\nhelp: name the YAML file in it"
    )


def test_one_value_is_read_from_the_command_line():
    assert plain(parse_value(Source("command line", "{a: [1, b]}"))) == {"a": [1, "b"]}
    assert plain(parse_value(Source("command line", ""))) is None
    with pytest.raises(SpecError):
        parse_value(Source("command line", "yes"))


@given(st.one_of(st.text(), yaml_like_texts))
@settings(deadline=None)
def test_any_text_gives_a_document_or_a_refusal(text):
    try:
        document = parse_document(text.encode(), "spec.yaml")
    except KexpError as error:
        assert str(error)
    else:
        assert isinstance(document.root, (Scalar, Items, Entries))


@given(st.binary(max_size=40))
@settings(deadline=None)
def test_any_bytes_give_a_document_or_a_refusal(data):
    try:
        parse_document(data, "spec.yaml")
    except KexpError as error:
        assert str(error)


@given(st.lists(scalar_texts, min_size=1, max_size=5), st.integers(0, 3))
@settings(deadline=None)
def test_the_text_at_a_plain_scalars_span_is_the_scalar(scalars, indent):
    block = "key:\n" + "".join(f"{' ' * indent}- {scalar}\n" for scalar in scalars)
    flow = f"ключ: [{', '.join(scalars)}]"
    for text in (block, flow):
        [items] = [value for _, _, value in read(text).root]
        assert [item.span.text for item in items.items] == scalars


@given(scalar_texts)
@settings(deadline=None)
def test_a_text_means_another_thing_unless_it_reads_as_itself(text):
    document = read(f"- {text}")
    [scalar] = document.root.items
    assert means_other_than_text(text) == (scalar.value != text or bool(document.faults))
