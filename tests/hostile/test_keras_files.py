"""`kexp import` on `.keras` files that a stranger made; no code of theirs runs, and nothing else is read."""

import warnings

import pytest
from fakes import KERAS, machine

from hostile.commands import kexp
from hostile.corpus import CHECKPOINTS
from hostile.keras_files import KERAS_FILES, SOUND, with_members
from hostile.runs import make_run, spec

pytestmark = KERAS

SAID = {
    "a zip bomb": "has a `config.json` of more than 16,777,216 bytes",
    "a config that is nested": "has a `config.json` that is not JSON",
    "no zip": "is cut off or damaged: it begins like a `.keras` file and does not end like one",
    "a pickle": "is not a file in Keras's own format",
    "weights that are a bomb": "unpacks from 859 bytes to 3,221,226,000",
}


@pytest.fixture(scope="module", autouse=True)
def backend():
    return machine()


def imported(name, folder):
    KERAS_FILES[name](folder / "model.keras")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return kexp(folder, "import", "model.keras")


@pytest.mark.parametrize("name", KERAS_FILES)
def test_a_hostile_model_is_refused(name, tmp_path):
    answer = imported(name, tmp_path)

    assert answer.code == 2
    assert answer.error.startswith("error[")
    assert "root:" not in answer.error
    assert answer.seconds < 5
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]


@pytest.mark.parametrize("name", SAID)
def test_it_is_said_what_is_wrong_with_the_file(name, tmp_path):
    error = imported(name, tmp_path).error.partition("\n")[0]

    assert error == f"error[not-a-keras-file]: `model.keras` {SAID[name]}"


def test_members_that_lead_out_are_not_unpacked(tmp_path):
    inside = tmp_path / "in"
    inside.mkdir()
    up = "../" * 20
    with_members(SOUND, f"{up}{tmp_path}/canary", f"{tmp_path}/canary", "assets/../../canary")(
        inside / "model.keras"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answer = kexp(inside, "import", "model.keras")

    assert (answer.code, answer.error) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


# ---------------------------------------------------------------- as weights of a layer


def trained_with(folder, file, name):
    (folder / "spec.yaml").write_text(
        spec(f"model:\n  layers:\n    - Dense -> {name}: {{units: 3}}\n      weights: {file}\n")
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return kexp(folder, "train", "spec.yaml", "--quiet")


def test_weights_of_a_sound_model_are_taken(tmp_path):
    SOUND(tmp_path / "model.keras")

    assert trained_with(tmp_path, "model.keras", "dense").code == 0


@pytest.mark.parametrize("name", KERAS_FILES)
def test_a_hostile_model_gives_no_weights(name, tmp_path):
    KERAS_FILES[name](tmp_path / "model.keras")
    answer = trained_with(tmp_path, "model.keras", "dense")

    assert answer.code == 2
    assert answer.error.startswith("error[")
    assert " --> spec.yaml:" in answer.error
    assert answer.seconds < 5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.keras", "spec.yaml"]


HARMLESS = ("has another dtype", "has one array more")


@pytest.mark.parametrize("name", [name for name in CHECKPOINTS if name not in HARMLESS])
def test_a_checkpoint_that_lies_gives_no_weights(name, tmp_path):
    run = make_run(tmp_path / "others")
    CHECKPOINTS[name](run, tmp_path)
    (run.checkpoints / "best.safetensors").rename(tmp_path / "model.safetensors")
    answer = trained_with(tmp_path, "model.safetensors", "scores")

    assert answer.code in (2, 8)
    assert answer.error.startswith(("error[checkpoint-corrupt]", "error[bad-weights]"))
    assert " --> spec.yaml:" in answer.error
    assert answer.seconds < 5
