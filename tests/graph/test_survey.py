from importlib import import_module
from pathlib import Path

import pytest
from fakes import KERAS, machine

import kexp.spec
from kexp.data import SOURCES
from kexp.trackers import TRACKERS

pytestmark = KERAS

SPEC = Path(kexp.spec.__file__).parent


def test_the_checked_in_catalogue_is_what_the_installed_keras_and_our_sources_say(golden):
    machine()
    from kexp.graph.survey import render, survey

    golden(render(survey(SOURCES)), SPEC / "catalogue.json")


def test_the_checked_in_docs_are_what_the_installed_keras_and_our_sources_say(golden):
    machine()
    from kexp.graph.survey import render_docs, survey_docs

    golden(render_docs(survey_docs(SOURCES)), SPEC / "docs.json")


@pytest.mark.parametrize("reference", [*SOURCES.values(), *TRACKERS.values()])
def test_every_name_in_a_registry_imports(reference):
    module, _, name = reference.partition(":")

    assert callable(getattr(import_module(module), name))
