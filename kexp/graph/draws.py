"""Random numbers of layers as a pure function of where in the training they are drawn."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
from keras.src.backend.common import global_state
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR, SeedGenerator

_ODD = 0x9E3779B1
"""Spreads epochs over the numbers that steps are added to. Source: Knuth, TAOCP 3, 6.4, the golden ratio."""
_LARGEST_SEED = 2**31 - 2


class Draws(SeedGenerator):  # type: ignore[misc]
    """Seeds that depend on where in the training they are drawn, and on nothing that was drawn before."""

    def __init__(self, backend: Any) -> None:  # without a state, which `SeedGenerator` would make a variable
        self.backend = backend
        self.place: tuple[Any, Any, Any] = (0, 0, 0)
        self.label, self.count = "", 0

    @contextmanager
    def at(self, place: Any, label: str, layer: Any) -> Iterator[None]:
        """Let a layer, and code that names no seed, draw from here, for one layer at (seed, epoch, step)."""
        self.place, self.label, self.count = (place[0], place[1], place[2]), label, 0
        for part in layer._flatten_layers() if isinstance(layer, keras.Layer) else ():
            for name, value in vars(part).items():
                if isinstance(value, SeedGenerator):
                    vars(part)[name] = self  # not by `setattr`, which a built layer refuses
            vars(part)["_backend_generators"] = {self.backend.name: self}
        before = global_state.get_global_attribute(GLOBAL_SEED_GENERATOR)
        global_state.set_global_attribute(GLOBAL_SEED_GENERATOR, self)
        try:
            yield
        finally:
            global_state.set_global_attribute(GLOBAL_SEED_GENERATOR, before)

    def next(self, ordered: bool = True) -> Any:
        self.count += 1
        digest = hashlib.sha256(f"{self.label}/{self.count}".encode()).digest()
        offset = int.from_bytes(digest[:4], "big")
        if not isinstance(self.place[0], int):
            seed, epoch, step = (self.backend.cast(part, "int64") for part in self.place)
            parts = (seed + offset, epoch * _ODD + step)
            return self.backend.numpy.stack([self.backend.numpy.mod(part, _LARGEST_SEED) for part in parts])
        seed, epoch, step = self.place
        numbers = [(seed + offset) % _LARGEST_SEED, (epoch * _ODD + step) % _LARGEST_SEED]
        return self.backend.convert_to_tensor(numbers, self.backend.random_seed_dtype())
