"""`.keras`: the model with its initial weights, for `keras.models.load_model`."""

import tempfile
from pathlib import Path

from kexp.export.built import Built, saved


def keras_file(built: Built, folder: Path) -> bytes:
    """Return Keras's own file of the model, compiled and not trained.

    Raises: SpecError (not-saved).
    """
    with tempfile.TemporaryDirectory(prefix="kexp-build-") as scratch, saved(built):
        path = Path(scratch) / "model.keras"
        built.model.save(path)
        return path.read_bytes()
