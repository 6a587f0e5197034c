"""Backend, device, threads and precision, settled before and while Keras is imported.

This module is imported without Keras; `prepare` imports it.
"""

import gc
import os
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from kexp.errors import DeviceError
from kexp.spec.types import Runtime


@dataclass(frozen=True, slots=True)
class Machine:
    """What really runs. `note` is said to the user; `details` go into the manifest."""

    backend: str
    device: str
    threads: int
    note: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


def default_threads() -> int:
    """Return the number of CPUs this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def prepare(runtime: Runtime, seed: int) -> Machine:
    """Import Keras on its backend and settle device, threads, precision and seeds.

    Raises: DeviceError (device-missing).
    """
    os.environ["KERAS_BACKEND"] = runtime.backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    threads = runtime.threads or default_threads()
    gc.disable()  # importing makes no garbage worth finding, and looking for it takes a third of the time
    try:
        import keras
        import tensorflow as tf
    finally:
        gc.enable()
        gc.freeze()
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    device, note = _choose_device(tf, runtime.device)
    if runtime.deterministic:
        tf.config.experimental.enable_op_determinism()
    settle(runtime, seed)
    return Machine(runtime.backend, device, threads, note, _details(keras, tf, runtime))


def settle(runtime: Runtime, seed: int) -> None:
    """Settle what may differ between the experiments of one process."""
    import keras

    keras.config.set_dtype_policy(runtime.precision)
    keras.config.set_image_data_format("channels_last")
    keras.utils.set_random_seed(seed)


def _choose_device(tf: Any, asked: str) -> tuple[str, str | None]:
    """Hide the devices that were not asked for; return the name of the one that runs."""
    kind, _, number = asked.partition(":")
    gpus = tf.config.list_physical_devices("GPU")
    if kind == "tpu":
        raise _missing("tpu", "TensorFlow 2.21 has no TPU support", "`device: auto` uses what is there")
    if kind == "gpu" and int(number or 0) >= len(gpus):
        raise _missing(asked, _found(gpus), _gpu_help())
    if kind == "cpu" or not gpus:
        tf.config.set_visible_devices([], "GPU")
        unusable = kind == "auto" and _has_nvidia_device()
        note = (
            f"a GPU is present, but TensorFlow cannot use it: training on the CPU; {_gpu_help()}"
            if unusable
            else None
        )
        return "cpu", note
    gpu = gpus[int(number or 0)]
    tf.config.set_visible_devices([gpu], "GPU")
    tf.config.experimental.set_memory_growth(gpu, True)
    name = tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
    return f"gpu:{number or 0} ({name})", None


def _missing(asked: str, found: str, help: str) -> DeviceError:
    error = DeviceError.because(
        "device-missing", f"there is no device `{asked}`: {found}", path="runtime.device", help=help
    )
    assert isinstance(error, DeviceError)
    return error


def _found(gpus: list[Any]) -> str:
    found = (
        "TensorFlow finds only the CPU" if not gpus else f"TensorFlow finds {len(gpus)} GPU, numbered from 0"
    )
    return f"{found}, and an NVIDIA driver is installed" if not gpus and _has_nvidia_device() else found


def _has_nvidia_device() -> bool:
    return Path("/dev/nvidia0").exists() or Path("/proc/driver/nvidia/version").exists()


def _gpu_help() -> str:
    return "`pip install 'kexp[cuda]'` installs what TensorFlow needs for an NVIDIA GPU"


def _details(keras: Any, tf: Any, runtime: Runtime) -> dict[str, Any]:
    build = tf.sysconfig.get_build_info()
    devices = [{"name": d.name, "type": d.device_type} for d in tf.config.get_visible_devices()]
    return {
        "name": runtime.backend,
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
        "numpy": _version("numpy"),
        "floatx": keras.config.floatx(),
        "image_data_format": keras.config.image_data_format(),
        "dtype_policy": keras.config.dtype_policy().name,
        "devices": devices,
        "gpu_driver": _driver(),
        "build": {key: str(value) for key, value in build.items()},
        "intra_op_threads": tf.config.threading.get_intra_op_parallelism_threads(),
        "inter_op_threads": tf.config.threading.get_inter_op_parallelism_threads(),
        "op_determinism": runtime.deterministic,
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "default"),
    }


def _driver() -> str | None:
    path = Path("/proc/driver/nvidia/version")
    return path.read_text().splitlines()[0] if path.exists() else None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
