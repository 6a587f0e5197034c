"""Keras on JAX."""

import os
from typing import Any

import jax
import keras

from kexp.spec.types import Runtime
from kexp.train.backends.devices import check_device, missing, unused_gpu

_GPU_HELP = "`pip install 'jax[cuda12]'` installs what JAX needs for an NVIDIA GPU"
_TPU_HELP = "`pip install 'jax[tpu]'` installs what JAX needs for a TPU"


class Jax:
    """`fit` holds the state of a training outside the model, and has no generators beside Keras's."""

    refusals = (jax.errors.JaxRuntimeError, jax.errors.JAXTypeError)

    def settle(self, runtime: Runtime, threads: int) -> tuple[str, str | None]:
        device, note = _choose_device(runtime.device)
        jax.config.update("jax_default_device", device)
        jax.config.update("jax_enable_x64", runtime.precision == "float64")
        number = "" if device.platform == "cpu" else f":{device.id} ({device.device_kind})"
        return f"{device.platform}{number}", note

    def details(self) -> dict[str, Any]:
        devices = jax.devices()
        return {
            "jaxlib": jax.lib.__version__,
            "devices": [{"name": str(device), "type": device.device_kind} for device in devices],
            "platform": devices[0].client.platform_version,
            "cpu_threads": os.environ.get("PJRT_NPROC"),
            "xla_flags": os.environ.get("XLA_FLAGS", ""),
        }

    def is_out_of_memory(self, error: BaseException) -> bool:
        return isinstance(error, jax.errors.JaxRuntimeError) and "RESOURCE_EXHAUSTED" in str(error)

    def build_steps(self, model: keras.Model, batch: Any) -> None:
        """A step of JAX's cannot make variables, so that all of them are there once the model is built."""
        model._symbolic_build(data_batch=batch)

    def sync(self, model: keras.Model) -> None:
        model.jax_state_sync()

    def random_states(self) -> None:
        return None

    def restore_random_states(self, states: None) -> None:
        pass


def _choose_device(asked: str) -> tuple[Any, str | None]:
    kind = asked.partition(":")[0]
    found = {each: _devices(each) for each in ("gpu", "tpu")}
    if kind == "tpu" and not found["tpu"]:
        raise missing(asked, "JAX finds none", _TPU_HELP)
    if kind in ("gpu", "tpu"):
        number = check_device(asked, len(found[kind]), "JAX", _GPU_HELP if kind == "gpu" else _TPU_HELP)
        return found[kind][number], None
    accelerators = [] if kind == "cpu" else [*found["tpu"], *found["gpu"]]
    if accelerators:
        return accelerators[0], None
    return jax.devices("cpu")[0], unused_gpu(asked, "JAX", _GPU_HELP)


def _devices(platform: str) -> list[Any]:
    try:
        return [*jax.devices(platform)]
    except RuntimeError:  # there is no such platform
        return []
