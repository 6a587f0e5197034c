"""`evaluate` and `predict` on runs that a stranger wrote: what runs, what is read, what is refused."""

import json
import os
import warnings

import numpy as np
import pytest
from fakes import KERAS, machine

from hostile.commands import kexp
from hostile.corpus import CHECKPOINTS, LOOKING
from hostile.models import CANARY, DATA_LARGE, DATA_REFUSED, LARGE, REFUSED
from hostile.runs import FEATURES, ID, MANIFEST, MODEL, list_anew, make_run, spec
from kexp.record.experiment import runnable_experiment

pytestmark = KERAS
MEASURE = ("evaluate", ID, "--split", "train")
PREDICT = ("predict", ID, "rows.npy")


@pytest.fixture(scope="module", autouse=True)
def backend():
    return machine()


@pytest.fixture
def run(tmp_path):
    np.save(tmp_path / "rows.npy", np.zeros((2, 4), np.float32))
    return make_run(tmp_path / "runs")


@pytest.fixture
def told(tmp_path):
    """Run a command, and see that the file that only code of the run makes is not there."""

    def tell(*command):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer = kexp(tmp_path, *command)
        assert not (tmp_path / "canary").exists()
        assert answer.seconds < 5
        assert [c for c in answer.out + answer.error if not c.isprintable() and c != "\n"] == []
        return answer

    return tell


def with_spec(run, text):
    """Give a run this spec, and code that tells that it was run."""
    canary = run.path.parents[1] / "canary"
    run.code.mkdir(exist_ok=True)
    (run.code / "evil.py").write_text(
        f"from pathlib import Path\n\nPath({str(canary)!r}).touch()\nload = Evil = print\n"
    )
    run.write_resolved(text.replace(CANARY, str(canary)))
    list_anew(run, run.resolved, run.code / "evil.py")


def first_line(answer):
    return answer.error.partition("\n")[0]


# ---------------------------------------------------------------- what is sound


def test_a_stranger_s_run_of_keras_s_layers_is_measured(run, told):
    answer = told(*MEASURE)

    assert (answer.code, answer.out.split()[::2]) == (0, ["train_loss", "train_accuracy"])
    assert run.origin() == "foreign"


def test_a_stranger_s_run_of_keras_s_layers_predicts(run, told):
    assert told(*PREDICT).out == "row,target\n0,setosa\n1,setosa\n"


def test_a_run_that_was_measured_can_be_measured_again(run, told):
    assert [told(*MEASURE).code, told(*MEASURE).code] == [0, 0]


def test_the_user_s_own_run_needs_no_trust(run, told):
    with_spec(run, spec(data='data: {source: "code/own.py:load"}'))
    (run.code / "own.py").write_text(
        "from sklearn.datasets import load_iris\n\n\ndef load():\n    d = load_iris()\n"
        "    return {'features': d.data.astype('float32')}, {'target': d.target.astype('int32')}\n",
    )
    refused = told(*MEASURE)
    run.vouch()
    run.write_sums()

    assert first_line(refused).startswith("error[file-not-listed]: `code/own.py`")
    assert told(*MEASURE).code == 0
    assert not (run.code / "__pycache__").exists()


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("command", [MEASURE, PREDICT], ids=["evaluate", "predict"])
def test_no_code_of_a_stranger_s_runs(run, told, name, command):
    with_spec(run, REFUSED[name])
    answer = told(*command)

    assert answer.code in (2, 8)
    assert answer.code == 2 or first_line(answer).startswith(
        ("error[untrusted-code]", "error[untrusted-path]")
    )


def test_a_refusal_stands_at_the_line_that_is_meant(run, told):
    with_spec(run, REFUSED["a custom loss"])

    assert told(*PREDICT).error == (
        "error[untrusted-code]: `os:system` is code of the run's own, and the run is not yours\n"
        f" --> runs/{ID}/resolved.yaml:9:31  (train.loss.os:system)\n"
        "  |\n"
        '9 | train: {optimizer: sgd, loss: "os:system", metrics: [accuracy], epochs: 1}\n'
        "  |                               ^^^^^^^^^^^\n"
        "help: `--trust` runs it: only where you know who wrote the run, and have read its code"
    )


@pytest.mark.parametrize("name", DATA_REFUSED)
def test_no_data_that_a_stranger_names_is_read(run, told, name):
    with_spec(run, DATA_REFUSED[name])
    answer = told(*MEASURE)

    assert answer.code == 8
    assert first_line(answer).startswith(("error[untrusted-code]", "error[untrusted-path]"))
    assert told(*PREDICT).code == 0


@pytest.mark.parametrize("name", {**LARGE, **DATA_LARGE})
def test_nothing_takes_all_of_the_machine(run, told, name):
    with_spec(run, {**LARGE, **DATA_LARGE}[name])
    answer = told(*MEASURE)

    assert (answer.code, first_line(answer).partition("]")[0]) in (
        (8, "error[run-too-large"),
        (2, "error[too-many-layers"),
        (2, "error[bad-formula"),
    )


