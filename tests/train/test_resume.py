"""A run that is ended and resumed is, bit for bit, the run that nothing ended."""

import os
import re
import signal
from pathlib import Path

import numpy as np
import own_steps
import pytest
from fakes import KERAS, FakeDisplay
from resuming import Ender, Killed, copied, die, killed, outcome, resume, train

from kexp.errors import KexpError, RunRefused, Stopped, UsageError
from kexp.record.history import read_rows
from kexp.record.rundir import RunDir
from kexp.record.status import read_status

pytestmark = KERAS

SPEC = """\
kexp: 1
name: {name}
seed: 3
data: {data}
model: {model}
train:
  loss: {loss}
  metrics: [accuracy]
  epochs: 3
  batch_size: 64
  checkpoint: {{every: 2 steps}}
  {more}
"""

DIGITS = "{source: sklearn, dataset: digits, split: {val: 0.1, test: 0.65, stratify: true}}"
"""449 samples to train with: 8 steps an epoch, the last one partial."""

MLP = """
  layers:
    - Rescaling: 0.0625
    - Dense: {units: 8, activation: relu}
    - Dropout: 0.3
    - Dense: {units: 10, activation: softmax}
"""
CNN = """
  layers:
    - Reshape: {target_shape: [8, 8, 1]}
    - Rescaling: 0.0625
    - Conv2D: {filters: 4, kernel_size: 3}
    - BatchNormalization
    - Activation: relu
    - GlobalAveragePooling2D
    - Dropout: 0.2
    - Dense: {units: 10, activation: softmax}
"""
LSTM = """
  layers:
    - Reshape: {target_shape: [8, 8]}
    - Rescaling: 0.0625
    - LSTM: {units: 6, dropout: 0.2}
    - Dense: {units: 10, activation: softmax}
"""
TRANSFORMER = """
  layers:
    - Reshape: {target_shape: [8, 8]}
    - Rescaling -> x: 0.0625
    - x, x -> MultiHeadAttention -> attended: {num_heads: 2, key_dim: 4, dropout: 0.1}
    - x, attended -> Add -> mixed
    - LayerNormalization
    - GlobalAveragePooling1D
    - Dense: {units: 10, activation: softmax}
"""
CALLBACKS = (
    "callbacks: [{ReduceLROnPlateau: {patience: 1, cooldown: 1, min_delta: 0.05}}, "
    "{EarlyStopping: {patience: 1, min_delta: 0.3, restore_best_weights: true}}]"
)
COSINE = "{CosineDecay: {initial_learning_rate: 1e-2, decay_steps: $total_steps}}"
KINDS = {
    "mlp": (MLP, "optimizer: {Adam: 1e-2}"),
    "callbacks": (MLP, f"optimizer: {{Adam: 1e-2}}\n  {CALLBACKS}"),
    "cnn": (CNN, "optimizer: {SGD: {learning_rate: 0.1, momentum: 0.9}}"),
    "lstm": (LSTM, f"optimizer: {{RMSprop: {{learning_rate: {COSINE}}}}}"),
    "transformer": (TRANSFORMER, "optimizer: {AdamW: 1e-2}"),
    "ema": (MLP, "optimizer: {Adam: {learning_rate: 1e-2, use_ema: true, ema_momentum: 0.9}}"),
    "accumulation": (MLP, "optimizer: {Adam: {learning_rate: 1e-2, gradient_accumulation_steps: 3}}"),
    "weights": (MLP, "optimizer: adam\n  class_weight: {3: 2.0}\n  steps_per_epoch: 7"),
    "eager": (MLP, "optimizer: adam\n  compile: {run_eagerly: true}"),
    "augmented": (
        MLP.replace("- Rescaling", "- Flatten\n    - Rescaling"),
        "optimizer: adam\n  class_weight: {3: 2.0}",
    ),
    "drawing": (MLP, 'optimizer: adam\n  callbacks: ["own.py:Draws"]'),
    "stages": (
        MLP.replace("- Dense: {units: 8", "- Dense -> hidden: {units: 8"),
        "optimizer: {Adam: 1e-2}\n  stages:\n"
        "    - {name: head, epochs: 1, freeze: [hidden]}\n"
        "    - {name: all, epochs: 2, unfreeze: [hidden], optimizer: {SGD: 0.01}, batch_size: 50, "
        f"{CALLBACKS}}}",
    ),
}
AUGMENTED = """
preprocess: {image: {from: features, layers: {Reshape: {target_shape: [8, 8, 1]}}}}
augment: {image: [{RandomTranslation: {height_factor: 0.2, width_factor: 0.2}}]}"""
LOSS = "sparse_categorical_crossentropy"


