"""Keras on TensorFlow."""

import os
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context
from tensorflow.python.ops import stateful_random_ops

from kexp.spec.types import Runtime
from kexp.train.backends.devices import check_device, missing, unused_gpu
from kexp.train.plain_state import decoded, encoded

_GPU_HELP = "`pip install 'kexp[cuda]'` installs what TensorFlow needs for an NVIDIA GPU"


class TensorFlow:
    """The usual backend, which is a requirement of kexp."""

    refusals = (tf.errors.OpError,)

    def settle(self, runtime: Runtime, threads: int) -> tuple[str, str | None]:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        chosen = _choose_device(runtime.device)
        if runtime.deterministic:
            tf.config.experimental.enable_op_determinism()
        return chosen

    def details(self) -> dict[str, Any]:
        build = tf.sysconfig.get_build_info()
        devices = [{"name": d.name, "type": d.device_type} for d in tf.config.get_visible_devices()]
        return {
            "devices": devices,
            "build": {key: str(value) for key, value in build.items()},
            "intra_op_threads": tf.config.threading.get_intra_op_parallelism_threads(),
            "inter_op_threads": tf.config.threading.get_inter_op_parallelism_threads(),
            "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "default"),
        }

    def is_out_of_memory(self, error: BaseException) -> bool:
        return isinstance(error, tf.errors.ResourceExhaustedError)

    def build_steps(self, model: keras.Model, batch: Any) -> None:
        if model.run_eagerly:
            model.train_step(keras.tree.map_structure(keras.ops.convert_to_tensor, batch))
            return
        specs = keras.tree.map_structure(lambda a: tf.TensorSpec(np.shape(a), np.asarray(a).dtype), batch)
        for step in (model.train_step, model.test_step):
            if step.__func__ is not keras.Model.test_step:
                tf.function(step, [specs], autograph=False).get_concrete_function()

    def sync(self, model: keras.Model) -> None:
        pass

    def random_states(self) -> dict[str, Any]:
        """Return the states of the global generator, where there is one, and of the eager operations."""
        own = stateful_random_ops.global_generator
        eager = getattr(context.context(), "_rng", None)
        return {
            "generator": None if own is None else own.state.numpy().tolist(),
            "eager": None if eager is None else encoded(eager, "", {}),
        }

    def restore_random_states(self, states: dict[str, Any]) -> None:
        if states["generator"] is not None:
            tf.random.get_global_generator().state.assign(states["generator"])
        if states["eager"] is not None:
            decoded(states["eager"], {}, context.context()._rng)


def _choose_device(asked: str) -> tuple[str, str | None]:
    """Hide the devices that were not asked for; return the name of the one that runs."""
    kind = asked.partition(":")[0]
    gpus = tf.config.list_physical_devices("GPU")
    if kind == "tpu":
        raise missing(asked, "TensorFlow 2.21 has no TPU support", "`device: auto` uses what is there")
    number = check_device(asked, len(gpus), "TensorFlow", _GPU_HELP) if kind == "gpu" else 0
    if kind == "cpu" or not gpus:
        tf.config.set_visible_devices([], "GPU")
        return "cpu", unused_gpu(asked, "TensorFlow", _GPU_HELP)
    gpu = gpus[number]
    tf.config.set_visible_devices([gpu], "GPU")
    tf.config.experimental.set_memory_growth(gpu, True)
    name = tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
    return f"gpu:{number} ({name})", None
