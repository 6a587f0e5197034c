"""What is legal and probably wrong: every warning's whole text, and no false alarm."""

from pathlib import Path

import pytest

from kexp.diagnostics import render
from kexp.document import load_document, parse_document
from kexp.spec.bases import extend
from kexp.spec.overrides import override
from kexp.spec.parse import check
from kexp.trackers import TRACKERS

CASES = Path(__file__).parents[1] / "cases" / "doubtful"
DOUBTFUL = sorted(CASES.glob("*.yaml"))
ROOT = Path(__file__).parents[2]
SOUND = sorted([*(ROOT / "configs").glob("*.yaml"), *(ROOT / "tests" / "export" / "specs").glob("*.yaml")])


@pytest.mark.parametrize("path", DOUBTFUL, ids=lambda path: path.stem)
def test_a_doubtful_spec_gives_an_experiment_and_these_warnings(path, golden, monkeypatch):
    monkeypatch.chdir(path.parent)
    checked = check(extend(load_document(Path(path.name))).document)

    assert checked.experiment is not None
    golden(f"{render(checked.diagnostics)}\n", path.with_suffix(".txt"))


def test_every_expected_text_belongs_to_a_doubtful_spec():
    assert {path.stem for path in CASES.glob("*.txt")} == {path.stem for path in DOUBTFUL}


@pytest.mark.parametrize("path", SOUND, ids=lambda path: path.stem)
def test_a_sound_spec_is_not_doubted(path):
    assert check(load_document(path)).diagnostics == ()


def ids(text, *assignments, folder=Path()):
    document = override(extend(parse_document(text.encode(), "spec.yaml", folder)).document, assignments)
    return [diagnostic.id for diagnostic in check(document).diagnostics]


@pytest.mark.parametrize("tracker", TRACKERS)
def test_every_tracker_that_there_is_may_be_named(tracker):
    assert ids((ROOT / "configs" / "diabetes.yaml").read_text(), f"trackers=[{tracker}]") == []


# ---------------------------------------------------------------- what is no mistake

MODEL = """\
data: {{source: "own.py:load"}}
model:
  inputs: {{image: [8, 8, 1]}}
  layers:
{layers}
train: {{optimizer: adam, loss: {loss}, metrics: {metrics}, epochs: 10}}
"""


def doubts(*layers, loss="mse", metrics="[]"):
    steps = "\n".join(f"    - {layer}" for layer in layers)
    return ids(MODEL.format(layers=steps, loss=loss, metrics=metrics))


@pytest.mark.parametrize(
    "layers",
    [
        ["Conv2D: {filters: 8, kernel_size: 3}", "Flatten", "Dense: 10"],
        ["Conv2D: {filters: 8, kernel_size: 3}", "Dense: 16", "GlobalAveragePooling2D", "Dense: 10"],
        ["Conv2D: {filters: 8, kernel_size: 3}", "LayerNormalization", "Dense: 16"],
        ["Conv2D: {filters: 8, kernel_size: 3}", "own.py:flat", "Dense: 10"],
        ["Conv2D: {filters: 8, kernel_size: 3}", "Dense: 16", "own.py:flat"],
        ["Conv2D: {filters: 8, kernel_size: 3}", "Dense: 16", "Reshape: {target_shape: [-1, 16]}", "GRU: 8"],
        ["Flatten", "Dropout: 0.79", "Dense: 10"],
        ["Flatten", "Dense: {units: 3, activation: softmax}", "Dense: {units: 1, activation: sigmoid}"],
    ],
)
def test_layers_that_are_used_well_are_not_doubted(layers):
    assert doubts(*layers) == []


@pytest.mark.parametrize(
    ("head", "loss"),
    [
        ("Dense: {units: 10, activation: softmax}", "sparse_categorical_crossentropy"),
        ("Dense: 10", "{SparseCategoricalCrossentropy: {from_logits: true}}"),
        ("Dense: {units: 10, activation: sigmoid}", "binary_crossentropy"),
        ("Dense: 1", "{BinaryCrossentropy: {from_logits: true}}"),
        ("Dense: {units: 1, activation: tanh}", "hinge"),
        ("Dense: {units: 10, activation: log_softmax}", "categorical_crossentropy"),
        ("Dense: {units: 10, activation: own.py:squashed}", "categorical_crossentropy"),
        ("own.py:Head", "sparse_categorical_crossentropy"),
        ("Dense: 10", "own.py:loss"),
        ("Dense: {units: $num_classes, activation: softmax}", "sparse_categorical_crossentropy"),
    ],
)
def test_ends_that_fit_their_loss_are_not_doubted(head, loss):
    assert doubts("Flatten", head, loss=loss) == []


def test_an_end_is_seen_through_reuse_blocks_and_layers_of_activation():
    loss = "sparse_categorical_crossentropy"
    softmax = ["Dense: 10", "Softmax"], ["Dense: 10", "Activation: softmax"], ["Dense: 10", "Dropout: 0.1"]
    assert [doubts("Flatten", *layers, loss=loss) for layers in softmax] == [
        [],
        [],
        ["output-dropped", "probabilities-expected"],
    ]
    assert doubts("Flatten", "Dense -> a: 64", "reuse: a", loss=loss) == ["probabilities-expected"]


def test_accuracy_is_for_classes_even_by_a_squared_error():
    head = "Dense: {units: 1, activation: sigmoid}"
    assert doubts("Flatten", head, metrics="[accuracy]") == []
    assert doubts("Flatten", "Dense: 1", metrics="[BinaryAccuracy]") == ["accuracy-of-values"]


def test_what_a_base_brings_along_may_go_unused(tmp_path):
    base = "vars: {width: 8, more: 3}\nblocks: {one: {layers: [ReLU]}, two: {layers: [ReLU]}}\n"
    (tmp_path / "base.yaml").write_text(base)
    spec = MODEL.format(layers="    - Flatten\n    - Dense: $width", loss="mse", metrics="[]")
    text = f"extends: base.yaml\n{spec}"

    assert ids(text, folder=tmp_path) == []
    assert ids(text + "vars: {less: 1}\nblocks: {three: {layers: [ReLU]}}\n", folder=tmp_path) == [
        "unused-value",
        "unused-block",
    ]
    assert ids(text, "vars.more=9", folder=tmp_path) == ["unused-value"]


def test_a_value_of_the_command_line_that_nothing_uses_is_an_error(tmp_path):
    spec = MODEL.format(layers="    - Flatten\n    - Dense: $width", loss="mse", metrics="[]")
    written = parse_document(f"vars: {{width: 8}}\n{spec}".encode(), "s", tmp_path)
    (found,) = check(override(written, ["vars.wdith=9"])).diagnostics
    assert (found.id, found.severity, found.help) == ("unused-value", "error", "did you mean `width`?")


def test_a_value_that_is_perhaps_only_misspelt_is_not_called_unused():
    spec = MODEL.format(layers="    - Flatten\n    - Dense: $wdth", loss="mse", metrics="[]")
    assert ids(f"vars: {{width: 8}}\n{spec}") == ["unknown-value"]
    assert ids(f"vars: {{width: 8, other: 8}}\n{spec}") == ["unused-value", "unknown-value"]


def test_a_block_that_is_perhaps_only_misspelt_is_not_called_unused():
    spec = MODEL.format(layers="    - haed", loss="mse", metrics="[]")
    assert ids(f"blocks: {{head: {{layers: [Flatten]}}}}\n{spec}") == ["unknown-layer"]
