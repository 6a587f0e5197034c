"""What is refused before a run exists: all at once, by `kexp train` and `kexp validate --deep` alike."""

import numpy as np
import pytest
from fakes import KERAS, digits, machine

from kexp.document import parse_document
from kexp.errors import DataError, SpecError
from kexp.spec.parse import parse_experiment

pytestmark = KERAS

OWN = """\
import numpy as np


def load():
    rng = np.random.default_rng(0)
    x = {"words": np.arange(320).reshape(64, 5) % 50, "age": rng.normal(size=(64, 1)).astype("float32")}
    y = {"kind": rng.integers(0, 3, 64), "price": rng.normal(size=64)}
    return {part: (x, y) for part in ("train", "val", "test")}
"""
SPEC = """\
kexp: 1
seed: 1
data: {source: "own.py:load"}
model:
  inputs: {words: {shape: [5], dtype: int32}, age: [1]}
  layers:
    - words -> Embedding -> known: {input_dim: 50, output_dim: 4}
    - Flatten -> flat
    - flat, age -> Concatenate -> all
    - Dense -> kind: {units: 3, activation: softmax}
    - all -> Dense -> price: 1
  outputs: [kind, price]
train:
  optimizer: {Adam: 1e-3}
  loss: {kind: sparse_categorical_crossentropy, price: mse}
  metrics: {kind: [accuracy]}
  epochs: 4
  callbacks: [{EarlyStopping: {monitor: val_kind_accuracy, mode: max, patience: 2}}]
"""


@pytest.fixture
def ready(tmp_path):
    """Make a spec's text ready; its data function stands in `own.py`."""
    machine()
    (tmp_path / "own.py").write_text(OWN)

    def made(text):
        from kexp.train.ready import make_ready

        return make_ready(parse_experiment(parse_document(text.encode(), "spec.yaml", tmp_path)), tmp_path)

    return made


def faults(ready, text):
    with pytest.raises(SpecError) as caught:
        ready(text)
    return [(d.severity, d.id, d.path) for d in caught.value.diagnostics]


def test_an_experiment_that_can_be_trained_is_ready(ready):
    found = ready(SPEC)

    assert [phase.path for phase in found.phases] == ["train"]
    assert found.datasets.info.sizes == {"train": 64, "val": 64, "test": 64}
    assert list(found.assembly.outputs) == ["kind", "price"]
    assert found.warnings == ()


def test_all_that_only_data_and_graph_show_is_found_at_once(ready):
    text = (
        SPEC.replace("input_dim: 50", "input_dim: 20")
        .replace("units: 3", "units: 2")
        .replace("Adam: 1e-3", "Adam: {CosineDecay: {initial_learning_rate: 0.1, decay_steps: 500}}")
        .replace("callbacks: [", "callbacks: [{CSVLogger: ../x.csv}, ")
    )
    assert faults(ready, text) == [
        ("error", "units-class-mismatch", "train.loss.kind"),
        ("error", "vocabulary-too-small", "model.layers[0].Embedding.input_dim"),
        ("error", "callback-path", "train.callbacks[0].CSVLogger"),
        ("warning", "uneven-schedule", "train.optimizer.Adam.CosineDecay.decay_steps"),
    ]


def test_every_stage_is_tried(ready):
    text = f"""{SPEC}\
  stages:
    - {{name: first}}
    - {{name: second, loss: {{kind: binary_crossentropy, price: mse}}, class_weight: null}}
    - {{name: third, callbacks: [{{EarlyStopping: {{monitor: val_loss}}}}]}}
"""
    assert faults(ready, text) == [("error", "loss-label-mismatch", "train.stages[1].loss.kind")]


def test_a_monitor_is_compared_with_the_metrics_of_its_own_stage(ready, tmp_path):
    (tmp_path / "own.py").write_text(f"{OWN}\n\ndef same(x):\n    return x\n")
    text = SPEC.replace("all -> Dense -> price", "all -> own.py:same -> same\n    - same -> Dense -> price")
    stages = """\
  stages:
    - {name: first}
    - {name: second, metrics: {price: [mae]}, callbacks: [{EarlyStopping: {monitor: MONITOR, mode: min}}]}
"""
    assert ready(text + stages.replace("MONITOR", "val_price_mae")).warnings == ()
    assert faults(ready, text + stages.replace("MONITOR", "val_kind_accuracy")) == [
        ("error", "unknown-monitor", "train.stages[1].callbacks[0].EarlyStopping.monitor")
    ]


@pytest.mark.parametrize(
    ("numbers", "found", "help"),
    [
        ("% 50 + 1", "50", "write `input_dim: 51`"),
        ("% 50 - 1", "-1", "number what the data holds from 0"),
    ],
)
def test_an_embedding_is_compared_with_the_numbers_it_reads(ready, tmp_path, numbers, found, help):
    (tmp_path / "own.py").write_text(OWN.replace("% 50", numbers))
    with pytest.raises(SpecError) as caught:
        ready(SPEC)

    message = f"`Embedding` knows the numbers 0 to 49, and the input `words` holds {found}"
    assert [(fault.message, fault.help) for fault in caught.value.diagnostics] == [(message, help)]


def test_an_embedding_that_is_reused_is_compared_with_both_inputs(ready, tmp_path):
    (tmp_path / "own.py").write_text(
        OWN.replace('"age": rng', '"more": np.arange(320).reshape(64, 5) % 99, "age": rng')
    )
    text = SPEC.replace("age: [1]}", "more: {shape: [5], dtype: int32}, age: [1]}").replace(
        "- Flatten -> flat", "- more -> reuse -> too: known\n    - known, too -> Add\n    - Flatten -> flat"
    )
    with pytest.raises(SpecError) as caught:
        ready(text)
    assert [fault.message for fault in caught.value.diagnostics] == [
        "`Embedding` knows the numbers 0 to 49, and the input `more` holds 98"
    ]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (SPEC.replace("own.py:load", "own.py:nothing"), SpecError),
        (SPEC.replace("1e-3}", "1e-3}").replace("units: 3", "units: 2"), SpecError),
        (digits().replace("Rescaling: 0.0625", "Reshape: {target_shape: [7]}"), SpecError),
        (digits(split="{test: 5000}"), DataError),
        (digits(more="callbacks: [{CSVLogger: /tmp/x.csv}]"), SpecError),
    ],
)
def test_a_deep_fault_leaves_no_run(train, tmp_path, text, error):
    (tmp_path / "own.py").write_text(OWN)
    with pytest.raises(error):
        train(text)

    assert not (tmp_path / "runs").exists()


def test_a_training_shows_what_is_doubtful_before_it_begins(train, display):
    rate = "{Adam: {CosineDecay: {initial_learning_rate: 1e-2, decay_steps: 10}}}"
    train(digits(epochs=2, optimizer=rate))

    [warning] = display.warnings
    assert (warning.id, warning.span.text) == ("uneven-schedule", "10")
    assert np.isfinite(display.rows[-1]["loss"])
