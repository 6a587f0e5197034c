import gc
import weakref
from contextlib import nullcontext
from dataclasses import dataclass, field

import numpy as np
import pytest
from fakes import KERAS, machine

from kexp.data.lazy import LazyColumn

pytestmark = KERAS


@dataclass
class FakeBackend:
    """A device that is a list, and steps that do nothing; step `lost_at` of an epoch ends its segment."""

    lost_at: int = 999
    gathers: bool = True
    held: list = field(default_factory=list)
    ran: list = field(default_factory=list)

    def put(self, parts):
        import keras

        self.held += [array.tolist() for array in keras.tree.flatten(parts)]
        return parts

    def put_rows(self, parts, most):
        return self.put(parts)

    def free_bytes(self):
        return 1 << 30

    def single_steps(self, model, is_augmented):
        return None

    def loop(self, model, kind, stops_at_nan, augmentation):
        return FakeLoop(self)


@dataclass
class FakeLoop:
    backend: FakeBackend

    def build(self, batch):
        pass

    def laid_open(self):
        return nullcontext()

    def run(self, portion):
        _, epoch, first = portion.place
        done = min(len(portion.bounds) - 1, max(1, self.backend.lost_at - first))
        rows = portion.bounds if portion.rows is None else portion.rows
        bounds = portion.bounds.tolist()
        taken = portion.data[0] if portion.rows is None else portion.data[0][np.asarray(rows)]
        self.backend.ran.append((epoch, first, taken[bounds[0] : bounds[done]].tolist()))
        return {"loss": float(first)}, done

    def close(self):
        pass


class Numbers(LazyColumn):
    """Rows that hold their own numbers, and remember that they were asked for."""

    def __init__(self, size, broken=None):
        super().__init__((size,), np.int64)
        self.broken, self.asked = broken, []

    def read(self, rows):
        if self.broken in rows:
            raise OSError("the disk is gone")
        self.asked.append(rows.tolist())
        return rows


def feed(size=10, column=None, **options):
    from kexp.train.engine.feed import Feed

    return Feed((np.arange(size) if column is None else column,), **{"batch_size": 2, **options})


def made(rows, backend, mode="resident", steps=None):
    machine()
    from kexp.train.engine.resident import Resident, Shelf
    from kexp.train.engine.segments import Segments
    from kexp.train.engine.streamed import Streamed
    from kexp.train.engine.tempo import Tempo

    supply = Resident(rows, Shelf(backend)) if mode == "resident" else Streamed(rows, backend)
    segments = Segments(supply, backend.loop(None, "train", True, None), rows.steps, Tempo(steps))
    segments.heard = []
    segments.between = lambda logs: segments.heard.append((segments.end, logs["loss"])) or True
    return segments


@pytest.mark.parametrize("mode", ["resident", "streamed"])
def test_an_epoch_runs_in_segments_and_gives_the_logs_of_its_last(mode):
    from kexp.train.engine.interface import Leg

    backend = FakeBackend()
    segments = made(feed(), backend, mode, steps=2)
    logs = []
    for epoch in range(2):
        segments.begin(Leg(epoch))
        logs.append(next(segments)["loss"])
    segments.supply.close()

    assert (logs, segments.heard) == ([4.0, 4.0], [(2, 0.0), (4, 2.0)] * 2)
    assert backend.ran == [
        (epoch, first, rows)
        for epoch in range(2)
        for first, rows in ((0, [0, 1, 2, 3]), (2, [4, 5, 6, 7]), (4, [8, 9]))
    ]


@pytest.mark.parametrize("mode", ["resident", "streamed"])
def test_an_epoch_that_goes_on_begins_at_its_step_and_pauses_where_it_must(mode):
    from kexp.train.engine.interface import Leg

    backend = FakeBackend()
    segments = made(feed(20), backend, mode, steps=9)
    segments.begin(Leg(1, 3, {"loss": -1.0}, range(2, 10, 3)))
    next(segments)
    segments.supply.close()

    assert segments.heard[0] == (5, 3.0)
    assert {first for _, first, _ in backend.ran} >= {3, 5, 8}
    assert [row for _, _, rows in backend.ran for row in rows] == [*range(6, 20)]


def test_a_segment_that_ends_early_is_followed_by_what_is_left():
    backend = FakeBackend(lost_at=3)
    segments = made(feed(), backend, "streamed", steps=4)

    next(segments)
    assert segments.heard == [(3, 0.0), (4, 3.0)]
    assert [rows for _, _, rows in backend.ran] == [[0, 1, 2, 3, 4, 5], [6, 7], [8, 9]]
    segments.supply.close()


