from importlib import import_module
from pathlib import Path

import pytest
from fakes import KERAS, machine

import kexp.spec
from kexp.data import SOURCES
from kexp.trackers import TRACKERS

pytestmark = KERAS


def test_the_checked_in_catalogue_is_what_the_installed_keras_and_our_sources_say(golden):
    machine()
    from kexp.graph.survey import render, survey

    golden(render(survey(SOURCES)), Path(kexp.spec.__file__).parent / "catalogue.json")


@pytest.mark.parametrize("reference", [*SOURCES.values(), *TRACKERS.values()])
def test_every_name_in_a_registry_imports(reference):
    module, _, name = reference.partition(":")

    assert callable(getattr(import_module(module), name))
