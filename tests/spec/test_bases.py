from pathlib import Path

import pytest

from kexp.document import load_document, parse_document, plain
from kexp.errors import NotFound, SpecError
from kexp.spec.bases import extend
from kexp.spec.parse import parse_experiment

BASE = """\
name: base
tags: [a, b]
vars: {units: 8}
data: {source: sklearn, dataset: digits, split: {val: 0.1, test: 0.1}}
model:
  layers:
    - Dense: {units: $units, kernel_regularizer: {L2: 1e-4}}
    - Dense: 10
train:
  optimizer: {Adam: {learning_rate: 1e-3, beta_1: 0.8}}
  loss: mse
  epochs: 5
"""


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def extended(folder: Path, text: str):
    return extend(parse_document(text.encode(), "spec.yaml", folder))


def merged(folder: Path, text: str):
    return plain(extended(folder, text).document.root)


def test_a_spec_without_bases_stays_as_it_is(tmp_path):
    document = parse_document(BASE.encode(), "spec.yaml", tmp_path)
    assert extend(document).document == document
    assert extend(document).bases == {}


def test_maps_merge_deeply_and_lists_replace(tmp_path):
    write(tmp_path, base=BASE)
    spec = merged(tmp_path, "extends: base.yaml\ntags: [c]\ndata: {split: {val: 0.2}}\ntrain: {epochs: 9}\n")

    assert "extends" not in spec
    assert spec["tags"] == ["c"]
    assert spec["data"] == {"source": "sklearn", "dataset": "digits", "split": {"val": 0.2, "test": 0.1}}
    assert (spec["name"], spec["train"]["epochs"], spec["train"]["loss"]) == ("base", 9, "mse")


@pytest.mark.parametrize(
    ("over", "optimizer"),
    [
        ("{SGD: 0.1}", {"SGD": 0.1}),
        ("{Adam: {learning_rate: 0.1}}", {"Adam": {"learning_rate": 0.1, "beta_1": 0.8}}),
        ("{Adam: 0.1}", {"Adam": 0.1}),
        ("adam", "adam"),
    ],
)
def test_an_object_replaces_one_of_another_name_and_merges_with_its_own(tmp_path, over, optimizer):
    write(tmp_path, base=BASE)
    assert (
        merged(tmp_path, f"extends: base.yaml\ntrain: {{optimizer: {over}}}\n")["train"]["optimizer"]
        == optimizer
    )


def test_later_bases_are_stronger_and_bases_have_bases(tmp_path):
    write(
        tmp_path,
        base=BASE,
        small="extends: base.yaml\nname: small\nvars: {units: 2}\n",
        long="train: {epochs: 99}\nname: long\n",
    )
    spec = merged(tmp_path, "extends: [small.yaml, long.yaml]\n")

    assert (spec["name"], spec["vars"], spec["train"]["epochs"]) == ("long", {"units": 2}, 99)


def test_every_value_points_at_the_file_that_says_it(tmp_path):
    write(tmp_path, base=BASE)
    document = extended(tmp_path, "extends: base.yaml\ntrain: {epochs: 9}\n").document

    assert str(document.locate("train.epochs")) == "spec.yaml:2:17"
    assert str(document.locate("train.loss")) == f"{tmp_path}/base.yaml:11:9"
    experiment = parse_experiment(document)
    assert (experiment.train.epochs, experiment.model.steps[0].what.options["units"]) == (9, 8)


def test_files_of_a_base_are_relative_to_the_base(tmp_path):
    base = """\
data: {source: csv, path: rows.csv, target: y}
model: {layers: [{"net.py:Block": {act: "net.py:swish", note: "net.csv"}}, "x -> net.py:Head -> y"]}
"""
    write(tmp_path, shared__base=base)
    write(tmp_path / "shared", deeper__far="data: {path: far.csv}\n")
    spec = merged(tmp_path, "extends: [shared/base.yaml]\n")

    assert spec["data"]["path"] == "shared/rows.csv"
    assert spec["model"]["layers"] == [
        {"shared/net.py:Block": {"act": "shared/net.py:swish", "note": "net.csv"}},
        "x -> shared/net.py:Head -> y",
    ]
    assert merged(tmp_path, "extends: shared/deeper/far.yaml\n") == {
        "data": {"path": "shared/deeper/far.csv"}
    }