def spec(kind="mlp", **changed):
    """Return the text of a spec of one kind; `changed` are texts to put in the places of others."""
    if kind == "own":
        text = SPEC.format(name=kind, data=DIGITS, model=own_steps.MODEL, loss="null", more=own_steps.TRAIN)
        text = text.replace("  loss: null\n  metrics: [accuracy]\n", "")
    else:
        model, more = KINDS[kind]
        data = DIGITS + (AUGMENTED if kind == "augmented" else "")
        text = SPEC.format(name=kind, data=data, model=model, loss=LOSS, more=more)
    for old, new in changed.items():
        text = re.sub(rf"(?m)^  {old}: .*$", f"  {old}: {new}", text)
    return text


def slow(*values):
    """Mark what `pytest -m slow` tries beside the others."""
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]


SLOW_KINDS = slow("mlp", "lstm", "transformer", "accumulation", "weights", "eager")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return runs that nothing ended, each trained once."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "own.py").write_text(own_steps.code())
    runs = {}

    def trained(text):
        if text not in runs:
            runs[text] = outcome(train(text, folder / f"run-{len(runs)}"))
        return runs[text]

    return trained


@pytest.fixture(autouse=True)
def own_code(tmp_path):
    (tmp_path / "own.py").write_text(own_steps.code())


@pytest.mark.parametrize(
    "kind", ["callbacks", "cnn", "ema", "drawing", "stages", "own", "augmented", *SLOW_KINDS]
)
def test_what_is_killed_and_resumed_is_the_same(kind, whole, tmp_path):
    run = killed(spec(kind), tmp_path / "run", at=13)

    assert outcome(resume(run)) == whole(spec(kind))


def test_three_kills_in_a_row_change_nothing(whole, tmp_path):
    run = killed(spec("callbacks"), tmp_path / "run", at=4)
    for at in (5, 9):
        with pytest.raises(Killed):
            resume(run, Ender(at=at, end=die))

    assert outcome(resume(run)) == whole(spec("callbacks"))


@pytest.mark.parametrize("every", ["3 steps", *slow("1 epoch", "100 steps", "1 second", "2 epochs")])
def test_how_often_a_run_saves_changes_nothing(every, whole, tmp_path):
    text = spec(checkpoint=f"{{every: {every}}}")

    assert outcome(train(text, tmp_path / "run")) == whole(spec())


@pytest.mark.slow
@pytest.mark.parametrize("at", range(1, 61))
def test_a_kill_at_any_step_changes_nothing(at, whole, tmp_path):
    text = spec("callbacks", epochs=6, batch_size=48, callbacks="[{ReduceLROnPlateau: {patience: 1}}]")
    run = killed(text, tmp_path / "run", at=at)

    assert outcome(resume(run)) == whole(text)


# ---------------------------------------------------------------- when the end comes at a bad moment


def ending(monkeypatch, owner, name, at):
    """Let the call number `at` of a function kill."""
    real, calls = getattr(owner, name), []

    def dies(*arguments, **options):
        calls.append(None)
        if len(calls) == at:
            raise Killed
        return real(*arguments, **options)

    monkeypatch.setattr(owner, name, dies)


@pytest.mark.parametrize("at", [1, *slow(2)])
def test_a_kill_during_a_validation_changes_nothing(at, whole, tmp_path, monkeypatch):
    from kexp.train.callbacks import Keeper

    with monkeypatch.context() as patch, pytest.raises(Killed):
        ending(patch, Keeper, "on_test_batch_end", at)
        train(spec(), tmp_path / "run")

    assert outcome(resume(RunDir(tmp_path / "run"))) == whole(spec())


