from threading import Event

import numpy as np
import pytest
from fakes import KERAS, machine
from saving import begin_save, checkpoints_of

pytestmark = KERAS


@pytest.fixture
def checkpoints(tmp_path):
    machine()
    import keras

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="dense")])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    return checkpoints_of(model, tmp_path)


def set_weights(checkpoints, value):
    checkpoints.model.layers[0].kernel.assign(np.full((3, 2), value))


def test_a_state_is_copied_to_where_the_last_one_was_which_nobody_needs(checkpoints):
    set_weights(checkpoints, 1)
    first = checkpoints.state().arrays["model/dense/0"]
    set_weights(checkpoints, 2)
    second = checkpoints.state().arrays["model/dense/0"]

    assert np.shares_memory(first, second)
    assert second.tolist() == [[2, 2]] * 3


def test_a_state_that_is_being_written_stays_as_it_is(checkpoints, monkeypatch):
    """The disk is so slow that the next state is taken before the first is packed."""
    from kexp.graph.checkpoint import unpack
    from kexp.train.state import State

    is_free, packed = Event(), State.packed
    monkeypatch.setattr(State, "packed", lambda state: is_free.wait(10) and packed(state))
    set_weights(checkpoints, 1)
    begin_save(checkpoints)
    set_weights(checkpoints, 2)
    checkpoints.state()
    is_free.set()
    checkpoints.settle()
    written = unpack(checkpoints.run.last_checkpoint.read_bytes(), "last")

    assert written["model/dense/0"].tolist() == [[1, 1]] * 3