def test_absolute_files_and_those_of_the_spec_itself_stay(tmp_path):
    write(tmp_path, shared__base="data: {path: /data/rows.csv}\n")
    assert merged(tmp_path, "extends: shared/base.yaml\n") == {"data": {"path": "/data/rows.csv"}}
    assert merged(tmp_path, "extends: shared/base.yaml\ndata: {path: own.csv}\n") == {
        "data": {"path": "own.csv"}
    }


def test_the_bytes_of_all_bases_are_kept(tmp_path):
    write(tmp_path, shared__base="extends: far.yaml\nname: base\n", shared__far="name: far\n")
    bases = extended(tmp_path, "extends: shared/base.yaml\n").bases
    assert bases == {
        "shared/base.yaml": b"extends: far.yaml\nname: base\n",
        "shared/far.yaml": b"name: far\n",
    }


def test_a_base_keeps_its_byte_order_mark_and_its_line_ends(tmp_path):
    data = b"\xef\xbb\xbfname: far\r\nseed: 3\r\n"
    (tmp_path / "base.yaml").write_bytes(data)
    found = extended(tmp_path, "extends: base.yaml\n")

    assert found.bases == {"base.yaml": data}
    assert plain(found.document.root) == {"name": "far", "seed": 3}


def test_a_base_may_be_extended_on_two_ways(tmp_path):
    write(tmp_path, base=BASE, left="extends: base.yaml\nname: left\n", right="extends: base.yaml\nseed: 3\n")
    spec = merged(tmp_path, "extends: [left.yaml, right.yaml]\n")
    assert (spec["seed"], spec["train"]["epochs"]) == (3, 5)


def test_a_spec_that_extends_itself_is_refused(tmp_path):
    write(tmp_path, spec="extends: spec.yaml\n")
    with pytest.raises(SpecError) as caught:
        extend(load_document(tmp_path / "spec.yaml"))
    assert [(d.id, d.message) for d in caught.value.diagnostics] == [
        ("extends-cycle", "the specs extend one another: spec.yaml -> spec.yaml")
    ]


def test_a_missing_base_of_a_base_is_blamed_on_that_base(tmp_path):
    write(tmp_path, base="extends: nowhere.yaml\n")
    with pytest.raises(NotFound) as caught:
        extended(tmp_path, "extends: base.yaml\n")
    (fault,) = caught.value.diagnostics
    assert (fault.id, str(fault.span)) == ("base-not-found", f"{tmp_path}/base.yaml:1:10")


def test_the_file_of_a_vocabulary_is_found_from_a_base_in_another_folder(tmp_path):
    write(tmp_path, deep__base="preprocess: {text: [{TextVectorization: {vocabulary: words.txt}}]}\n")
    spec = merged(tmp_path, "extends: deep/base.yaml\n")
    assert spec["preprocess"]["text"][0]["TextVectorization"] == {"vocabulary": "deep/words.txt"}


def test_so_is_that_of_a_layer_of_the_model_but_not_what_an_own_layer_calls_a_vocabulary(tmp_path):
    own = '"own.py:Words": {vocabulary: small}'
    layers = f"[{{x -> IntegerLookup -> ids: {{vocabulary: ids.txt}}}}, {{{own}}}]"
    write(tmp_path, deep__base=f"model: {{layers: {layers}}}\n")
    spec = merged(tmp_path, "extends: deep/base.yaml\n")
    assert spec["model"]["layers"] == [
        {"x -> IntegerLookup -> ids": {"vocabulary": "deep/ids.txt"}},
        {"deep/own.py:Words": {"vocabulary": "small"}},
    ]
