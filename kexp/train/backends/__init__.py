"""Keras's backends: what each has of its own, in one file each."""

BACKENDS = {
    "tensorflow": "kexp.train.backends.tensorflow:TensorFlow",
    "jax": "kexp.train.backends.jax:Jax",
    "torch": "kexp.train.backends.torch:Torch",
}
"""By Keras's name. They are imported once `environment` is settled, and import the backend's package."""
EXTRAS = ("jax", "torch")
"""Those that are no requirement of kexp; package and extra have the backend's name."""
