"""A run leaves the same bits however its steps are executed, shown and saved, and resumes in each way."""

import io
import json
import re
from contextlib import closing

import pytest
from fakes import KERAS, FakeDisplay
from resuming import killed, outcome, resume, train

pytestmark = KERAS

SPEC = """\
kexp: 1
name: ways
seed: 3
runtime: {steps_per_execution: 1}
data: {source: sklearn, dataset: digits, cache: auto, split: {val: 0.1, test: 0.65, stratify: true}}
model:
  layers:
    - Rescaling: 0.0625
    - Dense: {units: 8, activation: relu}
    - BatchNormalization
    - Dropout: 0.3
    - Dense: {units: 10, activation: softmax}
train:
  optimizer: {Adam: 1e-2}
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
  epochs: 3
  batch_size: 64
  checkpoint: {every: 1 epoch}
  callbacks: []
"""
"""449 samples to train with: 8 steps an epoch, the last one partial."""

CODE = """\
import keras


class Listens(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        assert logs["loss"] > 0
"""

WAYS = {
    "resident": {},
    "streamed": {"cache": "none"},
    "single": {"callbacks": '["own.py:Listens"]'},
    "segments of three steps": {"steps_per_execution": "3"},
    "saved by steps": {"every": "5 steps"},
    "saved by time": {"every": "1 second"},
}


def spec(**changed):
    """Return the text of the spec; `changed` are texts to put in the places of others."""
    text = SPEC
    for key, value in changed.items():
        text = re.sub(rf"{key}: [^,}}\n]+", f"{key}: {value}", text)
    return text


def told(run):
    """Return what must be the same; what says how it came about is left out."""
    found = outcome(run)
    arrays = {key: value for key, value in found["arrays"].items() if not key.startswith("callback")}
    return arrays, found["rows"], found["status"]


def mode(run):
    return json.loads(run.manifest.read_text())["backend"]["engine"]["mode"]


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    """What is left by the run that all others are compared with, trained once."""
    run = train(spec(), tmp_path_factory.mktemp("usual") / "run")
    assert mode(run) == "resident"
    return told(run)


@pytest.fixture(autouse=True)
def own_code(tmp_path):
    (tmp_path / "own.py").write_text(CODE)


def shown_on_a_terminal(text, path):
    """Train with the bar and the lines that a person at a terminal sees."""
    from kexp.cli.display import RunDisplay
    from kexp.cli.streams import Streams

    streams, screen = Streams(), Terminal()
    with streams.hushed(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams, "err", screen)
        with closing(RunDisplay(streams)) as display:
            run = train(text, path, display)
    assert "samples/s" in screen.getvalue()
    return run


def test_the_mode_the_segments_the_saves_and_the_display_change_nothing(usual, tmp_path, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    text = spec(cache="none", steps_per_execution="3", every="5 steps")
    run = shown_on_a_terminal(text, tmp_path / "run")

    assert (mode(run), told(run)) == ("streamed", usual)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_each_of_them_alone_changes_nothing(way, usual, tmp_path):
    assert told(train(spec(**WAYS[way]), tmp_path / "run")) == usual


@pytest.mark.parametrize("way", ["streamed", "single", pytest.param("resident", marks=pytest.mark.slow)])
def test_a_run_resumes_in_every_mode(way, usual, tmp_path):
    run = killed(spec(every="5 steps", **WAYS[way]), tmp_path / "run", at=13)

    assert mode(run) == way
    assert told(resume(run, FakeDisplay())) == usual
