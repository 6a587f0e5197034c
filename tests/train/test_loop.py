import json
import math
import re
from importlib import util

import numpy as np
import pytest
from fakes import KERAS, digits

from kexp.data.experiment import load_data
from kexp.errors import DataError, MissingExtra, RunFailed, SpecError
from kexp.evaluate import rebuild
from kexp.graph.checkpoint import unpack
from kexp.record.history import read_rows
from kexp.record.query import list_runs
from kexp.record.rundir import RunDir
from kexp.record.status import read_status
from kexp.train.measuring import measure

pytestmark = KERAS


def files(run):
    return sorted(p.relative_to(run.path).as_posix() for p in run.path.rglob("*") if p.is_file())


def only_run(tmp_path):
    (path,) = (tmp_path / "runs").iterdir()
    return RunDir(path)


def columns(rows, *names):
    return [tuple(row[name] for name in names) for row in rows]


# ---------------------------------------------------------------- what a run leaves


def test_a_run_directory_holds_exactly_these_files(train):
    result = train(digits(epochs=3))

    found = [name for name in files(result.run) if name != "source.diff"]
    assert found == [
        "SHA256SUMS",
        "SHA256SUMS.mac",
        "checkpoints/best.safetensors",
        "checkpoints/step-0000000020.safetensors",
        "checkpoints/step-0000000030.safetensors",
        "lock",
        "manifest.json",
        "metrics.csv",
        "metrics.jsonl",
        "model.keras",
        "requirements.txt",
        "resolved.yaml",
        "spec.yaml",
        "status.json",
    ]


def test_rows_have_these_columns_and_losses_fall(train, display):
    result = train(digits(epochs=3))

    rows = read_rows(result.run)
    assert [list(row) for row in rows] == [
        [
            *("epoch", "step", "stage", "seconds"),
            *("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"),
        ]
    ] * 3
    assert columns(rows, "epoch", "step", "stage") == [(1, 10, None), (2, 20, None), (3, 30, None)]
    assert rows[2]["loss"] < rows[1]["loss"] < rows[0]["loss"]
    assert display.rows == rows
    assert display.best == [True, True, True]
    assert (display.began, display.steps.count(10)) == ([1, 2, 3], 3)


def test_the_result_says_what_the_best_weights_reach(train):
    from kexp.data.experiment import load_data
    from kexp.evaluate import choose_split, rebuild
    from kexp.train.measuring import measure

    result = train(digits(epochs=2))

    rebuilt = rebuild(result.run, "best")
    samples = choose_split(load_data(rebuilt.experiment, result.run.path), "test")
    again = measure(rebuilt.assembly, samples, 128)
    assert {f"test_{name}": value for name, value in again.items()} == {
        name: value for name, value in result.metrics.items() if name.startswith("test_")
    }
    row = read_rows(result.run)[result.best["epoch"] - 1]
    assert {name: value for name, value in result.metrics.items() if not name.startswith("test_")} == {
        name: row[name] for name in ("loss", "accuracy", "val_loss", "val_accuracy")
    }


def test_the_status_and_the_manifest_say_what_happened(train, display):
    result = train(digits(epochs=2))

    status = read_status(result.run)
    assert (status.state, status.epoch, status.step, status.error) == ("completed", 2, 20, None)
    assert dict(status.samples) == {"train": 1257, "val": 270, "test": 270}
    assert status.metrics == result.metrics
    assert (status.best, status.weights_sha256) == (result.best, result.weights_sha256)
    manifest = json.loads(result.run.manifest.read_text())
    assert manifest["spec"]["seed"] == 3
    assert manifest["variables"] == {"KERAS_HOME": "/somewhere"}
    assert manifest["backend"]["threads"] == 2
    assert manifest["model"]["parameters"] == 8 * 64 + 8 + 8 * 10 + 10
    assert manifest["data"]["info"]["num_classes"] == {"target": 10}
    (plan,) = display.plans
    assert (plan.epochs, plan.steps_per_epoch, plan.num_trainable) == (2, 10, 610)


def test_resolved_yaml_trains_the_same_run_again(train):
    first = train(
        digits(epochs=2, more="callbacks: [{ReduceLROnPlateau: {patience: 1}}, {EarlyStopping: {}}]")
    )
    second = train(first.run.resolved)

    assert second.weights_sha256 == first.weights_sha256
    assert second.metrics == first.metrics
    assert second.run.resolved.read_text() == first.run.resolved.read_text()


