"""Keras on torch."""

import re
from types import SimpleNamespace
from typing import Any

import keras
import torch
from keras.src.backend.torch import core, nn
from keras.src.trainers.data_adapters import data_adapter_utils

from kexp.spec.types import Runtime
from kexp.train.backends.devices import check_device, missing, unused_gpu

_GPU_HELP = "pytorch.org says which torch there is for which GPU"
_NO_MEMORY = re.compile(r"out of memory|can't allocate memory")
_own_loader = data_adapter_utils.get_torch_dataloader


class Torch:
    """Every step is eager, so that there is nothing to trace, and state is in the model at all times."""

    refusals = (RuntimeError,)

    def settle(self, runtime: Runtime, threads: int) -> tuple[str, str | None]:
        torch.set_num_threads(threads)
        device, note = _choose_device(runtime.device)
        core.DEFAULT_DEVICE = device  # what Keras reads from the environment while it is imported
        torch.use_deterministic_algorithms(runtime.deterministic)
        _take_permuted_maps()
        data_adapter_utils.get_torch_dataloader = _loader_that_draws_nothing
        if not device.startswith("cuda"):
            return device, note
        return f"gpu:{device.partition(':')[2]} ({torch.cuda.get_device_name(device)})", note

    def details(self) -> dict[str, Any]:
        gpus = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
        return {
            "devices": [{"name": name, "type": "GPU"} for name in gpus] or [{"name": "cpu", "type": "CPU"}],
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version() if gpus else None,
            "mkldnn": torch.backends.mkldnn.is_available(),
            "intra_op_threads": torch.get_num_threads(),
            "inter_op_threads": torch.get_num_interop_threads(),
        }

    def is_out_of_memory(self, error: BaseException) -> bool:
        is_memory = isinstance(error, (torch.OutOfMemoryError, MemoryError))
        return is_memory or (isinstance(error, RuntimeError) and bool(_NO_MEMORY.search(str(error))))

    def build_steps(self, model: keras.Model, batch: Any) -> None:
        model._symbolic_build(data_batch=batch)  # first, as `fit` does
        model.train_step(keras.tree.map_structure(keras.ops.convert_to_tensor, batch))

    def sync(self, model: keras.Model) -> None:
        pass

    def random_states(self) -> list[str]:
        """Return the states of the CPU's and every GPU's generator, in hexadecimal digits."""
        states = [torch.get_rng_state(), *torch.cuda.get_rng_state_all()]
        return [bytes(state.tolist()).hex() for state in states]

    def restore_random_states(self, states: list[str]) -> None:
        own, *of_gpus = (torch.tensor([*bytes.fromhex(text)], dtype=torch.uint8) for text in states)
        torch.set_rng_state(own)
        for number, state in enumerate(of_gpus[: torch.cuda.device_count()]):
            torch.cuda.set_rng_state(state, number)


def _take_permuted_maps() -> None:
    """Let a loss learn the classes of pixels: torch refuses the order of axes in which Keras gives them.

    Source: keras 3.15 `sparse_categorical_crossentropy`, torch 2.13 "grad_input must be contiguous".
    """
    own = torch.nn.functional.nll_loss

    def nll_loss(log_prob: Any, *given: Any, **named: Any) -> Any:
        return own(log_prob.contiguous(), *given, **named)

    nn.tnn = SimpleNamespace(**{**vars(torch.nn.functional), "nll_loss": nll_loss})


def _loader_that_draws_nothing(batches: Any) -> Any:
    """Return Keras's loader with a generator of its own, which torch asks for a seed whenever one begins.

    What the global generator gives a model then depends on its steps alone, not on how often `fit` began.
    Source: torch 2.13 `_BaseDataLoaderIter`.
    """
    loader = _own_loader(batches)
    loader.generator = torch.Generator(torch.get_default_device())
    return loader


def _choose_device(asked: str) -> tuple[str, str | None]:
    """Return the device by torch's name."""
    kind, num_gpus = asked.partition(":")[0], torch.cuda.device_count()
    if kind == "tpu":
        raise missing(asked, "Keras has no TPU support on torch", "`backend: jax` has it")
    if kind == "gpu":
        return f"cuda:{check_device(asked, num_gpus, 'torch', _GPU_HELP)}", None
    if kind == "auto" and num_gpus:
        return "cuda:0", None
    if kind == "auto" and torch.backends.mps.is_available():
        return "mps", None
    return "cpu", unused_gpu(asked, "torch", _GPU_HELP)
