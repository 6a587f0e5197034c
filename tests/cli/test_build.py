import json
import subprocess
import sys
import zipfile

import h5py
import numpy as np
import pytest
from safetensors.numpy import save_file

pytestmark = pytest.mark.xdist_group("cli")

SPEC = """\
kexp: 1
name: small
seed: 3
data: {source: sklearn, dataset: digits, split: {val: 0.2}}
model: {inputs: INPUTS, layers: [{Dense: 8}, {Dense: {units: 10, activation: softmax}}]}
train: {optimizer: adam, loss: sparse_categorical_crossentropy}
"""


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(SPEC.replace("INPUTS", "{image: [64]}"))
    return path


def test_a_model_is_built_in_every_format(kexp, spec, tmp_path):
    for suffix in ("keras", "json", "py"):
        done = kexp("build", spec, "-o", f"model.{suffix}")
        assert (done.returncode, done.stdout) == (0, "")
        assert done.stderr == f"small, 610 parameters: model.{suffix}\n"

    assert json.loads((tmp_path / "model.json").read_text())["class_name"] == "Functional"
    assert (tmp_path / "model.keras").read_bytes()[:2] == b"PK"
    check = "import model; assert model.model.count_params() == 610"
    done = subprocess.run(
        [sys.executable, "-c", check], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_script_goes_to_stdout(kexp, spec, tmp_path):
    done = kexp("build", spec, "-o", "-", "-s", "train.epochs=7")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith('"""The model `small`, in plain Keras."""\n')
    assert done.stdout.endswith("epochs=7, validation_data=(x_val, y_val))\n")
    assert [path.name for path in tmp_path.iterdir()] == ["small.yaml"]


def test_shapes_that_the_spec_leaves_open_come_from_the_data(kexp, tmp_path):
    (tmp_path / "open.yaml").write_text(SPEC.replace("inputs: INPUTS, ", ""))
    done = kexp("build", "open.yaml", "-o", "-")

    assert 'features = keras.Input((64,), name="features")' in done.stdout.splitlines()


START = """\
model:
  inputs: {image: [64]}
  layers:
    - Normalization:
      adapt: true
    - Dense -> head: {units: 10, activation: softmax}
      weights: head.safetensors
"""


def test_keras_s_file_holds_what_layers_start_from(kexp, spec, tmp_path):
    head, _, tail = spec.read_text().partition("model:")
    spec.write_text(head + START + tail[tail.index("train:") :])
    kernel, bias = np.full((64, 10), 0.5, "float32"), np.arange(10, dtype="float32")
    save_file({"model/head/0": kernel, "model/head/1": bias}, tmp_path / "head.safetensors")

    done = kexp("build", spec, "-o", "model.keras")
    assert (done.returncode, done.stderr) == (0, "small, 779 parameters: model.keras\n")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        archive.extract("model.weights.h5", tmp_path)
    with h5py.File(tmp_path / "model.weights.h5") as weights:
        mean = np.array(weights["layers/normalization/vars/0"])
        np.testing.assert_array_equal(weights["layers/dense/vars/0"], kernel)
        np.testing.assert_array_equal(weights["layers/dense/vars/1"], bias)
    assert (mean.shape, 4 < mean.max() < 16) == ((64,), True)


def test_an_unknown_suffix_is_wrong_usage(kexp, spec):
    done = kexp("build", spec, "-o", "model.h5")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error[unknown-suffix]: `model.h5` ends in no format that `kexp build` writes\n"
        "help: end it in one of `.keras`, `.json`, `.py`; `-o -` writes the script to stdout\n"
    )


def test_a_file_that_exists_is_kept_unless_forced(kexp, spec, tmp_path):
    (tmp_path / "model.py").write_text("mine\n")
    done = kexp("build", spec, "-o", "model.py")

    assert done.returncode == 2
    assert done.stderr == "error[file-exists]: `model.py` exists\nhelp: `--force` replaces it\n"
    assert (tmp_path / "model.py").read_text() == "mine\n"
    assert kexp("build", spec, "-o", "model.py", "--force").returncode == 0
    assert (tmp_path / "model.py").read_text().startswith('"""The model `small`')


def test_a_missing_folder_is_said_before_anything_is_built(kexp, spec):
    done = kexp("build", spec, "-o", "nowhere/model.py")

    assert (done.returncode, done.stderr) == (2, "error[not-writable]: there is no folder `nowhere`\n")


def test_what_does_not_fit_is_placed_in_the_spec(kexp, tmp_path):
    (tmp_path / "bad.yaml").write_text(
        SPEC.replace("INPUTS", "{image: [64]}").replace("{Dense: 8}", "Conv2D: 8")
    )
    (tmp_path / "bad.yaml").write_text(
        SPEC.replace("INPUTS", "{image: [64]}").replace(
            "{Dense: 8}", "{Conv2D: {filters: 8, kernel_size: 3}}"
        )
    )
    done = kexp("build", "bad.yaml", "-o", "model.py")

    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == "error[keras-refused]: Keras refuses `Conv2D`"
    assert "bad.yaml:5:42" in done.stderr
    assert not (tmp_path / "model.py").exists()
