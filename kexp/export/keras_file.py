"""`.keras`: the model with its initial weights, for `keras.models.load_model`."""

import tempfile
from pathlib import Path

from kexp.export.built import Built, saved
from kexp.graph.fixed import plain
from kexp.graph.front import with_front


def keras_file(built: Built, folder: Path) -> bytes:
    """Return Keras's own file of the model, not trained: compiled, or with `preprocess` in front of it.

    Raises: SpecError (not-saved).
    """
    with tempfile.TemporaryDirectory(prefix="kexp-build-") as scratch, saved(built):
        path = Path(scratch) / "model.keras"
        model = plain(built.model)
        if built.preprocessing:
            model = with_front(model, built.ports, built.preprocessing, built.units)
        if model.built and model.compiled and model.optimizer is not None:
            model.optimizer.build(model.trainable_variables)  # or loading would warn of it
        model.save(path)
        return path.read_bytes()
