import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import experiment_of, spec_texts, yaml_like_texts

from kexp.document import load_document, parse_document
from kexp.errors import KexpError, NotFound, SpecError
from kexp.spec.bases import extend
from kexp.spec.canonical import canonical
from kexp.spec.parse import parse_experiment
from kexp.spec.types import (
    Best,
    Checkpoint,
    Component,
    Data,
    Experiment,
    Graph,
    Operands,
    Promise,
    Runtime,
    Split,
    Step,
    Training,
)

BROKEN = sorted((Path(__file__).parent.parent / "cases" / "broken").glob("*.yaml"))
DIGITS = """\
kexp: 1
name: digits
tags: [small, 2]
vars: {units: 64, double: $(units * 2)}
seed: 42
runtime: {precision: mixed_float16, threads: 2}
data: {source: sklearn, dataset: digits, split: {val: 0.15, test: 100}}
model:
  layers:
    - Rescaling: 0.0625
    - Dense -> hidden: {units: $double, activation: relu}
    - hidden -> Dense: $units
      trainable: false
train:
  optimizer: {Adam: 1e-3}
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
  epochs: 15
  checkpoint: {best: {monitor: val_accuracy, mode: max}}
trackers: [tensorboard]
expect: {test_accuracy: ">= 0.93"}
"""

BLOCKS = """\
data: {source: sklearn, dataset: digits}
blocks:
  res:
    params: {filters: 16, act: relu}
    layers:
      - Dense: {units: $filters, activation: $act}
      - prev, input -> Add
model:
  layers:
    - Dense -> x: 16
    - res: 16
      repeat: 3
    - layers:
        - Dense -> enc_$i: $f
      repeat: {f: [16, 32]}
    - expr -> y: "x * 2 + enc_1[:, 0:1]"
    - prev, x -> Concatenate
    - Dense: $(dim(x) * 2)
train: {optimizer: adam, loss: mse}
"""


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_a_broken_spec_gives_these_diagnostics(path, golden, monkeypatch):
    monkeypatch.chdir(path.parent)
    with pytest.raises((SpecError, NotFound)) as error:
        parse_experiment(extend(load_document(Path(path.name))).document)
    golden(f"{error.value}\n", path.with_suffix(".txt"))


def test_every_expected_text_belongs_to_a_broken_spec():
    texts = {path.stem for path in BROKEN[0].parent.glob("*.txt")}
    assert texts == {path.stem for path in BROKEN}


def test_a_spec_becomes_an_experiment():
    def layer(name: str, **options: object) -> Component:
        return Component(name, "layers", options)

    assert experiment_of(DIGITS) == Experiment(
        name="digits",
        tags=("small", "2"),
        seed=42,
        runtime=Runtime(precision="mixed_float16", threads=2),
        data=Data("sklearn", {"dataset": "digits"}, Split(val=0.15, test=100)),
        model=Graph(
            (
                Step(layer("Rescaling", scale=0.0625)),
                Step(layer("Dense", units=128, activation="relu"), gives=("hidden",)),
                Step(layer("Dense", units=64), takes=Operands(("hidden",)), trainable=False),
            )
        ),
        train=Training(
            optimizer=Component("Adam", "optimizers", {"learning_rate": 0.001}),
            loss="sparse_categorical_crossentropy",
            metrics=("accuracy",),
            epochs=15,
            checkpoint=Checkpoint(best=Best("val_accuracy", "max")),
        ),
        trackers=("tensorboard",),
        expect=(Promise("test_accuracy", ">=", 0.93),),
    )


def test_the_name_defaults_to_the_files_stem():
    text = DIGITS.replace("name: digits\n", "")
    assert experiment_of(text, "configs/mine.yaml").name == "mine"
    assert experiment_of(text, "<stdin>").name == "stdin"


def test_the_experiment_keeps_its_document():
    document = parse_document(DIGITS.encode(), "spec.yaml")
    assert parse_experiment(document).document is document


def test_faults_of_the_document_and_of_the_spec_are_reported_together():
    with pytest.raises(SpecError) as error:
        experiment_of(DIGITS.replace("epochs: 15", "shuffle: yes").replace("Rescaling", "Rescalin"))
    assert [fault.id for fault in error.value.diagnostics] == ["unknown-layer", "ambiguous-scalar"]


# ---------------------------------------------------------------- any text

SIGNS = "{}[]:,->$#&*!|>'\"%@` \n\t_=.0aA~"


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """A spec after up to three slips: a character or line lost, doubled, replaced or shifted."""
    text = draw(st.sampled_from([DIGITS, BLOCKS, canonical(experiment_of(DIGITS), defaults=True)]))
    for _ in range(draw(st.integers(1, 3))):
        lines = text.split("\n")
        at, number = draw(st.integers(0, len(text) - 1)), draw(st.integers(0, len(lines) - 1))
        line = lines[number]
        text = draw(
            st.sampled_from(
                [
                    text[:at] + text[at + 1 :],
                    text[: at + 1] + text[at:],
                    text[:at] + draw(st.sampled_from(SIGNS)) + text[at + 1 :],
                    "\n".join([*lines[:number], *lines[number + 1 :]]),
                    "\n".join([*lines[:number], line, *lines[number:]]),
                    "\n".join([*lines[:number], " " * draw(st.integers(1, 4)) + line, *lines[number + 1 :]]),
                ]
            )
        )
    return text


@given(mutations())
@settings(deadline=None)
def test_any_slip_gives_an_experiment_or_placed_diagnostics_quickly(text):
    start = time.process_time()
    try:
        experiment_of(text)
    except SpecError as error:
        assert error.diagnostics
        assert all(fault.span is not None for fault in error.diagnostics)
        assert str(error)
    assert time.process_time() - start < 1


@given(st.one_of(st.text(), yaml_like_texts))
@settings(deadline=None)
def test_any_text_gives_an_experiment_or_diagnostics(text):
    try:
        experiment_of(text)
    except KexpError as error:
        assert error.diagnostics


@given(spec_texts)
@settings(deadline=None, max_examples=50)
def test_every_valid_spec_is_read(text):
    assert isinstance(experiment_of(text), Experiment)
