"""The Keras that is installed, against the one that the catalogue was made from."""

import sys
from pathlib import Path

from kexp.diagnostics import Diagnostic
from kexp.spec.catalogue import catalogue


def catalogue_mismatch() -> Diagnostic | None:
    """Return a warning where another Keras is installed than the catalogue knows."""
    known, found = catalogue().keras_version, _installed_version()
    if found == known:
        return None
    there = "no Keras" if found is None else f"Keras {found}"
    message = f"names and arguments are checked by those of Keras {known}, and {there} is installed"
    help = f"install Keras {known}, or the kexp that knows Keras {found}" if found else "pip install keras"
    return Diagnostic("another-keras", message, help=help, severity="warning")


def _installed_version() -> str | None:
    """Return the version of the first Keras on the path, by its folder: `importlib.metadata` loads slowly."""
    found = (entry for folder in sys.path for entry in Path(folder).glob("keras-[0-9]*.dist-info"))
    first = next(found, None)
    return None if first is None else first.name.removeprefix("keras-").removesuffix(".dist-info")