@pytest.mark.parametrize("at", [5, *slow(2, 12)])
def test_a_kill_during_a_save_changes_nothing(at, whole, tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(Killed):
        ending(patch, RunDir, "write_state", at)
        train(spec(), tmp_path / "run")

    assert outcome(resume(RunDir(tmp_path / "run"))) == whole(spec())


def test_a_kill_after_the_last_save_changes_nothing(whole, tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(Killed):
        ending(patch, RunDir, "replace_model", 1)
        train(spec("callbacks"), tmp_path / "run")

    assert outcome(resume(RunDir(tmp_path / "run"))) == whole(spec("callbacks"))


def test_a_kill_between_two_stages_changes_nothing(whole, tmp_path):
    run = killed(spec("stages"), tmp_path / "run", at=9)
    for state in run.states():
        if int(state.stem.removeprefix("step-")) > 8:
            state.unlink()

    assert outcome(resume(run)) == whole(spec("stages"))


@pytest.mark.parametrize("share", [0.5, *slow(0.0, 0.001, 0.999)])
def test_a_file_cut_off_is_passed_over(share, whole, tmp_path):
    run = killed(spec(), tmp_path / "run", at=13)
    newest, before = run.states()[-1], run.states()[-2]
    os.truncate(newest, int(newest.stat().st_size * share))
    display = FakeDisplay()

    assert outcome(resume(run, display)) == whole(spec())
    assert display.notes[0].startswith(f"`{newest.name}` is not a whole checkpoint: ")
    assert display.notes[1] == f"the run goes on after step {int(before.stem.removeprefix('step-'))}"


def test_a_byte_that_differs_is_noticed(whole, tmp_path):
    run = killed(spec(), tmp_path / "run", at=13)
    newest = run.states()[-1]
    data = bytearray(newest.read_bytes())
    data[-100] ^= 1
    newest.write_bytes(data)
    display = FakeDisplay()

    assert outcome(resume(run, display)) == whole(spec())
    assert display.notes[0] == (
        f"`{newest.name}` does not hold what was written to it; the state before it is taken"
    )


def test_a_run_without_a_whole_state_is_left_as_it_is(whole, tmp_path):
    run = killed(spec(), tmp_path / "run", at=5)
    states = run.states()
    for path in states:
        path.write_bytes(b"")
    with pytest.raises(RunRefused) as caught:
        resume(run)

    assert str(caught.value) == (
        "error[no-whole-state]: none of the states that run `run` keeps is whole\n"
        f"help: restore one from a copy, or remove `{run.checkpoints}` to begin the run again"
    )
    assert run.states() == states


def test_a_state_that_the_disk_does_not_give_is_not_passed_over(whole, tmp_path):
    run = killed(spec(), tmp_path / "run", at=13)
    newest = run.states()[-1]
    held = newest.rename(tmp_path / "held")
    newest.mkdir()
    with pytest.raises(RunRefused) as caught:
        resume(run)

    assert str(caught.value) == (
        f"error[state-not-readable]: `{newest.name}` cannot be read, and may be whole: not a regular file\n"
        "help: try again; where that does not help, remove the file to go on from the state before it"
    )
    newest.rmdir()
    held.rename(newest)
    assert outcome(resume(run)) == whole(spec())


def test_a_run_without_a_state_begins_again(whole, tmp_path):
    run = killed(spec(), tmp_path / "run", at=1)
    display = FakeDisplay()

    assert outcome(resume(run, display)) == whole(spec())
    assert display.notes == ["no state was saved yet: the run begins again"]


# ---------------------------------------------------------------- signals


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("at", [5, *slow(8)])
def test_a_signal_saves_at_once(number, code, at, whole, tmp_path):
    text = spec(checkpoint="{every: 1 epoch}")
    with pytest.raises(Stopped) as caught:
        train(text, tmp_path / "run", Ender(at=at, end=lambda: os.kill(os.getpid(), number)))

    run = RunDir(tmp_path / "run")
    assert (caught.value.exit_code, read_status(run).state) == (code, "stopped")
    assert run.last_checkpoint == run.state(read_status(run).step)
    assert outcome(resume(run)) == whole(text)


def test_a_signal_during_a_validation_keeps_what_the_epoch_measured(whole, tmp_path, monkeypatch):
    from kexp.train.callbacks import Pace

    text = spec("ema", checkpoint="{every: 1 epoch}")
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        real = Pace.on_test_begin
        patch.setattr(Pace, "on_test_begin", lambda *a: (real(*a), os.kill(os.getpid(), signal.SIGTERM)))
        train(text, tmp_path / "run")

    run = RunDir(tmp_path / "run")
    assert run.last_checkpoint == run.state(8)
    assert outcome(resume(run)) == whole(text)


# ---------------------------------------------------------------- settings that are not what they were


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory):
    """A run that was killed in its second epoch, with the states of steps 4, 8 and 12."""
    folder = tmp_path_factory.mktemp("unfinished")
    return killed(spec(checkpoint="{every: 4 steps, keep: 9}"), folder / "run", at=14)


def test_what_changes_is_sorted(unfinished):
    changed = [
        "name=other",
        "train.checkpoint.every=1 epoch",
        "train.batch_size=32",
        "train.optimizer.Adam.learning_rate=0.1",
        "seed=4",
    ]
    with pytest.raises(UsageError) as caught:
        resume(unfinished, changed=changed)

    assert str(caught.value) == (
        "error[resume-impossible]: a run cannot go on with these settings changed\n"
        "  impossible:\n"
        "    seed: 3 -> 4\n"
        "  needs --accept:\n"
        "    train.optimizer.Adam.learning_rate: 0.01 -> 0.1\n"
        "    train.batch_size: 64 -> 32\n"
        "  harmless:\n"
        "    name: mlp -> other\n"
        "    train.checkpoint.every: 4 steps -> 1 epoch\n"
        "help: train them as a run of their own with `kexp train`"
    )


def test_another_optimizer_or_graph_is_impossible(unfinished):
    for change in ("train.optimizer=sgd", "model.layers[1].Dense.units=9"):
        with pytest.raises(UsageError, match="resume-impossible"):
            resume(unfinished, changed=[change], accepts=True)


def test_what_changes_the_result_must_be_accepted(unfinished, tmp_path):
    change = ["train.optimizer.Adam.learning_rate=0.1"]
    with pytest.raises(UsageError) as caught:
        resume(unfinished, changed=change)
    run = resume(copied(unfinished, tmp_path / "run"), changed=change, accepts=True)

    assert str(caught.value) == (
        "error[resume-differs]: the run would go on otherwise than it began\n"
        "  needs --accept:\n"
        "    train.optimizer.Adam.learning_rate: 0.01 -> 0.1\n"
        "help: `--accept` goes on with the changed settings; without `-s` it goes on as it began"
    )
    assert [round(row["learning_rate"], 3) for row in read_rows(run)] == [0.01, 0.1, 0.1]
    assert "learning_rate: 0.1" in run.resolved.read_text()


def test_another_batch_size_begins_with_an_epoch(unfinished, tmp_path):
    run = resume(copied(unfinished, tmp_path / "run"), changed=["train.batch_size=32"], accepts=True)

    assert [row["step"] for row in read_rows(run)] == [8, 23, 38]


def test_changed_data_is_named(unfinished, tmp_path):
    run = copied(unfinished, tmp_path / "run")
    text = run.manifest.read_text()
    digest = re.search(r'"content_sha256": {\s+"train": "([0-9a-f]+)"', text)[1]
    run.manifest.write_text(text.replace(digest, "0" * 64))
    with pytest.raises(UsageError) as caught:
        resume(run)

    assert str(caught.value) == (
        "error[resume-differs]: the run would go on otherwise than it began\n"
        "  needs --accept:\n"
        f"    data of train, content_sha256: {'0' * 12} -> {digest[:12]}\n"
        "help: `--accept` goes on with the changed settings; without `-s` it goes on as it began"
    )
    assert read_status(resume(run, accepts=True)).state == "completed"


def test_another_version_is_named(unfinished, tmp_path):
    run = copied(unfinished, tmp_path / "run")
    text = run.manifest.read_text()
    run.manifest.write_text(re.sub(r'"tensorflow": "2[^"]+"', '"tensorflow": "2.0.0"', text))
    display = FakeDisplay()
    resume(run, display)

    assert display.notes[0].startswith("tensorflow was 2.0.0 and is 2.")


def test_a_state_of_another_model_is_refused(unfinished, tmp_path):
    run = copied(unfinished, tmp_path / "run")
    run.sums.unlink()
    run.resolved.write_text(run.resolved.read_text().replace("units: 8", "units: 9"))
    with pytest.raises(RunRefused, match="checkpoint-mismatch"):
        resume(run)


def test_code_that_is_missing_is_named(tmp_path):
    run = killed(spec("drawing"), tmp_path / "run", at=3)
    (run.code / "own.py").unlink()
    with pytest.raises(KexpError, match=r"there is no file `.*/code/own.py`"):
        resume(run)


# ---------------------------------------------------------------- more epochs


def without_identity(found):
    """Leave out which spec a state was saved under: a run that has ended by itself saves no other."""
    return {**found, "record": {k: v for k, v in found["record"].items() if k != "identity"}}


@pytest.mark.parametrize("kind", ["mlp", *slow("callbacks", "drawing")])
def test_more_epochs_are_as_if_asked_for_from_the_start(kind, whole, tmp_path):
    run = train(spec(kind, epochs=2), tmp_path / "run")
    longer = outcome(resume(run, changed=["train.epochs=3"], accepts=True))

    assert without_identity(longer) == without_identity(whole(spec(kind)))


def test_more_epochs_that_are_not_the_same_are_said(tmp_path):
    display = FakeDisplay()
    run = train(spec("lstm", epochs=1), tmp_path / "run")
    resume(run, display, changed=["train.epochs=2"], accepts=True)

    assert display.notes == [
        "a setting depends on `$total_steps`: a run with so many epochs from the start would differ",
        "the run goes on after step 8",
    ]


def test_the_file_of_a_state_holds_what_it_is_of(unfinished):
    from kexp.train.state import read_state

    state = read_state(unfinished.states()[-1])
    assert (state.step, state.offset, state.record["epoch"], state.record["phase"]) == (12, 4, 1, 0)
    assert {key.split("/")[0] for key in state.arrays} == {"model", "optimizer", "metrics", "best"}
    assert np.array_equal(state.arrays["optimizer/iteration"], 12)
    assert isinstance(unfinished.path, Path)
