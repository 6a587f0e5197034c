"""How the steps of an epoch are executed: compiled together over resident or streamed data, or one by one."""

BACKENDS = {
    "tensorflow": "kexp.train.engine.tensorflow:TensorFlow",
    "jax": "kexp.train.engine.jax:Jax",
}
"""By Keras backend: what it does for the engine; on any other, steps are taken one by one."""