def test_the_whole_training_state_is_in_the_last_checkpoint(train):
    from kexp.graph.checkpoint import unpack

    result = train(digits())

    keys = list(unpack(result.run.last_checkpoint.read_bytes(), "step"))
    assert {key.split("/")[0] for key in keys} == {"model", "optimizer", "metrics"}
    assert "model/dropout/0" in keys


def test_metric_variables_keras_s_own_file_and_ours_hold_the_same_weights(train):
    import keras

    from kexp.graph.checkpoint import unpack

    result = train(digits())

    loaded = keras.models.load_model(result.run.model_file)
    kept = unpack(result.run.best_checkpoint.read_bytes(), "best")
    np.testing.assert_array_equal(loaded.get_layer("dense").kernel, kept["model/dense/0"])


# ---------------------------------------------------------------- epochs, monitors, callbacks


def test_early_stopping_ends_the_training_and_the_best_weights_are_the_result(train):
    more = "callbacks: [{EarlyStopping: {monitor: val_loss, patience: 2, min_delta: 100.0}}]"
    result = train(digits(epochs=9, more=more))

    assert result.epochs == 3
    assert result.best["epoch"] == 3


def test_the_best_epoch_is_chosen_by_the_monitor(train, display):
    result = train(digits(epochs=4, more="checkpoint: {best: {monitor: val_loss, mode: max}}"))

    rows = read_rows(result.run)
    worst = max(rows, key=lambda row: row["val_loss"])
    assert result.best == {"epoch": worst["epoch"], "monitor": "val_loss", "value": worst["val_loss"]}
    assert display.best.index(True) + 1 == 1


def test_without_validation_the_best_epoch_is_chosen_by_the_loss(train):
    result = train(digits(epochs=2, split="{test: 0.15}"))

    assert result.best["monitor"] == "loss"
    assert set(result.metrics) == {"loss", "accuracy", "test_loss", "test_accuracy"}


def test_validation_every_other_epoch_is_waited_for(train, display):
    result = train(digits(epochs=4, more="validation_freq: 2"))

    assert [("val_loss" in row) for row in display.rows] == [False, True, False, True]
    assert display.best == [False, True, False, True]
    assert result.best["monitor"] == "val_loss"


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ("callbacks: [{EarlyStopping: {monitor: f1}}]", "train.callbacks[0].EarlyStopping.monitor"),
        ("checkpoint: {best: {monitor: f1}}", "train.checkpoint.best.monitor"),
    ],
)
def test_a_monitor_that_is_near_no_metric_is_refused_with_what_there_will_be(train, more, path):
    with pytest.raises(SpecError) as caught:
        train(digits(more=more))

    assert [(d.id, d.path, d.message, d.help) for d in caught.value.diagnostics] == [
        (
            "unknown-monitor",
            path,
            "there will be no metric `f1`",
            "there will be `loss`, `accuracy`, `val_loss`, `val_accuracy`, `learning_rate`",
        )
    ]


def test_an_unknown_monitor_of_a_training_with_callbacks_of_ones_own_shows_after_an_epoch(train, tmp_path):
    (tmp_path / "own.py").write_text("import keras\nclass Mine(keras.callbacks.Callback): pass\n")
    with pytest.raises(SpecError) as caught:
        train(digits(more='callbacks: ["own.py:Mine"]\n  checkpoint: {best: {monitor: extra}}'))

    assert str(caught.value) == (
        "error[unknown-monitor]: there is no metric `extra` to choose the best epoch by\n"
        "  --> train.checkpoint.best.monitor\n"
        "help: there are `loss`, `accuracy`, `val_loss`, `val_accuracy`, `learning_rate`"
    )
    status = read_status(only_run(tmp_path))
    assert (status.state, status.error) == ("failed", caught.value.diagnostics[0].message)


def own(tmp_path, more, parts):
    """Return a spec whose data and a layer are its own, so that only they say what there will be."""
    body = BODY.replace("WEIGHTS", "()").replace('("train", "val", "test")', parts)
    return weighted(tmp_path, body).replace("MORE", more)


