"""Every example: it parses, says how it is run and what it promises, and runs end to end."""

from pathlib import Path

import pytest
from fakes import KERAS, example_data, machine, real_data, train_spec

from kexp.document import load_document
from kexp.spec.parse import parse_experiment
from kexp.spec.phases import phases

pytestmark = KERAS

CONFIGS = Path(__file__).parents[1] / "configs"
EXAMPLES = sorted(path.name for path in CONFIGS.glob("*.yaml"))
READABLE = pytest.mark.parametrize("name", EXAMPLES)


@READABLE
def test_an_example_says_how_it_is_run_and_what_it_promises(name):
    path = CONFIGS / name
    experiment = parse_experiment(load_document(path))

    head = path.read_text().split("kexp: 1\n")[0].splitlines()
    assert all(line.startswith("# ") for line in head)
    assert f"#   kexp train configs/{name}" in head
    assert "Cost: " in path.read_text() and "Expect: " in path.read_text()
    assert experiment.name == path.stem
    assert experiment.expect


@pytest.fixture
def keras_home(tmp_path, monkeypatch):
    """Keras's cache with Fashion-MNIST in it; Keras itself has read KERAS_HOME when it was imported."""
    folder = real_data("fashion-mnist") / "fashion-mnist"
    (tmp_path / "keras" / "datasets").mkdir(parents=True)
    (tmp_path / "keras" / "datasets" / "fashion-mnist").symlink_to(folder)
    machine()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path / "keras"))


@READABLE
def test_an_example_runs_end_to_end(name, tmp_path, request):
    if "fashion" in name:
        request.getfixturevalue("keras_home")

    result = train_spec(CONFIGS / name, tmp_path, "smoke", example_data(name, tmp_path))

    experiment = parse_experiment(load_document(CONFIGS / name))
    assert (result.state, result.epochs) == ("completed", len(phases(experiment)))
    assert any(metric.startswith("test_") for metric in result.metrics)
    assert result.run.best_checkpoint.is_file()


@pytest.mark.parametrize("name", ["fashion-mnist-cnn.yaml", "wine-two-outputs.yaml"])
def test_an_example_with_declared_inputs_runs_on_made_up_data(name, tmp_path):
    assert train_spec(CONFIGS / name, tmp_path, "no-data").state == "completed"
