"""Every spec that builds a graph: built, saved, imported, built again, equal."""

from pathlib import Path
from types import ModuleType

import pytest
from fakes import KERAS, example_data, machine

from kexp.document import load_document
from kexp.errors import SpecError
from kexp.spec.canonical import canonical
from kexp.spec.overrides import override
from kexp.spec.parse import parse_experiment
from kexp.spec.references import custom_names

pytestmark = KERAS

ROOT = Path(__file__).parents[2]
SPECS = {path.stem: path for path in [*ROOT.glob("configs/*.yaml"), *ROOT.glob("tests/export/specs/*.yaml")]}
CHEAP = [
    *("attention", "char-model", "custom", "digits-siamese", "digits-vae", "digits-vit", "expr", "mapped"),
    *("nested", "tickets", "timedist", "turns", "wide-and-deep", "wine-two-outputs"),
]
"""Those that the fast tests try."""


@pytest.fixture
def models() -> ModuleType:
    """Return `tests/models.py`, which needs Keras."""
    machine()
    import models

    return models


def built(path, scratch):
    from kexp.data.experiment import load_data
    from kexp.export.built import build_declared, build_on, declared
    from kexp.preparation import prepare_data

    document, folder = override(load_document(path), example_data(path.name, scratch)), path.parent
    experiment = parse_experiment(document)
    inputs = declared(experiment)
    if inputs is not None:
        return build_declared(experiment, inputs, folder)
    prepared = prepare_data(experiment, load_data(experiment, folder), folder)
    return build_on(experiment, prepared.datasets.info, folder)


def come_back(name, folder, models):
    """Return the text that a spec is imported as, once built and saved."""
    from kexp.graph.imports import experiment_of
    from kexp.graph.opened import open_keras_file

    path = SPECS[name]
    made = built(path, folder)
    made.model.save(folder / "m.keras")
    own = [own for own in custom_names(made.experiment) if own != made.experiment.data.source]
    code = path.parent / own[0].partition(":")[0] if own else None
    opened = open_keras_file(folder / "m.keras", code)
    text = canonical(experiment_of(opened, name, "m.keras").experiment, short=True)
    models.check_equal(made.model, models.built_from(text, made.model, path.parent))
    assert "keras.src" not in text
    return text


@pytest.mark.parametrize("name", CHEAP)
def test_a_spec_comes_back_equal(name, tmp_path, models):
    come_back(name, tmp_path, models)


@pytest.mark.parametrize("name", ["digits-unet", "lstm", "transformer-text", "wavenet"])
def test_a_spec_comes_back_readable(name, tmp_path, models, golden):
    golden(come_back(name, tmp_path, models), ROOT / "tests" / "golden" / "imports" / f"{name}.yaml")


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({*SPECS} - {*CHEAP, "digits-gan"}))
def test_every_spec_comes_back_equal(name, tmp_path, models):
    come_back(name, tmp_path, models)


def test_a_model_class_is_no_graph_and_the_graphs_in_it_come_back_equal(tmp_path, models):
    from kexp.graph.imports import experiment_of
    from kexp.graph.opened import Opened

    gan = built(SPECS["digits-gan"], tmp_path).model
    with pytest.raises(NotImplementedError, match="created by passing\nnon-serializable argument values"):
        gan.save(tmp_path / "m.keras")  # its arguments are models, and it has no `get_config`
    with pytest.raises(SpecError) as refused:
        experiment_of(Opened(gan), "gan", "m.keras")
    assert (
        str(refused.value)
        == """\
error[not-a-graph]: `GAN` is a model class with a `call` of its own, and a spec holds graphs
help: write it as `file.py:GAN` in the spec, and import the Functional models inside it"""
    )
    for inner in (gan.generator, gan.critic):
        models.check_equal(inner, models.imported(inner)[1])