def test_trust_runs_the_code_of_a_run(run, told, tmp_path):
    with_spec(run, spec(data='data: {source: "code/evil.py:load"}'))
    answer = kexp(tmp_path, *MEASURE, "--trust")

    assert (tmp_path / "canary").exists()
    assert answer.code == 6


def test_initial_weights_are_not_read_when_a_model_is_rebuilt(run, told, tmp_path):
    os.mkfifo(tmp_path / "weights.safetensors")
    model = f"model:\n  layers:\n    - Dense -> scores: {{units: 3}}\n      weights: {tmp_path}/weights.safetensors\n"
    with_spec(run, spec(model))

    assert told(*PREDICT).code == 0


@pytest.mark.parametrize(
    "name",
    [
        "resolved.yaml",
        "manifest.json",
        "status.json",
        "metrics.jsonl",
        "spec.yaml",
        "checkpoints/best.safetensors",
        "checkpoints/step-0000000005.safetensors",
    ],
)
def test_a_changed_byte_is_noticed(run, told, name):
    data = bytearray((run.path / name).read_bytes())
    data[-2] ^= 1
    (run.path / name).write_bytes(data)

    assert first_line(told(*MEASURE)) == (
        f"error[file-differs]: `{name}` is not the file that `SHA256SUMS` of its run describes"
    )


@pytest.mark.parametrize("name", ["resolved.yaml", "manifest.json", "checkpoints/best.safetensors"])
def test_a_changed_byte_of_one_s_own_run_is_noticed_where_it_is_read(run, told, name):
    run.vouch()
    run.write_sums()
    data = bytearray((run.path / name).read_bytes())
    data[-2] ^= 1
    (run.path / name).write_bytes(data)

    assert run.origin() == "own"
    assert first_line(told(*MEASURE)) == (
        f"error[file-differs]: `{name}` is not the file that `SHA256SUMS` of its run describes"
    )


@pytest.mark.parametrize(
    "name", ["code/more.py", "code/evil.so", "code/__pycache__/evil.cpython-311.pyc", "x"]
)
def test_a_file_that_nobody_listed_is_noticed(run, told, name):
    (run.path / name).parent.mkdir(parents=True, exist_ok=True)
    (run.path / name).write_bytes(b"")

    assert first_line(told(*MEASURE)) == (
        f"error[file-not-listed]: `{name}` is not among the files that `SHA256SUMS` of its run names"
    )


def test_a_removed_mac_makes_one_s_own_run_a_stranger_s(run, told):
    with_spec(run, REFUSED["a file of the run"])
    run.vouch()
    run.write_sums()
    run.sums_mac.unlink()

    assert first_line(told(*MEASURE)).startswith("error[untrusted-code]: `code/evil.py:Evil`")


def test_a_run_without_a_list_is_only_looked_at(run, told):
    run.sums.unlink()
    answer = told(*MEASURE)

    assert (answer.code, first_line(answer)) == (
        8,
        f"error[run-unverified]: nothing says what `{ID}` should hold: it has no SHA256SUMS, and your key does "
        "not vouch for it",
    )
    assert told("show", ID).code == 0


LINKS = [name for name in LOOKING if any(kind in name for kind in ("link", "pipe", "socket"))]


@pytest.mark.parametrize("name", LINKS)
def test_links_pipes_and_devices_are_refused(run, told, tmp_path, name):
    (tmp_path / "outside").mkdir()
    LOOKING[name](run, tmp_path / "outside")
    answer = told(*MEASURE)

    assert answer.code == 8
    assert answer.error.startswith("error[")


@pytest.mark.parametrize("name", LOOKING)
def test_a_stranger_s_run_is_not_trained_on(run, told, tmp_path, name):
    (tmp_path / "outside").mkdir()
    LOOKING[name](run, tmp_path / "outside")
    answer = told("resume", ID)

    assert answer.code in (4, 8)
    assert answer.error.startswith("error[")


# ---------------------------------------------------------------- checkpoints


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_a_checkpoint_that_lies_is_refused(run, told, tmp_path, name):
    CHECKPOINTS[name](run, tmp_path)
    answer = told(*PREDICT)

    assert (answer.code, first_line(answer).partition("]")[0]) in (
        (8, "error[checkpoint-corrupt"),
        (8, "error[checkpoint-mismatch"),
    )


# ---------------------------------------------------------------- what the manifest says


