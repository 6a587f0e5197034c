import dataclasses

import pytest

from kexp.document import parse_document
from kexp.spec.elsewhere import meant_elsewhere, misplaced_keys, nearly_elsewhere
from kexp.spec.types import Runtime, Split, Training

SPLIT = "a split is the data's: `data: {split: {val: 0.2}}`"


@pytest.mark.parametrize(
    ("name", "path", "help"),
    [
        ("epochs", "", "did you mean `train.epochs`?"),
        ("epoch", "model", "did you mean `train.epochs`?"),
        ("layer", "", "did you mean `model.layers`?"),
        ("val", "data", "did you mean `data.split.val`?"),
        ("jit_compile", "train", "did you mean `runtime.jit_compile`?"),
        ("validation_split", "train", SPLIT),
        ("lr", "train", "it is an argument of the optimizer: `train: {optimizer: {Adam: 1e-3}}`"),
        ("epochs", "train", None),
        ("zebra", "", None),
    ],
)
def test_a_key_of_another_section_or_of_fit_is_shown_its_place(name, path, help):
    assert meant_elsewhere(name, path) == help


def test_a_misspelt_key_of_another_section_is_shown_its_place():
    assert nearly_elsewhere("batchsize", "") == "did you mean `train.batch_size`?"
    assert nearly_elsewhere("validation_splt", "train") == SPLIT
    assert nearly_elsewhere("zebra", "") is None


def test_every_key_of_a_section_is_known_elsewhere():
    for section, cls in (("train", Training), ("runtime", Runtime), ("data.split", Split)):
        for field in dataclasses.fields(cls):
            if field.name != "seed" and (section, field.name) != ("data.split", "shuffle"):
                assert meant_elsewhere(field.name, "") == f"did you mean `{section}.{field.name}`?"


def test_keys_in_a_wrong_section_are_told_apart_from_those_in_theirs():
    text = """\
data: {val: 1, split: {val: 0.1, shuffle: false}, epochs: 3}
loss: mse
layers: []
train: {metrics: [], device: cpu}
"""
    assert misplaced_keys(parse_document(text.encode(), "spec.yaml").root) == {
        "data.split.val",
        "train.epochs",
        "train.loss",
        "model.layers",
        "runtime.device",
    }