@pytest.mark.parametrize(
    ("more", "parts", "expected"),
    [
        (
            "checkpoint: {best: {monitor: val_acuracy}}",
            '("train", "val")',
            "error[unknown-monitor]: there will be no metric `val_acuracy`\n"
            "  --> train.checkpoint.best.monitor\n"
            "help: did you mean `val_accuracy`?",
        ),
        (
            "checkpoint: {best: {monitor: val_loss}}",
            '("train",)',
            "error[no-validation]: "
            "the best epoch is chosen by `val_loss`, and the data has no validation split\n"
            "  --> train.checkpoint.best.monitor\n"
            "help: add `split: {val: 0.1}` under `data`, or watch `loss`",
        ),
        (
            "validation_freq: 3, checkpoint: {best: {monitor: val_loss}}",
            '("train", "val")',
            "error[no-validation]: the best epoch is chosen by `val_loss`, and no epoch is validated\n"
            "  --> train.checkpoint.best.monitor\n"
            "help: lower `validation_freq`, or watch `loss`",
        ),
        (
            "callbacks: [EarlyStopping]",
            '("train", "test")',
            "error[no-validation]: `EarlyStopping` watches `val_loss`, and the data has no validation split\n"
            "  --> train.callbacks[0].EarlyStopping\n"
            "help: add `split: {val: 0.1}` under `data`, or watch `loss`",
        ),
        (
            "checkpoint: {best: {monitor: learning_rate}}",
            '("train", "val")',
            "error[monitor-mode]: Keras does not know whether more or less of `learning_rate` is better\n"
            "  --> train.checkpoint.best.monitor\n"
            "help: add `mode: max` or `mode: min` beside it",
        ),
    ],
)
def test_what_is_watched_is_compared_with_what_there_will_be(train, tmp_path, more, parts, expected):
    spec = own(tmp_path, more, parts).replace("layers: [", "layers: [own.py:same, ")
    source = tmp_path / "own.py"
    source.write_text(f"{source.read_text()}\n\ndef same(x):\n    return x\n")
    with pytest.raises(SpecError) as caught:
        train(spec)

    assert str(caught.value) == expected
    assert not (tmp_path / "runs").exists()


def test_a_reduced_learning_rate_shows_in_its_column(train, display):
    more = "callbacks: [{ReduceLROnPlateau: {monitor: loss, factor: 0.5, patience: 1, min_delta: 100.0}}]"
    train(digits(epochs=4, optimizer="{SGD: 0.5}", more=more))

    assert columns(display.rows, "learning_rate") == [(0.5,), (0.5,), (0.25,), (0.125,)]


def test_a_schedule_shows_in_its_column(train, display):
    rate = "{SGD: {learning_rate: {PiecewiseConstantDecay: {boundaries: [15], values: [0.5, 0.125]}}}}"
    train(digits(epochs=2, optimizer=rate))

    assert columns(display.rows, "learning_rate") == [(0.5,), (0.125,)]


