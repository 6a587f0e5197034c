import subprocess
import sys
from pathlib import Path

import pytest
from fakes import environment

CONFIGS = Path(__file__).parents[2] / "configs"

pytestmark = pytest.mark.xdist_group("cli")


def test_import_undoes_build(kexp, tmp_path):
    built = kexp("build", CONFIGS / "digits-mlp.yaml", "-o", "m.keras")
    assert built.returncode == 0, built.stderr

    done = kexp("import", "m.keras", "-o", "m.yaml")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "m.yaml: 16 lines, 0 blocks\n")
    assert (
        (tmp_path / "m.yaml").read_text().partition("\n")[2]
        == """\
kexp: 1
name: m
# Put your data here: this is a placeholder.
data: {source: npz, path: data.npz}
model:
  inputs: {features: [64]}
  layers:
    - Rescaling: 0.0625
    - Dense: {units: 64, activation: relu}
    - Dropout: 0.2
    - Dense: {units: 10, activation: softmax}
train:
  optimizer: Adam
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
"""
    )
    assert kexp("import", "m.keras").stdout == (tmp_path / "m.yaml").read_text()
    (tmp_path / "m.yaml").write_text("old")
    forced = kexp("import", "m.keras", "-o", "m.yaml", "--force")
    assert (forced.returncode, forced.stderr) == (0, "m.yaml: 16 lines, 0 blocks\n")

    refused = kexp("import", "m.keras", "-o", "/proc/m.yaml")  # nobody can make a file there
    assert (refused.returncode, refused.stdout, refused.stderr) == (
        2,
        "",
        "error[not-writable]: `/proc/m.yaml` cannot be written: No space left on device\n",
    )


def test_a_place_that_cannot_be_written_is_refused_before_keras_is_loaded(kexp, tmp_path):
    (tmp_path / "there.yaml").write_text("old")
    (tmp_path / "folder").mkdir()
    long = "m" * 300
    said = {
        long: f"error[not-writable]: `{long}` cannot be written: File name too long\n",
        "there.yaml": "error[file-exists]: `there.yaml` exists\nhelp: `--force` replaces it\n",
        "folder": "error[not-writable]: `folder` is a folder, and the name of a file is expected\n",
        "no/m.yaml": "error[not-writable]: there is no folder `no`\n",
    }
    for output, text in said.items():
        done = kexp("import", "none.keras", "-o", output)
        assert (done.returncode, done.stdout, done.stderr) == (2, "", text)
    assert (tmp_path / "there.yaml").read_text() == "old"


def test_what_holds_no_model_is_refused_and_nothing_is_written(kexp, tmp_path):
    missing = kexp("import", "none.keras", "-o", "m.yaml")
    assert (missing.returncode, missing.stderr) == (
        4,
        "error[model-not-found]: there is no model at `none.keras`\n",
    )
    (tmp_path / "m.keras").write_text("no model")
    foreign = kexp("import", "m.keras", "-o", "m.yaml")
    assert (foreign.returncode, foreign.stdout, foreign.stderr) == (
        2,
        "",
        "error[not-a-keras-file]: `m.keras` is not a file in Keras's own format\n"
        'help: save the model by `model.save("name.keras")`\n',
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.keras"]


MODEL = """
import keras
import numpy as np

scale = keras.layers.Normalization(name="scale")
scale.adapt(np.array([[10.0, 200.0], [12.0, 600.0]], "float32"))
inner = [keras.Input((2,)), keras.layers.Rescaling(1.0), scale, keras.layers.Dense(3)]
tower = keras.Sequential(inner, name="tower")
x = keras.Input((2,), name="x")
model = keras.Model(x, keras.layers.Dense(1)(tower(x)))
model.compile("sgd", "mse")
model.save("models/m.keras")
data = np.array([[10.0, 200.0], [12.0, 600.0]] * 8, "float32")
np.savez("data.npz", x=data, y=np.zeros((16, 1), "float32"))
"""


def test_a_model_with_statistics_inside_is_imported_as_a_spec_that_trains(kexp, tmp_path):
    (tmp_path / "models").mkdir()
    made = subprocess.run(
        [sys.executable, "-c", MODEL], cwd=tmp_path, env=environment({}), capture_output=True, check=False
    )
    assert made.returncode == 0, made.stderr.decode()

    assert kexp("import", "models/m.keras", "-o", "m.yaml").returncode == 0
    text = (tmp_path / "m.yaml").read_text()
    assert (
        "          - Normalization:\n            weights: {from: models/m.keras, layer: tower/scale}\n"
        in text
    )
    trained = kexp("train", "m.yaml", "--set", "seed=1", "--runs", tmp_path / "runs", "-q")
    assert trained.returncode == 0, trained.stderr
    means = subprocess.run(
        [
            sys.executable,
            "-c",
            "import keras, sys; model = keras.models.load_model(sys.argv[1]); "
            "print(model.get_layer('tower').layers[-2].mean.numpy().tolist())",
            next((tmp_path / "runs").rglob("model.keras")),
        ],
        env=environment({}),
        capture_output=True,
        check=False,
    )
    assert means.stdout.decode() == "[[11.0, 400.0]]\n", means.stderr.decode()
