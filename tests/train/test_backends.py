"""The other backends: each in a process of its own, against the same experiments on TensorFlow."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fakes import KERAS, digits, machine
from other_backend import LAYERS, changed_batch, prepared, trained

from kexp.errors import DeviceError, MissingExtra
from kexp.record.rundir import RunDir
from kexp.record.status import read_status
from kexp.spec.types import Runtime
from kexp.train.backend import prepare
from kexp.train.backends.devices import check_device, has_nvidia_device
from kexp.train.backends.environment import settled_for

pytestmark = KERAS

BACKENDS = ("jax", "torch")
OTHERS = pytest.mark.parametrize("backend", BACKENDS)
LOSS, SHARE = 2e-4, 0.02
"""How far apart losses may be, and shares of samples.

The backends add the same numbers in other orders, so that a step differs by some units in the last place,
1e-7 of the value; sixteen steps of Adam, which divides by small numbers, let it grow to 1e-5 at most where it
was measured. A sample whose two best classes are that close may count as another: one of 180 is 0.006.
"""


@pytest.fixture(scope="module")
def processes(tmp_path_factory):
    """Begin the processes, which compute while this one does the same on TensorFlow."""
    folders = {name: tmp_path_factory.mktemp(name) for name in BACKENDS}
    script = Path(__file__).parents[1] / "other_backend.py"
    cache = {
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path_factory.mktemp("compiled")),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    begun = {}
    for name, folder in folders.items():
        with (folder / "stderr").open("w") as stderr:
            environment = {**os.environ, **cache, "KERAS_BACKEND": name}
            arguments = [sys.executable, str(script), str(folder)]
            begun[name] = subprocess.Popen(arguments, env=environment, stderr=stderr)
    yield {name: (begun[name], folders[name]) for name in BACKENDS}
    for process in begun.values():
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="module")
def here(processes, tmp_path_factory):
    """What TensorFlow makes of the same experiments, in this process."""
    machine()
    folder = tmp_path_factory.mktemp("tensorflow")
    return {"trained": trained(folder), "changed": changed_batch(), "prepared": prepared(folder)}


@pytest.fixture(scope="module")
def there(processes, here):
    def found(backend):
        process, folder = processes[backend]
        assert process.wait(300) == 0, (folder / "stderr").read_text()[-3000:]
        return json.loads((folder / "found.json").read_text())

    return found


@OTHERS
def test_a_model_begins_with_the_same_weights(backend, here, there):
    found = there(backend)["trained"]
    assert {kind: found[kind]["began"] for kind in LAYERS} == {
        kind: here["trained"][kind]["began"] for kind in LAYERS
    }


@OTHERS
@pytest.mark.parametrize("kind", LAYERS)
def test_a_training_goes_the_same_way(backend, kind, here, there):
    ours, theirs = (np.array(each["trained"][kind]["curve"]) for each in (here, there(backend)))
    assert ours.shape == theirs.shape == (2, 4)
    assert np.abs(ours - theirs)[:, ::2].max() < LOSS
    assert np.abs(ours - theirs)[:, 1::2].max() < SHARE


@OTHERS
def test_training_batches_are_changed_alike_to_the_bit(backend, here, there):
    assert there(backend)["changed"] == here["changed"]


@OTHERS
def test_data_are_prepared_alike_to_the_bit(backend, here, there):
    assert there(backend)["prepared"] == here["prepared"]


def test_segments_on_jax_leave_the_bits_of_its_own_fit(there):
    assert there("jax")["in segments"] == []


@OTHERS
def test_a_killed_training_goes_on_as_if_nothing_had_happened(backend, there):
    assert there(backend)["resumed"] == {"mlp": [], "cnn": [], "own": []}


@OTHERS
@pytest.mark.parametrize("kind", ["cnn-whole", "mlp-killed"])
def test_a_run_of_another_backend_is_measured_here(backend, kind, processes, there):
    from kexp.data.experiment import load_data
    from kexp.evaluate.rebuilt import rebuild
    from kexp.train.measuring import measure

    there(backend)
    run = RunDir(processes[backend][1] / kind)
    rebuilt = rebuild(run, "best", trust=True)
    samples = load_data(rebuilt.experiment, run.path).splits["test"]
    expected = read_status(run).metrics
    found = measure(rebuilt.assembly, samples, rebuilt.batch_size)
    assert abs(found["loss"] - expected["test_loss"]) < LOSS
    assert abs(found["accuracy"] - expected["test_accuracy"]) < SHARE


@pytest.mark.parametrize(
    ("backend", "expected"),
    [
        (
            "jax",
            {
                "gpu:7": "error[device-missing]: there is no device `gpu:7`: JAX finds only the CPU\n"
                "  --> runtime.device\n"
                "help: `pip install 'jax[cuda12]'` installs what JAX needs for an NVIDIA GPU",
                "tpu": "error[device-missing]: there is no device `tpu`: JAX finds none\n"
                "  --> runtime.device\n"
                "help: `pip install 'jax[tpu]'` installs what JAX needs for a TPU",
            },
        ),
        (
            "torch",
            {
                "gpu:7": "error[device-missing]: there is no device `gpu:7`: torch finds only the CPU\n"
                "  --> runtime.device\n"
                "help: pytorch.org says which torch there is for which GPU",
                "tpu": "error[device-missing]: there is no device `tpu`: Keras has no TPU support on torch\n"
                "  --> runtime.device\n"
                "help: `backend: jax` has it",
            },
        ),
    ],
)
def test_a_device_that_is_not_there_is_refused(backend, expected, there):
    if has_nvidia_device():
        pytest.skip("this machine has a GPU")
    assert there(backend)["refused"] == expected


def test_what_jax_cannot_compile_is_refused_with_a_reason(there):
    assert there("jax")["refused models"] == {
        "own": "on jax, Keras gives `train_step` `state` and `data`, and that of `Own` takes something else",
        "hashing": "`Hashing` computes by TensorFlow, which no model on JAX can hold",
    }


@OTHERS
def test_the_machine_says_what_really_runs(backend, there):
    ready = there(backend)["machine"]
    assert (ready["backend"], ready["device"], ready["threads"], ready["note"]) == (backend, "cpu", 2, None)
    details = ready["details"]
    assert details["name"] == backend and details[backend] and details["tensorflow"]
    assert str(details["cpu_threads" if backend == "jax" else "intra_op_threads"]) == "2"


@OTHERS
def test_a_backend_that_is_not_installed_is_named_with_its_extra(backend, monkeypatch):
    monkeypatch.setattr("kexp.extras.find_spec", lambda name: None)
    before = dict(os.environ)
    with pytest.raises(MissingExtra) as caught:
        prepare(Runtime(backend), seed=0)
    assert str(caught.value) == (
        f"error[missing-extra]: the backend `{backend}` needs the package `{backend}`, "
        "which is not installed\n"
        "  --> runtime.backend\n"
        f"help: `pip install 'kexp[{backend}]'`"
    )
    assert caught.value.exit_code == 5
    assert dict(os.environ) == before


@OTHERS
def test_a_backend_that_the_command_line_asks_for_is_not_blamed_on_the_spec(backend, monkeypatch, tmp_path):
    from kexp.cli.specs import computing, read_spec

    spec = tmp_path / "spec.yaml"
    spec.write_text(digits())
    monkeypatch.setattr("kexp.extras.find_spec", lambda name: None)
    with pytest.raises(MissingExtra) as caught, computing(read_spec(str(spec)).experiment, backend):
        pass
    (fault,) = caught.value.diagnostics
    assert (fault.id, fault.span) == ("missing-extra", None)


def test_what_packages_read_from_the_environment():
    given = {"XLA_FLAGS": "--xla_dump_to=x", "TF_CPP_MIN_LOG_LEVEL": "0"}
    usual = {"TF_CPP_MIN_LOG_LEVEL": "0", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}

    assert settled_for(Runtime(), 3, given) == {"KERAS_BACKEND": "tensorflow", **usual}
    assert settled_for(Runtime("jax", device="cpu", deterministic=True), 3, given) == {
        "KERAS_BACKEND": "jax",
        **usual,
        "PJRT_NPROC": "3",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": "--xla_dump_to=x --xla_gpu_deterministic_ops=true",
    }
    assert settled_for(Runtime("torch", deterministic=True), 3, given) == {
        "KERAS_BACKEND": "torch",
        **usual,
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    }


def test_a_device_that_is_numbered_too_high_is_called_what_it_is():
    with pytest.raises(DeviceError) as caught:
        check_device("tpu:3", 1, "JAX", "install more")
    assert (
        caught.value.diagnostics[0].message == "there is no device `tpu:3`: JAX finds 1 TPU, numbered from 0"
    )
