"""`kexp import` on `.keras` files that a stranger made; no code of theirs runs, and nothing else is read."""

import warnings

import pytest
from fakes import KERAS, machine

from hostile.commands import kexp
from hostile.keras_files import KERAS_FILES

pytestmark = KERAS

SAID = {
    "a zip bomb": "has a `config.json` of more than 16,777,216 bytes",
    "a config that is nested": "has a `config.json` that is not JSON",
    "no zip": "is cut off or damaged: it begins like a `.keras` file and does not end like one",
    "a pickle": "is not a file in Keras's own format",
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