def test_an_epoch_of_which_nothing_is_left_gives_the_logs_it_was_left_with():
    from kexp.train.engine.interface import Leg

    backend = FakeBackend()
    segments = made(feed(), backend)
    segments.begin(Leg(0, 5, {"loss": -1.0}))

    assert (next(segments), segments.heard, backend.ran) == ({"loss": -1.0}, [], [])


def test_an_epoch_ends_where_a_callback_stops_it():
    segments = made(feed(), FakeBackend(), steps=2)
    segments.between = lambda logs: False

    assert next(segments) == {"loss": 0.0}
    assert (segments.end, segments.is_left) == (2, True)


def test_data_cross_to_the_device_once_for_all_phases_and_splits():
    from kexp.train.engine.resident import Resident, Shelf

    backend = FakeBackend()
    rows = feed(4)
    shelf = Shelf(backend)
    for _ in range(2):
        for epoch in range(3):
            supply = Resident(rows, shelf)
            supply.begin(epoch)
            supply.close()

    assert backend.held == [[0, 1, 2, 3]]


def test_an_epoch_s_order_crosses_and_the_next_one_is_ready():
    from kexp.data.order import epoch_order
    from kexp.train.engine.resident import Resident, Shelf

    backend = FakeBackend()
    supply = Resident(feed(4, shuffle=True, seed=5), Shelf(backend))
    supply.begin(0)
    supply.begin(1)
    ready, order = supply.orders.prepared
    order.result()
    supply.close()

    orders = [epoch_order(5, epoch, 4, True).tolist() for epoch in (0, 1, 2)]
    assert (ready, backend.held) == ((2,), [[0, 1, 2, 3], *orders])


def test_streamed_rows_are_read_once_each_and_ahead():
    numbers = Numbers(6)
    segments = made(feed(column=numbers), FakeBackend(), "streamed", steps=2)
    next(segments)
    ready, first_of_next = segments.supply.portions.prepared
    first_of_next.result()
    segments.supply.close()

    assert (ready, numbers.asked) == ((1, 0), [[0, 1, 2, 3], [4, 5], [0, 1, 2, 3]])


def test_a_streamed_segment_is_no_larger_than_memory_bears(monkeypatch):
    from kexp.train.engine import streamed

    monkeypatch.setattr(streamed, "MOST_BYTES", 5 * 8)
    backend = FakeBackend()
    segments = made(feed(), backend, "streamed", steps=100)
    next(segments)
    segments.supply.close()

    assert [len(rows) for _, _, rows in backend.ran] == [4, 4, 2]


def test_a_failure_while_reading_ahead_is_the_training_s():
    segments = made(feed(column=Numbers(6, broken=4)), FakeBackend(), "streamed", steps=1)
    with pytest.raises(OSError, match="the disk is gone"):
        next(segments)
    segments.supply.close()


@pytest.mark.parametrize(
    ("gathers", "options", "kind"),
    [
        (True, {"shuffle": True}, "Resident"),
        (False, {"shuffle": True}, "Streamed"),
        (False, {"steps_per_epoch": 2}, "Streamed"),
        (False, {}, "Resident"),
    ],
)
def test_where_steps_do_not_gather_a_thread_brings_rows_into_their_order(gathers, options, kind):
    from kexp.train.engine.choice import Choice
    from kexp.train.engine.resident import Shelf
    from kexp.train.engine.start import start

    shelf = Shelf(FakeBackend(gathers=gathers))
    rows = feed(column=np.ones((9, 2), np.float32), **options)
    engine = start(Choice("resident", ""), network(), (rows, None), shelf, True)
    engine.batches.supply.close()

    assert type(engine.batches.supply).__name__ == kind


# ---------------------------------------------------------------- behind Keras


def network():
    machine()
    import keras

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", steps_per_execution=3)
    return model


def started(model, shelf, validation=True):
    from kexp.train.engine.choice import Choice
    from kexp.train.engine.feed import Feed
    from kexp.train.engine.start import start

    rows = Feed((np.ones((9, 2), np.float32), np.ones((9, 1), np.float32)), 2)
    return start(Choice("resident", "", 2), model, (rows, rows if validation else None), shelf, True)