def test_files_of_callbacks_stay_inside_the_run(train, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    checkpoint = "{ModelCheckpoint: {filepath: mine/at.weights.h5, save_weights_only: true}}"
    more = f"callbacks: [{checkpoint}, {{CSVLogger: log.csv}}]"
    result = train(digits(more=more))

    assert (result.run.path / "mine/at.weights.h5").is_file()
    assert (result.run.path / "log.csv").is_file()
    assert [p.name for p in tmp_path.iterdir()] == ["runs"]
    assert "mine/at.weights.h5" in result.run.sums.read_text()


@pytest.mark.parametrize("path", ["../mine.csv", "/tmp/mine.csv", "a/../../mine.csv"])
def test_a_callback_s_path_out_of_the_run_is_refused(train, path):
    with pytest.raises(SpecError) as caught:
        train(digits(more=f"callbacks: [{{CSVLogger: {path}}}]"))

    (fault,) = caught.value.diagnostics
    assert (fault.id, fault.message, fault.help, fault.span.text) == (
        "callback-path",
        f"`{path}` leads out of the run directory, where a run's files belong",
        "write a plain name such as `mine.csv`",
        "CSVLogger",
    )


def test_the_state_of_callbacks_of_ones_own_is_theirs(train, tmp_path):
    (tmp_path / "own.py").write_text(
        "import keras\n"
        "class Extra(keras.callbacks.Callback):\n"
        "    def on_epoch_end(self, epoch, logs=None):\n"
        "        logs['val_extra'] = float(epoch)\n"
    )
    more = 'callbacks: ["own.py:Extra"]\n  checkpoint: {best: {monitor: val_extra, mode: max}}'
    result = train(digits(epochs=2, more=more))

    assert result.best == {"epoch": 2, "monitor": "val_extra", "value": 1.0}
    assert (result.run.code / "own.py").is_file()
    assert "code/own.py:Extra" in result.run.resolved.read_text()


# ---------------------------------------------------------------- data and weights of samples


def weighted(tmp_path, body):
    (tmp_path / "own.py").write_text(f"import numpy as np\n\n\ndef load():\n{body}\n")
    return """\
kexp: 1
name: own
seed: 1
data: {source: "own.py:load"}
model: {layers: [{Dense: {units: 2, activation: softmax}}]}
train: {optimizer: sgd, loss: sparse_categorical_crossentropy, weighted_metrics: [accuracy], epochs: 2, MORE}
"""


BODY = """\
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 3)).astype("float32")
    y = np.where(x[:, 0] > 0, "cat", "dog")
    weights = WEIGHTS
    return {part: (x, y, *weights) for part in ("train", "val", "test")}"""


def test_sample_weights_of_zero_train_nothing(train, tmp_path):
    from kexp.data.experiment import load_data
    from kexp.evaluate import rebuild

    spec = weighted(tmp_path, BODY.replace("WEIGHTS", "(np.zeros(64),)")).replace(", MORE", "")
    result = train(spec)

    assert (result.metrics["loss"], result.metrics["test_loss"]) == (0.0, 0.0)
    rebuilt = rebuild(result.run, "best")
    assert rebuilt.info.classes == {"y": ("cat", "dog")}
    (tmp_path / "own.py").unlink()
    assert sorted(load_data(rebuilt.experiment, result.run.path).splits) == ["test", "train", "val"]


def test_class_weights_name_classes(train, tmp_path):
    spec = weighted(tmp_path, BODY.replace("WEIGHTS", "()"))
    plain = train(spec.replace(", MORE", ""))
    heavy = train(spec.replace("MORE", "class_weight: {cat: 1.0, dog: 4.0}"))

    assert heavy.metrics["loss"] > plain.metrics["loss"]


def test_a_class_weight_for_no_class_is_refused_before_a_run_exists(train, tmp_path):
    spec = weighted(tmp_path, BODY.replace("WEIGHTS", "()"))
    text = spec.replace("MORE", "class_weight: {cat: 1.0, dogs: 4.0}")
    with pytest.raises(SpecError) as caught:
        train(text)

    assert str(caught.value) == (
        "error[unknown-class]: `y` has no class `dogs`\n"
        " --> spec.yaml:6:130  (train.class_weight.dogs)\n"
        "  |\n"
        f"6 | {text.splitlines()[5]}\n"
        f"  | {' ' * 129}^^^^\n"
        "help: did you mean `dog`?"
    )
    assert not (tmp_path / "runs").exists()


def test_class_weights_go_by_number_where_classes_have_no_names(train):
    with pytest.raises(SpecError) as caught:
        train(digits(more="class_weight: {'0': 1.0, '11': 2.0}"))
    assert [(d.id, d.message) for d in caught.value.diagnostics] == [
        ("unknown-class", "`target` has no class `11`")
    ]

    result = train(digits(more="class_weight: {'0': 3.0}"))
    assert result.state == "completed"


def test_the_test_split_is_never_given_to_fit(train, tmp_path):
    body = BODY.replace("WEIGHTS", "()").replace(
        'for part in ("train", "val", "test")}',
        'for part in ("train", "val")} | {"test": (x + np.float32(1e30), y)}',
    )
    result = train(weighted(tmp_path, body).replace(", MORE", ""))

    assert all(math.isfinite(row["loss"]) and row["loss"] < 10 for row in read_rows(result.run))
    assert result.metrics["test_loss"] > 10


def test_wrong_data_is_refused_before_a_run_exists(train, tmp_path):
    body = BODY.replace("WEIGHTS", "()").replace("weights =", "x[3, 1] = np.nan; weights =")
    with pytest.raises(DataError):
        train(weighted(tmp_path, body).replace(", MORE", ""))

    assert not (tmp_path / "runs").exists()


# ---------------------------------------------------------------- order


EVERY = """\
import keras

class Every(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        pass
"""


def test_every_epoch_takes_all_steps_of_its_order(train, tmp_path, monkeypatch):
    from kexp.train.engine.single import Batches

    asked = []
    real = Batches.__getitem__

    def noting(self, index):
        if self.feed.shuffle:
            asked.append((self.leg.epoch, index))
        return real(self, index)

    monkeypatch.setattr(Batches, "__getitem__", noting)
    (tmp_path / "own.py").write_text(EVERY)
    train(digits(epochs=3, more='callbacks: ["own.py:Every"]'))

    looks = [(0, 0), (0, 0), (0, 1)]  # our symbolic try, and Keras's looks at the shapes before it begins
    assert asked == [*looks, *((epoch, step) for epoch in range(3) for step in range(10))]


def test_steps_per_epoch_count_the_steps(train, display):
    train(digits(epochs=2, more="steps_per_epoch: 3"))

    assert columns(display.rows, "epoch", "step") == [(1, 3), (2, 6)]


def told(result):
    """Return what the manifest says of how steps were executed."""
    engine = json.loads(result.run.manifest.read_text())["backend"]["engine"]
    return engine["mode"], engine["reason"]


def without_seconds(result):
    return [{**row, "seconds": None} for row in read_rows(result.run)]


def test_every_way_of_executing_steps_is_the_same_training(train, tmp_path, display):
    """Whatever lasts how long: segments, the data's place and single steps change no bit."""
    (tmp_path / "own.py").write_text(EVERY)
    spec = digits(epochs=2)
    ways = {
        ("resident", "388 KiB of data are kept on the device"): spec,
        ("streamed", "`data.cache` is `none`"): spec.replace(
            "dataset: digits", "dataset: digits, cache: none"
        ),
        ("single", "`Every` acts on single batches"): digits(epochs=2, more='callbacks: ["own.py:Every"]'),
    }
    results = {way: train(text) for way, text in ways.items()}

    assert [told(result) for result in results.values()] == [*ways]
    assert [plan.notes for plan in display.plans] == [
        ("engine: resident, segments of 0.25 s; 388 KiB of data are kept on the device",),
        ("engine: streamed, segments of 0.25 s; `data.cache` is `none`",),
        ("engine: single steps; `Every` acts on single batches",),
    ]
    assert len({result.weights_sha256 for result in results.values()}) == 1
    first, *others = map(without_seconds, results.values())
    assert others == [first, first]


def test_several_steps_in_one_execution_are_the_same_training(train, display):
    spec = digits(epochs=2)
    one = train(spec)
    display.steps.clear()
    five = train(spec.replace("train:", "runtime: {steps_per_execution: 5}\ntrain:"))

    assert without_seconds(five) == without_seconds(one)
    assert five.weights_sha256 == one.weights_sha256
    assert display.steps == [5, 10] * 2


def test_stages_have_each_their_way(train, tmp_path):
    (tmp_path / "own.py").write_text(EVERY)
    stages = '[{name: a, epochs: 1}, {name: b, epochs: 1, callbacks: ["own.py:Every"]}]'
    result = train(digits(more=f"stages: {stages}"))

    engine = json.loads(result.run.manifest.read_text())["backend"]["engine"]
    assert (engine["mode"], engine["stages"]["a"]["mode"], engine["stages"]["b"]["mode"]) == (
        "resident",
        "resident",
        "single",
    )


# ---------------------------------------------------------------- what goes wrong


LOST = (
    "error[non-finite-loss]: the loss became nan in epoch 1, step {step}\n"
    "  --> train.loss\n"
    "help: a smaller learning rate, scaled inputs or `clipnorm` on the optimizer often help; "
    "`train.terminate_on_nan: false` goes on regardless"
)


def test_a_loss_that_is_no_longer_finite_ends_the_run_as_failed(train, tmp_path):
    with pytest.raises(RunFailed) as caught:
        train(digits(optimizer="{SGD: 1e30}"))

    run = only_run(tmp_path)
    status = read_status(run)
    assert str(caught.value) == LOST.format(step=status.step)
    assert (status.state, status.epoch) == ("failed", 0)
    assert status.error == caught.value.diagnostics[0].message
    assert run.sums.is_file()


def test_a_lost_loss_may_be_trained_through_but_gives_no_best_epoch(train, display, tmp_path):
    with pytest.raises(RunFailed) as caught:
        train(digits(epochs=2, optimizer="{SGD: 1e30}", more="terminate_on_nan: false"))

    run = only_run(tmp_path)
    assert str(caught.value) == (
        "error[no-best]: none of the 2 epochs had a finite value to choose the best by\n"
        "help: the last state is kept: `--checkpoint last`"
    )
    assert math.isnan(display.rows[1]["loss"])
    rows = read_rows(run)
    assert rows[1]["loss"] is None
    assert "loss" in rows[1]["nonfinite"]
    assert (run.best_checkpoint, read_status(run).state) == (None, "failed")


def test_labels_that_the_loss_refuses_are_refused_before_a_run_exists(train, tmp_path):
    spec = digits().replace("loss: sparse_categorical_crossentropy", "loss: cosine_similarity")
    with pytest.raises(SpecError) as caught:
        train(spec.replace("metrics: [accuracy]", "metrics: [F1Score]"))

    assert [(d.id, d.path) for d in caught.value.diagnostics] == [("keras-refused", "train.loss")]
    assert not (tmp_path / "runs").exists()


def test_a_metric_of_many_numbers_is_refused(train, tmp_path):
    (tmp_path / "own.py").write_text(
        "import numpy as np\n\n\ndef load():\n    return np.eye(8), np.ones((8, 3))\n"
    )
    spec = """\
kexp: 1
seed: 1
data: {source: "own.py:load"}
model: {layers: [{Dense: 3}]}
train: {optimizer: sgd, loss: mse, metrics: [{R2Score: {class_aggregation: null}}]}
"""
    with pytest.raises(SpecError) as caught:
        train(spec)

    assert str(caught.value) == (
        "error[metric-not-a-number]: `r2_score` gives 3 numbers, and a metric is one\n"
        "  --> train.metrics\n"
        "help: `average: macro` makes one of F1Score's and FBetaScore's"
    )


SAW = """
import pathlib
import shutil
import time
import keras

class Saw(keras.callbacks.Callback):
    def __init__(self, root, until):
        super().__init__()
        self.root, self.until = pathlib.Path(root), until

    def on_epoch_begin(self, epoch, logs=None):
        (run,) = self.root.iterdir()
        if epoch == 1:
            while not [*(run / "checkpoints").glob("step-*")]:  # which a thread is writing
                time.sleep(0.01)
            shutil.move(run / "checkpoints", run / "kept")
            (run / "checkpoints").write_text("")
        if epoch == self.until:
            (run / "checkpoints").unlink()
            shutil.move(run / "kept", run / "checkpoints")
"""


def sawing(tmp_path, until):
    (tmp_path / "own.py").write_text(SAW)
    return f'callbacks: [{{"own.py:Saw": {{root: "{tmp_path / "runs"}", until: {until}}}}}]'


def test_a_save_that_fails_leaves_the_training_on(train, display, tmp_path):
    result = train(digits(epochs=3, more=sawing(tmp_path, until=2)))

    assert result.state == "completed"
    assert display.notes == ["the checkpoint could not be saved: Not a directory"]
    assert read_status(result.run).checkpoint_error is None
    assert result.run.last_checkpoint is not None


def test_a_last_save_that_fails_fails_the_run(train, tmp_path):
    with pytest.raises(RunFailed) as caught:
        train(digits(epochs=2, more=sawing(tmp_path, until=9)))

    status = read_status(only_run(tmp_path))
    assert str(caught.value) == (
        "error[checkpoint-lost]: the last checkpoint could not be saved: epoch 2: Not a directory\n"
        "help: the checkpoints before it are kept; make room and train again"
    )
    assert (status.state, status.checkpoint_error) == ("failed", "epoch 2: Not a directory")


STAGED = """
kexp: 1
name: staged
seed: 1
data: {source: sklearn, dataset: digits, split: {val: 0.1, test: 0.2}}
model:
  layers:
    - Rescaling: 0.0625
    - Dense -> hidden: {units: 8, activation: relu, kernel_regularizer: {L2: 0.1}}
    - Dense -> head: {units: 10, activation: softmax}
train:
  optimizer: adam
  loss: sparse_categorical_crossentropy
  stages: STAGES
"""


def staged(*stages):
    return STAGED.replace("STAGES", f"[{', '.join(stages)}]")


def state_of(run, step):
    path = run.checkpoints / f"step-{step:010d}.safetensors"
    return unpack(path.read_bytes(), path.name)


def test_stages_freeze_and_unfreeze_within_one_history(train, display):
    result = train(
        staged(
            "{name: head, epochs: 1, freeze: [hidden]}",
            "{name: all, epochs: 1, unfreeze: [hidden], optimizer: {SGD: 0.01}}",
        )
    )

    rows = read_rows(result.run)
    assert [(row["epoch"], row["stage"]) for row in rows] == [(1, "head"), (2, "all")]
    first, second = (state_of(result.run, row["step"]) for row in rows)
    again = train(staged("{name: still, epochs: 1, optimizer: {SGD: 0.0}}"))
    untouched = state_of(again.run, read_rows(again.run)[0]["step"])
    assert (first["model/hidden/0"] == untouched["model/hidden/0"]).all()
    assert (first["model/head/0"] != untouched["model/head/0"]).any()
    assert (second["model/hidden/0"] != first["model/hidden/0"]).any()
    assert result.best["epoch"] == 2


def test_a_staged_run_measures_the_same_again(train):
    result = train(
        staged("{name: all, epochs: 1}", "{name: head, epochs: 1, freeze: [hidden], batch_size: 7}")
    )

    rebuilt = rebuild(result.run, "best")
    datasets = load_data(rebuilt.experiment, result.run.path)
    again = measure(rebuilt.assembly, datasets.splits["test"], rebuilt.batch_size)
    assert {f"test_{name}": value for name, value in again.items()} == {
        name: value for name, value in result.metrics.items() if name.startswith("test_")
    }


def test_a_state_is_keyed_by_role_and_layer(train):
    result = train(digits(epochs=1))

    keys = [key for key in state_of(result.run, read_rows(result.run)[0]["step"]) if "/model/" in key]
    assert keys
    assert all(re.fullmatch(r"optimizer/[a-z]+/model/[a-z_0-9]+/[0-9]+", key) for key in keys)


def test_a_missing_tracker_package_is_refused_before_a_run_exists(train, tmp_path, monkeypatch):
    real = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda name, *a: None if name == "tensorboard" else real(name, *a))
    with pytest.raises(MissingExtra) as caught:
        train(digits() + "trackers: [tensorboard]\n")

    assert str(caught.value) == (
        "error[missing-extra]: the tracker `tensorboard` needs the package `tensorboard`, "
        "which is not installed\n"
        "  --> trackers\n"
        "help: `pip install 'kexp[tensorboard]'`"
    )
    assert not (tmp_path / "runs").exists()


def test_a_signal_ends_the_run_after_its_step_and_keeps_the_state(train, tmp_path):
    from kexp.errors import Stopped

    (tmp_path / "own.py").write_text(
        "import os, signal\n"
        "import keras\n"
        "class Ring(keras.callbacks.Callback):\n"
        "    def on_train_batch_begin(self, batch, logs=None):\n"
        "        if batch == 4:\n"
        "            os.kill(os.getpid(), signal.SIGTERM)\n"
    )
    with pytest.raises(Stopped) as caught:
        train(digits(epochs=2, more='callbacks: ["own.py:Ring"]'))

    run = only_run(tmp_path)
    assert caught.value.exit_code == 143
    assert str(caught.value) == (
        f"error[stopped]: stopped by SIGTERM after step 5, 0 of 2 epochs done; it is kept in {run.path}\n"
        f"help: `kexp resume {run.id}` goes on"
    )
    status = read_status(run)
    assert (status.state, status.step, status.error) == ("stopped", 5, "stopped by SIGTERM")
    assert run.last_checkpoint.name == "step-0000000005.safetensors"
    assert [summary.state for summary in list_runs(tmp_path / "runs")] == ["stopped"]
