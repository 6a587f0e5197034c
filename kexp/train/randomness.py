"""The states of the process's random generators, which code of the user's own may draw from."""

import random
from typing import Any

import keras
import numpy as np
from keras.src.backend.common import global_state
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR, global_seed_generator

from kexp.train.backend import own_ways
from kexp.train.plain_state import decoded, encoded


def seed_generators(seed: int) -> None:
    """Begin all of them anew: what preparation drew, if only by importing, shall make no difference."""
    keras.utils.set_random_seed(seed)
    global_state.set_global_attribute(GLOBAL_SEED_GENERATOR, None)


def random_states() -> dict[str, Any]:
    """Return the states of Python's, numpy's, Keras's and the backend's generators as JSON."""
    numpy_state: dict[str, Any] = dict(np.random.get_state(legacy=False))
    numpy_state["state"] = {**numpy_state["state"], "key": numpy_state["state"]["key"].tolist()}
    own = global_state.get_global_attribute(GLOBAL_SEED_GENERATOR)
    backend = keras.backend.backend()
    return {
        "python": encoded(random.getstate(), "", {}),
        "numpy": encoded(numpy_state, "", {}),
        "keras": None if own is None else keras.ops.convert_to_numpy(own.state).tolist(),
        backend: own_ways(backend).random_states(),
    }


def restore_random_states(states: dict[str, Any]) -> None:
    """Let every generator go on where it was."""
    if states["keras"] is None:
        global_state.set_global_attribute(GLOBAL_SEED_GENERATOR, None)
    else:
        global_seed_generator().state.assign(states["keras"])
    backend = keras.backend.backend()
    own_ways(backend).restore_random_states(states[backend])
    # Last, since making Keras's generator draws from Python's.
    random.setstate(decoded(states["python"], {}))
    np.random.set_state(decoded(states["numpy"], {}))