def test_a_split_can_be_measured_again():
    from kexp.train.engine.resident import Shelf
    from kexp.train.engine.tensorflow import TensorFlow

    model = network()
    engine = started(model, Shelf(TensorFlow()))
    first, second = (model.evaluate(engine.validation, verbose=0) for _ in range(2))
    engine.close()

    assert first == second > 0


def heard_by_a_callback(act=None):
    """Fit nine rows in segments of two steps; return what a callback heard, which acts at some of it."""
    machine()
    import keras

    from kexp.train.engine.resident import Shelf
    from kexp.train.engine.tensorflow import TensorFlow

    heard = []

    class Ear(keras.callbacks.Callback):
        def hear(self, *event):
            heard.append(event)
            if event == act:
                self.model.stop_training = self.model.stop_evaluating = True

        def on_train_batch_begin(self, batch, logs=None):
            self.hear("begin", batch)

        def on_train_batch_end(self, batch, logs=None):
            self.hear("end", batch, *logs)

        def on_test_batch_begin(self, batch, logs=None):
            self.hear("test", batch)

        def on_test_batch_end(self, batch, logs=None):
            self.hear("tested", batch, *logs)

    model = network()
    engine = started(model, Shelf(TensorFlow()))
    model.fit(
        engine.batches, verbose=0, validation_data=engine.validation, callbacks=engine.callbacks([Ear()], 1)
    )
    engine.close()
    return heard


TRAINED = [
    ("begin", 0),
    ("end", 1, "loss"),
    ("begin", 2),
    ("end", 3, "loss"),
    ("begin", 4),
    ("end", 4, "loss"),
]
TESTED = [
    *[("test", 0), ("tested", 1, "loss"), ("test", 2), ("tested", 3, "loss")],
    *[("test", 4), ("tested", 4, "loss")],
]


def test_callbacks_hear_of_segments_by_the_numbers_of_their_steps():
    assert heard_by_a_callback() == [*TRAINED, *TESTED]


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (("end", 1, "loss"), [*TRAINED[:2], *TESTED]),
        (("begin", 2), [*TRAINED[:4], *TESTED]),
        (("tested", 3, "loss"), [*TRAINED, *TESTED[:4]]),
        (("test", 2), [*TRAINED, *TESTED[:4]]),
    ],
)
def test_callbacks_hear_once_of_the_segment_at_which_one_stops(act, expected):
    assert heard_by_a_callback(act) == expected


def test_a_step_is_traced_once(monkeypatch):
    machine()
    import keras

    from kexp.train.engine.resident import Shelf
    from kexp.train.engine.tensorflow import TensorFlow

    traces = []
    usual = keras.Model.train_step

    def traced(self, data):
        traces.append(data)
        return usual(self, data)

    monkeypatch.setattr(keras.Model, "train_step", traced)
    model = network()
    engine = started(model, Shelf(TensorFlow()), validation=False)
    model.fit(engine.batches, verbose=0, callbacks=engine.callbacks([], 1))
    engine.close()

    assert len(traces) == 1


def test_a_closed_engine_leaves_the_model_as_it_was_and_no_data_behind():
    from kexp.train.engine.resident import Shelf
    from kexp.train.engine.tensorflow import StepLoop, TensorFlow

    model, shelf = network(), None
    shelf = Shelf(TensorFlow())
    engine = started(model, shelf, validation=False)
    assert isinstance(model.train_function, StepLoop)
    assert model.steps_per_execution == 1
    model.fit(engine.batches, verbose=0, callbacks=engine.callbacks([], 1))
    held = [weakref.ref(tensor) for _, tensor in shelf.held.values()]
    assert [tensor().shape for tensor in held] == [(9, 2), (9, 1)]
    engine.close()
    shelf.clear()
    del engine
    gc.collect()

    assert [tensor() for tensor in held] == [None, None]
    assert not isinstance(model.train_function, StepLoop)
    assert model.steps_per_execution == 3
    model.fit(np.ones((3, 2)), np.ones((3, 1)), verbose=0)


def test_what_is_on_the_device_keeps_its_dtype():
    machine()
    from kexp.train.engine.tensorflow import TensorFlow

    arrays = [
        np.zeros(3, dtype) for dtype in ("uint8", "int8", "int32", "int64", "float16", "float32", "bool")
    ]
    assert [tensor.dtype.name for tensor in TensorFlow().put(arrays)] == [a.dtype.name for a in arrays]
    assert TensorFlow().put(np.array(["a", "bc"])).numpy().tolist() == [b"a", b"bc"]
    assert TensorFlow().free_bytes() > 0
