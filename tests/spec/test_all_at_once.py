"""k faults planted in one spec are k diagnostics, each on its line: none hides another or brings an echo."""

from itertools import combinations

import pytest

from kexp.document import parse_document
from kexp.spec.parse import check

SPEC = """\
kexp: 1
name: tickets
vars: {width: 16, rate: 1e-3}
data:
  source: npz
  path: tickets.npz
  x: [title, age]
  y: [priority, department]
  split: {val: 0.1, test: 0.1}
runtime: {precision: float32, device: cpu, threads: 2}
blocks:
  tower:
    params: {units: null}
    layers:
      - Dense: {units: $units, activation: relu}
      - Dropout: 0.1
model:
  inputs:
    title: {shape: [20], dtype: int32}
    age: [1]
  layers:
    - title -> Embedding -> words: {input_dim: 1000, output_dim: $width}
    - GlobalAveragePooling1D -> title_vec
    - title_vec, age -> Concatenate
    - tower -> features: 32
    - Dense -> priority: {units: 1, activation: sigmoid}
    - features -> Dense -> department: {units: 4, activation: softmax}
  outputs: [priority, department]
train:
  optimizer: {Adam: $rate}
  loss:
    priority: binary_crossentropy
    department: sparse_categorical_crossentropy
  loss_weights: {priority: 1.0, department: 0.5}
  metrics:
    priority: [AUC]
    department: [accuracy]
  epochs: 20
  batch_size: 64
  callbacks:
    - EarlyStopping: {monitor: val_loss, patience: 5}
    - ReduceLROnPlateau: {monitor: val_loss, patience: 3, factor: 0.5}
  checkpoint: {best: {monitor: val_priority_auc, mode: max}}
trackers: [tensorboard]
expect:
  test_loss: "<= 1"
  test_department_accuracy: ">= 0.8"
"""

PLANTS = {
    "name: tickets": ("name: [tickets]", "wrong-type"),
    "rate: 1e-3}": ("rate: 1e-3, spare: 3}", "unused-value"),
    "  x: [title, age]": ("  xs: [title, age]", "unknown-option"),
    "val: 0.1, test: 0.1": ("val: -0.1, test: 0.1", "out-of-range"),
    "precision: float32": ("precision: float23", "wrong-choice"),
    "device: cpu": ("device: cuda", "wrong-choice"),
    "threads: 2": ("threads: two", "wrong-type"),
    "{units: $units, activation: relu}": ("{units: $units, activaton: relu}", "unknown-argument"),
    "Dropout: 0.1": ("Dropout: 0.9", "much-dropped"),
    "    age: [1]": ("    age: [1.5]", "wrong-type"),
    "output_dim: $width": ("output_dim: $wdth", "unknown-value"),
    "GlobalAveragePooling1D": ("GlobalAveragePoolin1D", "unknown-layer"),
    "title_vec, age": ("titel_vec, age", "unknown-name"),
    "tower -> features: 32": ("tower -> features", "missing-argument"),
    "Dense -> priority": ("Dense => priority", "arrow-spelling"),
    "{units: 4, activation: softmax}": ("{activation: softmax}", "missing-argument"),
    "Adam: $rate": ("Adm: $rate", "unknown-optimizer"),
    "priority: binary_crossentropy": ("prority: binary_crossentropy", "unknown-output"),
    "sparse_categorical_crossentropy": ("sparse_categorical_crossentrpy", "unknown-loss"),
    "{priority: 1.0, department: 0.5}": ("{priority: one, department: 0.5}", "wrong-type"),
    "priority: [AUC]": ("priority: [AUCC]", "unknown-metric"),
    "department: [accuracy]": ("deprtment: [accuracy]", "unknown-output"),
    "epochs: 20": ("epochs: 0", "out-of-range"),
    "batch_size: 64": ("batchsize: 64", "unknown-key"),
    "EarlyStopping: {monitor: val_loss": ("EarlyStopping: {monitor: val_los", "unknown-monitor"),
    "patience: 3, factor": ("patience: 3, factr", "unknown-argument"),
    "monitor: val_priority_auc, mode: max": ("monitor: val_priority_auc", "monitor-mode"),
    "trackers: [tensorboard]": ("trackers: [tensorbord]", "wrong-choice"),
    '  test_loss: "<= 1"': ('  test_loss: "1"', "bad-promise"),
    "test_department_accuracy": ("test_department_acuracy", "unknown-monitor"),
}
NAMES_OF_METRICS = ("priority: binary_crossentropy", "priority: [AUC]", "department: [accuracy]")
WATCHERS = (
    "EarlyStopping: {monitor: val_loss",
    "monitor: val_priority_auc, mode: max",
    "test_department_accuracy",
)
"""Which metrics there will be depends on these names, and what is watched on which there will be."""


def planted(*places):
    text, expected = SPEC, []
    for place in places:
        assert SPEC.count(place) == 1, place
        new, id = PLANTS[place]
        text = text.replace(place, new)
        expected.append((SPEC[: SPEC.index(place)].count("\n") + 1, id))
    return text, sorted(expected)


def found(text):
    diagnostics = check(parse_document(text.encode(), "spec.yaml")).diagnostics
    return sorted((d.span.line, d.id) for d in diagnostics)


def test_the_spec_itself_has_no_fault():
    assert found(SPEC) == []


@pytest.mark.parametrize("place", PLANTS)
def test_one_fault_is_found(place):
    text, expected = planted(place)
    assert found(text) == expected


def test_of_any_two_faults_both_are_found_and_nothing_else():
    wrong = {}
    for pair in combinations(PLANTS, 2):
        text, expected = planted(*pair)
        if pair[0] in NAMES_OF_METRICS and pair[1] in WATCHERS:
            expected = planted(pair[0])[1]
        if found(text) != expected:
            wrong[pair] = found(text)
    assert wrong == {}


def test_all_faults_are_found_in_one_pass():
    text, expected = planted(*PLANTS)
    watched = planted(*WATCHERS)[1]
    assert found(text) == [fault for fault in expected if fault not in watched]
    assert len(expected) == 30


def test_the_other_faults_of_what_watches_metrics_are_found_without_those_of_the_metrics():
    places = [place for place in PLANTS if place not in NAMES_OF_METRICS]
    text, expected = planted(*places)
    assert found(text) == expected
