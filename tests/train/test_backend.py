import os

import pytest
from fakes import KERAS, machine

from kexp.errors import DeviceError
from kexp.spec.types import Runtime
from kexp.train.backend import default_threads, prepare

pytestmark = KERAS


def has_gpu():
    machine()
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


@pytest.mark.parametrize("device", ["gpu", "gpu:1"])
def test_a_gpu_that_is_not_there_is_refused(device):
    if has_gpu():
        pytest.skip("this machine has a GPU")
    with pytest.raises(DeviceError) as caught:
        prepare(Runtime(device=device, threads=2), seed=0)
    assert str(caught.value) == (
        f"error[device-missing]: there is no device `{device}`: TensorFlow finds only the CPU\n"
        "  --> runtime.device\n"
        "help: `pip install 'kexp[cuda]'` installs what TensorFlow needs for an NVIDIA GPU"
    )
    assert caught.value.exit_code == 7


def test_a_tpu_is_refused():
    machine()
    with pytest.raises(DeviceError) as caught:
        prepare(Runtime(device="tpu", threads=2), seed=0)
    assert str(caught.value) == (
        "error[device-missing]: there is no device `tpu`: TensorFlow 2.21 has no TPU support\n"
        "  --> runtime.device\n"
        "help: `device: auto` uses what is there"
    )


def test_threads_are_the_cpus_this_process_may_use():
    if not hasattr(os, "sched_getaffinity"):
        pytest.skip("this system does not tell")
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert default_threads() == 1
    finally:
        os.sched_setaffinity(0, allowed)
    assert default_threads() == len(allowed)


def test_the_machine_says_what_really_runs():
    ready = machine()

    assert (ready.backend, ready.device, ready.threads, ready.note) == ("tensorflow", "cpu", 2, None)
    assert ready.details["intra_op_threads"] == 2
    assert [device["type"] for device in ready.details["devices"]] == ["CPU"]
