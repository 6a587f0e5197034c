"""The Keras that is installed, against the one that the catalogue was made from."""

from importlib import metadata

from kexp.spec.catalogue import catalogue


def catalogue_mismatch() -> str | None:
    """Say that another Keras is installed than the catalogue knows; None if they are the same."""
    known = catalogue().keras_version
    try:
        found = f"Keras {metadata.version('keras')}"
    except metadata.PackageNotFoundError:
        found = "no Keras"
    if found == f"Keras {known}":
        return None
    return f"names and arguments are checked by those of Keras {known}, and {found} is installed"
