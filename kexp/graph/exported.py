"""What a class of objects is called in a spec, and which arguments it takes."""

import inspect
import re
from functools import cache
from pathlib import Path
from typing import Any

import keras

from kexp.errors import SpecError
from kexp.spec.catalogue import catalogue

_NAMESPACES = (
    *("layers", "optimizers", "schedules", "losses", "metrics"),
    *("initializers", "regularizers", "constraints"),
)


@cache
def _exported() -> dict[Any, tuple[str, str]]:
    """Return the catalogue's name and namespace of every public class."""
    found: dict[Any, tuple[str, str]] = {}
    for namespace in _NAMESPACES:
        module = keras.optimizers.schedules if namespace == "schedules" else getattr(keras, namespace)
        for name in catalogue().names(namespace):
            signature = catalogue().signature(namespace, name)
            if signature is not None and hasattr(module, name):
                found.setdefault(getattr(module, name), (signature.name, namespace))
    return found


def place_of(made: Any) -> tuple[str, str]:
    if made is keras.layers.Lambda:
        raise SpecError.because(
            "lambda-layer",
            "a `Lambda` layer holds code that its config does not",
            help="write the function as `file.py:name`, or as an `expr` step",
        )
    if made in _exported():
        return _exported()[made]
    namespace = "layers" if issubclass(made, keras.Layer) else "losses"
    return reference_to(made), namespace


def reference_to(made: Any) -> str:
    """Return how the user's own code is named: by its file where kexp loaded it, else by its module."""
    module = inspect.getmodule(made)
    if made.__module__.startswith("kexp_custom_") and module is not None and module.__file__:
        return f"{Path(module.__file__).name}:{made.__name__}"
    # `kexp.custom` finds there what Keras does not show: the layers of some of its applications
    public = re.sub(r"^keras\.src\.", "keras.", made.__module__)
    return f"{public}:{made.__name__}"


def parameters_of(made: Any, name: str, namespace: str) -> tuple[list[str], list[str]]:
    """Return the required and all parameters of a constructor."""
    signature = catalogue().signature(namespace, name)
    if signature is not None:
        return [p.name for p in signature.params if p.required], [p.name for p in signature.params]
    own = [p for p in list(inspect.signature(made.__init__).parameters.values())[1:]]
    named = [p for p in own if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    return [p.name for p in named if p.default is p.empty], [p.name for p in named]
