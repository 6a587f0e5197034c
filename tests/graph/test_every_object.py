"""Every public object of Keras can be written in YAML and constructed from it."""

import warnings

import pytest
from objects import EXCEPTIONS, component, make, names

from kexp.spec.catalogue import catalogue

pytestmark = pytest.mark.xdist_group("keras")


@pytest.mark.parametrize(("namespace", "name"), list(names(aliases=True)), ids=lambda value: value)
def test_every_public_object_is_constructed_from_yaml(namespace, name):
    reason = EXCEPTIONS.get(namespace, {}).get(name)
    if reason:
        pytest.skip(f"{name}: {reason}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = make(component(namespace, name))
    signature = catalogue().signature(namespace, name)
    assert signature is not None
    expected = {signature.name.casefold(), name.casefold(), "groupedqueryattention"}
    assert type(made).__name__.casefold() in expected


@pytest.mark.parametrize("name", catalogue().names("applications"))
def test_every_application_is_known_with_its_arguments(name):
    import keras

    signature = catalogue().signature("applications", name)
    assert signature is not None and signature.param("weights") is not None
    assert callable(getattr(keras.applications, name))
