from pathlib import Path

CONFIGS = Path(__file__).parents[2] / "configs"


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
    again = kexp("import", "m.keras", "-o", "m.yaml")
    assert again.returncode == 2
    assert again.stderr.startswith("error[file-exists]: `m.yaml` exists already\n")
    assert kexp("import", "m.keras").stdout == (tmp_path / "m.yaml").read_text()


def test_a_missing_model_is_one_line(kexp):
    done = kexp("import", "none.keras")
    assert (done.returncode, done.stderr) == (
        4,
        "error[model-not-found]: there is no model at `none.keras`\n",
    )
