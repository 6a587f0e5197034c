from dataclasses import dataclass

import numpy as np
import pytest
from fakes import KERAS, machine

from kexp.data.lazy import Mapped

pytestmark = KERAS

GIB = 1 << 30


def model(kind=None, **options):
    machine()
    import keras

    made = (kind or keras.Sequential)([keras.Input((2,)), keras.layers.Dense(1)])
    made.compile("sgd", "mse", **options)
    return made


@dataclass
class Room:
    """A device with so much room, on which segments are the better way unless it is told `why` not."""

    size_bytes: int
    why: str | None = None
    gathers: bool = True

    def free_bytes(self):
        return self.size_bytes

    def single_steps(self, model, is_augmented):
        return self.why


def choice(*callbacks, column=None, cache="auto", free_bytes=GIB, of=None, gathers=True):
    from kexp.train.engine.choice import choose
    from kexp.train.engine.feed import Feed

    column = np.zeros((1024, 2), np.float32) if column is None else column
    return choose(of or model(), callbacks, [Feed((column,), 32)], cache, Room(free_bytes, gathers=gathers))


def test_data_that_fit_stay_on_the_device():
    chosen = choice()

    assert str(chosen) == "resident, segments of 0.25 s; 8 KiB of data are kept on the device"
    assert chosen.as_json() == {
        "mode": "resident",
        "reason": "8 KiB of data are kept on the device",
        "segment_seconds": 0.25,
    }


def test_it_is_said_where_a_thread_shuffles_what_stays():
    chosen = choice(gathers=False)

    assert (chosen.mode, chosen.reason) == (
        "resident",
        "8 KiB of data are kept on the device, shuffled by a thread",
    )


def test_data_that_do_not_fit_are_streamed():
    chosen = choice(free_bytes=15 << 10)

    assert (chosen.mode, chosen.reason) == ("streamed", "8 KiB of data are too much where 15 KiB are free")
    assert choice(free_bytes=16 << 10).mode == "resident"


@pytest.mark.parametrize(
    ("cache", "mode", "reason"),
    [
        ("memory", "resident", "8 KiB of data are kept on the device"),
        ("disk", "streamed", "`data.cache` is `disk`"),
        ("none", "streamed", "`data.cache` is `none`"),
    ],
)
def test_the_cache_decides_against_the_sizes(cache, mode, reason):
    chosen = choice(cache=cache, free_bytes=0 if cache == "memory" else GIB)

    assert (chosen.mode, chosen.reason) == (mode, reason)


def test_columns_that_are_read_when_asked_for_are_streamed():
    chosen = choice(column=Mapped(np.zeros((4, 2), np.float32)), cache="memory")

    assert (chosen.mode, chosen.reason) == ("streamed", "32 bytes of data are read as they are used")


def test_steps_per_execution_are_the_length_of_a_segment():
    chosen = choice(of=model(steps_per_execution=5))

    assert str(chosen) == "resident, segments of 5 steps; 8 KiB of data are kept on the device"
    assert chosen.as_json() == {"mode": "resident", "reason": chosen.reason, "segment_steps": 5}


def test_a_backend_may_have_a_reason_for_single_steps_or_know_nothing_else():
    machine()
    from kexp.train.engine.choice import choose
    from kexp.train.engine.feed import Feed

    feeds = [Feed((np.zeros((4, 2), np.float32),), 2)]
    reasons = [
        choose(model(), (), feeds, "auto", backend).reason for backend in (Room(GIB, "`conv` is slow"), None)
    ]
    assert reasons == ["`conv` is slow", "tensorflow compiles no steps"]


@pytest.mark.parametrize(
    "hook", ["batch_begin", "batch_end", "train_batch_begin", "train_batch_end", "test_batch_begin"]
)
def test_a_callback_of_ones_own_that_hears_of_batches_hears_of_every_one(hook):
    machine()
    import keras

    watcher = type(
        "Watcher", (keras.callbacks.Callback,), {f"on_{hook}": lambda self, batch, logs=None: None}
    )
    chosen = choice(keras.callbacks.EarlyStopping(), watcher())

    assert str(chosen) == "single steps; `Watcher` acts on single batches"
    assert chosen.as_json() == {"mode": "single", "reason": "`Watcher` acts on single batches"}


def test_a_callback_of_ones_own_that_hears_of_epochs_costs_no_speed():
    machine()
    import keras

    class Watcher(keras.callbacks.EarlyStopping):
        def on_epoch_end(self, epoch, logs=None):
            pass

    assert choice(Watcher()).mode == "resident"


def builtin(name, *positional, **options):
    machine()
    import keras

    return getattr(keras.callbacks, name)(*positional, **options)


@pytest.mark.parametrize(
    ("mode", "name", "options"),
    [
        ("resident", "TerminateOnNaN", {}),
        ("resident", "ReduceLROnPlateau", {}),
        ("resident", "SwapEMAWeights", {}),
        ("resident", "CSVLogger", {"filename": "log.csv"}),
        ("resident", "ModelCheckpoint", {"filepath": "at.keras"}),
        ("single", "ModelCheckpoint", {"filepath": "at.keras", "save_freq": 10}),
        ("resident", "BackupAndRestore", {"backup_dir": "backup"}),
        ("single", "BackupAndRestore", {"backup_dir": "backup", "save_freq": 10}),
        ("resident", "TensorBoard", {"log_dir": "logs"}),
        ("single", "TensorBoard", {"log_dir": "logs", "update_freq": "batch"}),
        ("single", "TensorBoard", {"log_dir": "logs", "update_freq": 7}),
        ("single", "TensorBoard", {"log_dir": "logs", "write_steps_per_second": True}),
        ("single", "TensorBoard", {"log_dir": "logs", "profile_batch": 2}),
        ("single", "LambdaCallback", {"on_train_batch_end": lambda batch, logs: None}),
        ("resident", "LambdaCallback", {"on_epoch_end": lambda epoch, logs: None}),
    ],
)
def test_callbacks_of_keras_get_what_their_settings_need(mode, name, options, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert choice(builtin(name, **options)).mode == mode


def test_what_runs_eagerly_or_makes_its_own_function_runs_step_by_step():
    machine()
    import keras

    class Own(keras.Sequential):
        def make_train_function(self, force=False):
            return super().make_train_function(force)

    class Steps(keras.Sequential):
        def train_step(self, data):
            return super().train_step(data)

    assert choice(of=model(run_eagerly=True)).reason == "`run_eagerly` is on"
    assert choice(of=model(Own)).reason == "`Own` has a `make_train_function` of its own"
    assert choice(of=model(Steps)).mode == "resident"


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "0.977 KiB"),
        (47_040_000, "44.9 MiB"),
        (1 << 40, "1 TiB"),
    ],
)
def test_sizes_are_told_in_three_digits(size, text):
    machine()
    from kexp.train.engine.choice import _size

    assert _size(size) == text