@pytest.mark.parametrize(
    "info",
    [
        None,
        [],
        {"inputs": 3},
        {"inputs": [{"name": "features", "shape": "abc", "dtype": "float32"}], "targets": []},
        {"inputs": [{"name": "features", "shape": [-4], "dtype": "float32"}], "targets": []},
        {"inputs": [{"name": "features", "shape": [1 << 60], "dtype": "float32"}], "targets": []},
        {"inputs": [{"name": ["features"], "shape": [4], "dtype": "float32"}], "targets": []},
        {"sizes": {"train": "many"}},
        {"sizes": {}},
        {"classes": {"target": "abc"}},
        {"fills": {"features": [1]}},
        {"units": {"target": {"scale": "abc"}}},
    ],
)
def test_a_manifest_that_lies_is_refused(run, told, info):
    known = MANIFEST["data"]["info"]
    record = {**known, **info} if isinstance(info, dict) else info
    run.manifest.write_text(json.dumps({**MANIFEST, "data": {**MANIFEST["data"], "info": record}}))
    list_anew(run, run.manifest)
    answer = told(*PREDICT)

    assert answer.code in (2, 6, 8)
    assert answer.error.startswith("error[")


def test_names_of_classes_cannot_steer_the_terminal(run, told):
    info = {**MANIFEST["data"]["info"], "classes": {"target": ["\x1b[2J", "b", "c"]}}
    run.manifest.write_text(json.dumps({**MANIFEST, "data": {**MANIFEST["data"], "info": info}}))
    list_anew(run, run.manifest)

    assert told(*PREDICT, "--proba").out.splitlines()[:2] == [
        "row,target,target.\ufffd[2J,target.b,target.c",
        "0,\ufffd[2J,0.3333333432674408,0.3333333432674408,0.3333333432674408",
    ]


# ---------------------------------------------------------------- data of one's own


def test_data_of_the_user_s_own_stands_for_what_a_stranger_names(run, told, tmp_path):
    with_spec(run, spec(data="data: {source: csv, path: /etc/passwd, target: target}"))
    rows = ["5.1,3.5,1.4,0.2,setosa", "7.0,3.2,4.7,1.4,versicolor", "6.3,3.3,6.0,2.5,virginica"]
    (tmp_path / "mine.csv").write_text("\n".join([",".join([*FEATURES, "target"]), *rows]))
    answer = told(*MEASURE, "--data", "mine.csv")

    assert (answer.code, answer.error) == (0, f"{ID}: best checkpoint, 3 train samples\n")


def test_data_cannot_lie_elsewhere_where_it_comes_from_no_file(run, told):
    answer = told(*MEASURE, "--data", "mine.csv")

    assert (answer.code, answer.error.splitlines()[0]) == (
        2,
        "error[no-data-path]: the source `sklearn` takes no `path`, so its data cannot lie elsewhere",
    )


def test_how_many_threads_a_stranger_had_says_nothing_of_this_machine(run):
    with_spec(run, spec().replace("seed: 1", "seed: 1\nruntime: {threads: 1000}"))
    run.code.joinpath("evil.py").unlink()

    assert runnable_experiment(run).runtime.threads is None
    run.vouch()
    run.write_sums()
    assert runnable_experiment(run).runtime.threads == 1000


def test_weights_that_keras_publishes_are_not_a_file_of_the_stranger_s(run):
    model = "model:\n  inputs: {x: [32, 32, 3]}\n  layers:\n    - MobileNetV2: {weights: imagenet, include_top: false}\n"
    with_spec(run, spec(f"{model}    - Flatten\n    - Dense -> scores: 3\n"))

    assert runnable_experiment(run).name == "iris"


def test_a_vocabulary_that_the_run_has_kept_is_not_read_from_its_file(run):
    with_spec(
        run, spec(f"preprocess: {{features: [{{StringLookup: {{vocabulary: /etc/passwd}}}}]}}\n{MODEL}")
    )

    assert runnable_experiment(run).name == "iris"


@pytest.mark.parametrize("vocabulary", ['"/etc/passwd"', "3", '{"a": 1}', "null"])
def test_a_kept_vocabulary_that_is_no_list_is_refused(run, told, vocabulary):
    with_spec(run, spec(f"preprocess: {{features: [{{IntegerLookup: {{num_oov_indices: 1}}}}]}}\n{MODEL}"))
    info = json.dumps(MANIFEST["data"]["info"])
    run.preprocess.mkdir()
    files = {
        "inputs.json": f'{{"schema": 1, "raw": {info}, "files": {{"features": "features"}}}}',
        "features.json": f'{{"schema": 1, "layers": [{{"class": "IntegerLookup", "vocabulary": {vocabulary}}}]}}',
    }
    for name, text in files.items():
        (run.preprocess / name).write_text(text)
        list_anew(run, run.preprocess / name)

    assert first_line(told(*PREDICT)).startswith(
        f"error[file-broken]: `preprocess/features.json` of run `{ID}` is broken: "
        "it does not hold what `preprocess` learnt: "
    )
