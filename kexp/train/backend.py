"""Backend, device, threads and precision, settled before and while Keras is imported.

This module is imported without Keras; `prepare` imports it.
"""

import os
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from kexp.custom import load_reference
from kexp.extras import require
from kexp.spec.types import Runtime
from kexp.train.backends import BACKENDS, EXTRAS
from kexp.train.backends.devices import driver
from kexp.train.backends.environment import settled_for
from kexp.train.backends.interface import Backend
from kexp.train.importing import import_keras


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

    Raises: MissingExtra (missing-extra), DeviceError (device-missing).
    """
    if runtime.backend in EXTRAS:
        require(runtime.backend, runtime.backend, f"the backend `{runtime.backend}`", "runtime.backend")
    threads = runtime.threads or default_threads()
    os.environ.update(settled_for(runtime, threads, os.environ))
    import_keras(runtime.backend)
    import keras

    from kexp.graph.initial_draws import draw_by_numpy

    draw_by_numpy()
    backend = own_ways(runtime.backend)
    device, note = backend.settle(runtime, threads)
    settle(runtime, seed)
    return Machine(runtime.backend, device, threads, note, _details(keras, backend, runtime))


def own_ways(name: str) -> Backend:
    """Return what a backend has of its own; Keras is imported on it."""
    backend: Backend = load_reference(BACKENDS[name])()
    return backend


def settle(runtime: Runtime, seed: int) -> None:
    """Settle what may differ between the experiments of one process."""
    import keras

    keras.config.set_dtype_policy(runtime.precision)
    keras.config.set_image_data_format("channels_last")
    keras.utils.set_random_seed(seed)


def _details(keras: Any, backend: Backend, runtime: Runtime) -> dict[str, Any]:
    """TensorFlow is named on every backend, since data are read and prepared by it."""
    return {
        "name": runtime.backend,
        "keras": keras.__version__,
        "tensorflow": _version("tensorflow"),
        **({} if runtime.backend == "tensorflow" else {runtime.backend: _version(runtime.backend)}),
        "numpy": _version("numpy"),
        "floatx": keras.config.floatx(),
        "image_data_format": keras.config.image_data_format(),
        "dtype_policy": keras.config.dtype_policy().name,
        "gpu_driver": driver(),
        "op_determinism": runtime.deterministic,
        **backend.details(),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
