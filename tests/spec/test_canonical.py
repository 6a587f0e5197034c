from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import experiment_of, experiments, texts

from kexp.spec.canonical import canonical, identity, resolve

SPEC = """\
vars: {units: 8}
data: {dataset: digits, source: sklearn, split: {val: 0.15, test: 0.1}}
train:
  loss: {SparseCategoricalCrossentropy: {from_logits: true}}
  optimizer: {Adam: 1e-3}
  metrics: [accuracy, AUC]
  callbacks: [{EarlyStopping: {monitor: val_loss, patience: 3}}]
expect: {test_accuracy: ">=0.9"}
model:
  inputs: {x: {shape: [64]}, y: [8]}
  layers:
    - "[x,y]->Concatenate->both"
    - Dense: {units: $(units * num_classes), kernel_regularizer: {L2: 1e-4}, name: "no"}
      trainable: false
    - Dropout: 0.5
    - Dense: {units: 1, name: "a$$b"}
name: digits
"""


def test_the_canonical_form_has_one_order_and_one_spelling():
    assert (
        canonical(experiment_of(SPEC))
        == """\
kexp: 1
name: digits
data:
  source: sklearn
  dataset: digits
  split: {val: 0.15, test: 0.1}
model:
  inputs:
    x: {shape: [64]}
    y: {shape: [8]}
  layers:
    - '[x, y] -> Concatenate -> both'
    - Dense: {units: $(8 * num_classes), kernel_regularizer: {L2: {l2: 0.0001}}, name: "no"}
      trainable: false
    - Dropout: {rate: 0.5}
    - Dense: {units: 1, name: a$$b}
train:
  optimizer: {Adam: {learning_rate: 0.001}}
  loss: {SparseCategoricalCrossentropy: {from_logits: true}}
  metrics: [accuracy, AUC]
  callbacks: [{EarlyStopping: {monitor: val_loss, patience: 3}}]
expect:
  test_accuracy: '>= 0.9'
"""
    )


def test_with_defaults_everything_that_is_known_is_written_out():
    text = canonical(experiment_of(SPEC), defaults=True)
    assert "Dropout: {rate: 0.5}" in text
    assert (
        "runtime:\n  backend: tensorflow\n  device: auto\n  precision: float32\n  deterministic: false\n"
        in text
    )
    assert "use_bias: true, kernel_initializer: glorot_uniform" in text
    assert "batch_size: 32" in text


@given(experiments)
@settings(deadline=None, max_examples=60)
def test_parsing_undoes_printing(experiment):
    assert experiment_of(canonical(experiment)) == experiment


@given(experiments)
@settings(deadline=None, max_examples=30)
def test_with_defaults_printing_is_idempotent_and_keeps_the_identity(experiment):
    text = canonical(experiment, defaults=True)
    again = experiment_of(text)
    assert canonical(again, defaults=True) == text
    assert identity(again) == identity(experiment)


@given(st.dictionaries(texts, texts, max_size=3), st.lists(texts, max_size=2))
@settings(deadline=None)
def test_any_text_survives_printing(mapping, tags):
    experiment = experiment_of(SPEC)
    data = replace(experiment.data, source="loaders.py:load", options={"args": mapping})
    changed = replace(experiment, tags=tuple(tags), data=data)
    assert experiment_of(canonical(changed)) == changed


@given(texts, texts, st.lists(texts))
@settings(deadline=None)
def test_the_identity_ignores_name_description_and_tags(name, description, tags):
    experiment = experiment_of(SPEC)
    renamed = replace(experiment, name=name, description=description, tags=tuple(tags))
    assert identity(renamed) == identity(experiment)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("val: 0.15", "val: 0.2"),
        ("1e-3", "1e-4"),
        ("Dropout: 0.5", "Dropout: 0.4"),
        ("train:\n", "train:\n  epochs: 3\n"),
        ("vars:", "seed: 3\nvars:"),
        ("vars:", "runtime: {precision: mixed_float16}\nvars:"),
        ("accuracy, AUC", "accuracy"),
    ],
)
def test_the_identity_changes_with_what_is_trained(old, new):
    assert old in SPEC
    assert identity(experiment_of(SPEC.replace(old, new, 1))) != identity(experiment_of(SPEC))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('expect: {test_accuracy: ">=0.9"}\n', ""),
        ("vars:", "trackers: [tensorboard]\nvars:"),
        ("1e-3", "{learning_rate: 0.001}"),
        ("$(units *", "$(8 *"),
    ],
)
def test_the_identity_ignores_promises_trackers_and_spelling(old, new):
    assert old in SPEC
    assert identity(experiment_of(SPEC.replace(old, new, 1))) == identity(experiment_of(SPEC))


def test_the_identity_ignores_where_files_lie():
    here = SPEC.replace("{dataset: digits, source: sklearn", "{source: npz, path: d.npz")
    there = SPEC.replace("{dataset: digits, source: sklearn", "{source: npz, path: /data/d.npz")
    assert identity(experiment_of(here)) == identity(experiment_of(there))


def test_a_resolved_experiment_fixes_threads_and_paths(tmp_path):
    text = SPEC.replace("{dataset: digits, source: sklearn", "{source: csv, path: d.csv, target: y")
    resolved = resolve(experiment_of(text), tmp_path, 4)
    assert (resolved.runtime.threads, resolved.data.options["path"]) == (4, str(tmp_path / "d.csv"))
    assert resolve(resolved, Path("/elsewhere"), 8) == resolved
