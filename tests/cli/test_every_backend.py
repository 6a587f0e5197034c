"""Every example on every backend, by the commands that a user types: real processes, real data."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from fakes import KERAS, environment, example_data, machine, real_data

from kexp.record.history import read_rows
from kexp.record.rundir import RunDir
from kexp.record.status import read_status

pytestmark = KERAS[1:]

CONFIGS = Path(__file__).parents[2] / "configs"
EXAMPLES = sorted(path.stem for path in CONFIGS.glob("*.yaml"))
BACKENDS = ("tensorflow", "jax", "torch")
EXACT, DRAWN = 1e-3, 0.1
"""How far apart losses of the first epoch may be, as a share of JAX's.

Order of data, initial weights and `augment` are the same. The backends add the same numbers in other orders;
of six steps, most examples keep 1e-6 of it, and the U-Net, whose batch normalisations and Adam let it grow,
3e-4. Dropout and a model's own noise are other draws on every backend, which were seen to move a loss of six
steps by 0.05.

Models that learn an embedding are compared on JAX and torch alone: of a row that a batch looks up twice,
Keras on TensorFlow squares each gradient by itself, where the others square their sum, so that Adam learns
another embedding there (a text classifier's loss after six steps was seen to differ by a third). kexp leaves
Keras's optimizers as they are, since a run's results are those of Keras's own `fit`.
"""
UNTRAINED = 1e-4
"""How far apart measures and shares of the same weights may be: sums in another order, and no steps."""
ELSEWHERE = ("--backend", "tensorflow")
DRAWS = re.compile(r"[dD]ropout|vae\.py|gan\.py")
EMBEDS = re.compile(r"Embedding")

STOPPER = """\
import os
import signal

import keras


class Stopper(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1 and "KEXP_TEST_STOPS" in os.environ:
            os.kill(os.getpid(), signal.SIGTERM)
"""


def kexp(folder, *arguments, code=0, **env):
    """Run a command in `folder`, and return what it wrote to stdout."""
    done = subprocess.run(
        [sys.executable, "-m", "kexp", *map(str, arguments)],
        cwd=folder,
        env=environment(env),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == code, f"kexp {' '.join(map(str, arguments))}\n{done.stderr[-3000:]}"
    return done.stdout


def short(name, folder):
    """Return what `--set` says for two epochs of a few steps, of which a signal stops the second."""
    (folder / "stopper.py").write_text(STOPPER)
    train = yaml.safe_load((CONFIGS / f"{name}.yaml").read_text())["train"]
    callbacks = json.dumps([*train.get("callbacks", []), f"{folder}/stopper.py:Stopper"])
    epochs = [f"train.stages[{number}].epochs=2" for number in range(len(train.get("stages", ())))]
    return [
        f"train.callbacks={callbacks}",
        *(epochs or ["train.epochs=2"]),
        "train.steps_per_epoch=6",
        *example_data(f"{name}.yaml", folder),
    ]


@pytest.fixture
def keras_home(tmp_path, monkeypatch):
    """Keras's cache with Fashion-MNIST in it; Keras itself has read KERAS_HOME when it was imported."""
    datasets = tmp_path / "keras" / "datasets"
    datasets.mkdir(parents=True)
    (datasets / "fashion-mnist").symlink_to(real_data("fashion-mnist") / "fashion-mnist")
    machine()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path / "keras"))


def some_rows(run, path):
    """Keep a few raw samples of a run's test split as a file of rows to predict."""
    machine()
    from kexp.data.experiment import load_data
    from kexp.record.experiment import read_experiment

    samples = load_data(read_experiment(run), run.path).splits["test"]
    np.savez(path, **{name: np.asarray(column[np.arange(5)]) for name, column in samples.inputs.items()})


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_goes_the_same_way_on_every_backend(name, tmp_path, request):
    if "fashion" in name:
        request.getfixturevalue("keras_home")
    spec = CONFIGS / f"{name}.yaml"
    asked = short(name, tmp_path)
    first = {}
    for backend in BACKENDS:
        assigned = [f"--set={each}" for each in (f"runtime.backend={backend}", *asked)]
        run = RunDir(tmp_path / backend)
        kexp(tmp_path, "validate", "--deep", spec, *assigned)
        kexp(tmp_path, "train", spec, *assigned, f"--run-dir={backend}", code=143, KEXP_TEST_STOPS="1")
        kexp(tmp_path, "resume", backend)
        told = json.loads(kexp(tmp_path, "evaluate", backend, "--json"))
        assert np.isfinite(list(told["metrics"].values())).all()
        if backend == "tensorflow":
            some_rows(run, tmp_path / "rows.npz")
        assert len(kexp(tmp_path, "predict", backend, "rows.npz").splitlines()) == 6
        first[backend] = [read_rows(run)[0][loss] for loss in ("loss", "val_loss")]
    text = spec.read_text()
    allowed = DRAWN if DRAWS.search(text) else EXACT
    assert first["torch"] == pytest.approx(first["jax"], rel=allowed)
    if not EMBEDS.search(text):
        assert first["tensorflow"] == pytest.approx(first["jax"], rel=allowed)


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_a_run_of_another_backend_is_checked_made_resumed_and_used(backend, tmp_path):
    spec, rows = CONFIGS / "digits-mlp.yaml", tmp_path / "rows.npy"
    assigned = [f"--set={each}" for each in (f"runtime.backend={backend}", *short("digits-mlp", tmp_path))]
    np.save(rows, np.random.default_rng(0).integers(0, 17, (5, 64)).astype("float32"))

    assert kexp(tmp_path, "validate", "--deep", spec, *assigned) == ""
    kexp(tmp_path, "train", spec, *assigned, "--run-dir=run", code=143, KEXP_TEST_STOPS="1")
    run = RunDir(tmp_path / "run")
    assert read_status(run).state == "stopped"
    kexp(tmp_path, "resume", "run")
    told = json.loads(kexp(tmp_path, "evaluate", "run", "--json", "--backend=tensorflow"))
    asked = [kexp(tmp_path, "predict", "run", rows, "--proba", *more) for more in ((), ELSEWHERE)]

    (kept,) = run.evaluations.iterdir()
    assert json.loads(kept.read_text()).items() >= {**told, "backend": "tensorflow"}.items()
    measured = {f"test_{name}": value for name, value in told["metrics"].items()}
    assert measured == pytest.approx(
        {name: read_status(run).metrics[name] for name in measured}, rel=UNTRAINED
    )
    here, there = (np.genfromtxt(text.splitlines(), delimiter=",", skip_header=1) for text in asked)
    np.testing.assert_array_equal(here[:, :2], there[:, :2])
    np.testing.assert_allclose(here[:, 2:], there[:, 2:], rtol=UNTRAINED)
