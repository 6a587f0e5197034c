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
        if built.model.built and built.model.optimizer is not None:
            built.model.optimizer.build(built.model.trainable_variables)  # or loading would warn of it
        built.model.save(path)
        return path.read_bytes()
