"""Decoded rows kept in memory, so that no epoch decodes them again."""

from collections.abc import Mapping

from kexp.data.lazy import loaded, size_bytes
from kexp.protocols import Samples
from kexp.record.machine import free_memory_bytes
from kexp.spec.types import Cache

SHARE = 0.5
"""Of the free memory: what decoded rows may take."""


def kept_in_memory(splits: Mapping[str, Samples], cache: Cache) -> dict[str, Samples]:
    """Read the splits' lazy columns into memory: `auto` where half of what is free holds them."""
    needed = sum(size_bytes(samples) for samples in splits.values())
    fits = cache == "memory" or (cache == "auto" and needed <= SHARE * free_memory_bytes())
    return {name: loaded(samples) if fits else samples for name, samples in splits.items()}
