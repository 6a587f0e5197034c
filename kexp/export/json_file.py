"""`.json`: the architecture, for `keras.models.model_from_json`."""

from pathlib import Path

from kexp.export.built import Built, saved
from kexp.graph.fixed import plain


def json_file(built: Built, folder: Path) -> bytes:
    """Return the model's configuration as Keras writes it.

    Raises: SpecError (not-saved).
    """
    with saved(built):
        text: str = plain(built.model).to_json(indent=2)
    return f"{text}\n".encode()
