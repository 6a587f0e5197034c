"""Keras's string names mean the classes that `kexp explain` shows for them."""

from collections.abc import Callable
from typing import Any

import keras
import pytest
from fakes import KERAS

from kexp.spec.catalogue import catalogue
from kexp.spec.explanations.topics import find

pytestmark = KERAS

MODULES: dict[str, tuple[Any, str]] = {
    "losses": (keras.losses, "loss"),
    "metrics": (keras.metrics, "metric"),
    "initializers": (keras.initializers, "initializer"),
    "regularizers": (keras.regularizers, "regularizer"),
    "constraints": (keras.constraints, "constraint"),
    "optimizers": (keras.optimizers, "optimizer"),
}
STRINGS = [(namespace, string) for namespace in MODULES for string in catalogue().identifiers(namespace)]
WITHOUT_A_CLASS = {"accuracy", "acc", "crossentropy", "ce"}
NEED_ARGUMENTS = (TypeError, KeyError)
"""What Keras raises for the string of a class that cannot be made without arguments."""


def made_by(found: Any) -> Callable[..., Any] | type:
    """Return the function that a loss or metric wraps, else its class."""
    return getattr(found, "fn", None) or getattr(found, "_fn", None) or type(found)


@pytest.mark.parametrize(("namespace", "string"), STRINGS)
def test_a_string_means_the_class_that_is_shown(namespace, string):
    module, kind = MODULES[namespace]
    names = [page.name for page in find(string) if page.kind == kind]
    if string in WITHOUT_A_CLASS:
        assert names == []
        return
    cls = getattr(module, names[0])
    try:
        meant = module.get(string)
    except NEED_ARGUMENTS:
        meant = cls

    assert len(names) == 1
    assert meant is cls or isinstance(meant, cls) or made_by(cls()) is meant
