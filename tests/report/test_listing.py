from pathlib import Path

import pytest

from kexp.document import load_document, parse_document
from kexp.report.listing import listing
from kexp.spec.parse import parse_experiment

SPECS = Path(__file__).parents[1] / "export" / "specs"
GOLDEN = Path(__file__).parents[1] / "golden" / "graphs"


@pytest.mark.parametrize("name", ["loops", "lstm", "nested", "outputs", "resnet20", "unet"])
def test_the_listing_reads_like_this(name, golden):
    experiment = parse_experiment(load_document(SPECS / f"{name}.yaml"))

    golden(f"{listing(experiment)}\n", GOLDEN / f"{name}.txt")


def test_outputs_with_keys_of_their_own_are_told():
    text = """
kexp: 1
name: keyed
data: {source: sklearn, dataset: digits}
model:
  layers: [{Dense -> hidden: 4}, {Dense -> one: 1}, {hidden -> Dense -> two: 2}]
  outputs: {first: one, two: two}
train: {optimizer: sgd, loss: {first: mse, two: mse}}
"""

    assert listing(parse_experiment(parse_document(text.encode(), "spec.yaml"))).splitlines() == [
        "keyed → first=one, two",
        "  Dense  hidden  4",
        "  Dense  one     1",
        "  Dense  two     2  ← hidden",
    ]


def test_a_model_class_is_listed_with_its_graphs():
    text = """
kexp: 1
name: pair
data: {source: sklearn, dataset: digits}
model: {"gan.py:GAN": {generator: {model: {layers: [{Dense: 4}]}}, critic: {model: {layers: [{Dense: 1}]}}}}
train: {compile: {steps: 1}}
"""

    assert listing(parse_experiment(parse_document(text.encode(), "spec.yaml"))) == (
        "gan.py:GAN\n\ngenerator\n  Dense  4\n\ncritic\n  Dense  1"
    )
