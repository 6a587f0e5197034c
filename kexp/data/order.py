"""Which samples each step sees: pure functions of the seed, so that nothing about a loader is ever saved."""

import hashlib
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


def generator(*parts: str | int) -> np.random.Generator:
    """Return a random generator keyed by `parts`: equal parts give equal numbers, on any machine."""
    digest = hashlib.sha256("\0".join(map(str, parts)).encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))


def epoch_order(seed: int, epoch: int, size: int, shuffle: bool) -> Indices:
    """Return the order in which pass number `epoch` visits `size` samples."""
    if not shuffle:
        return np.arange(size, dtype=np.int64)
    return generator("order", seed, epoch).permutation(size).astype(np.int64, copy=False)


def batch_indices(order: NDArray[Any], batch_size: int, first_batch: int = 0) -> Iterator[NDArray[Any]]:
    """Cut `order` into batches, from batch number `first_batch` on; the last one may be partial."""
    starts = range(first_batch * batch_size, len(order), batch_size)
    return (order[start : start + batch_size] for start in starts)


def steps_order(
    seed: int, first_step: int, num_steps: int, batch_size: int, size: int, shuffle: bool
) -> Iterator[Indices]:
    """Return the batches of `num_steps` steps counted over all passes: pass follows pass without a gap.

    Pass number p visits `epoch_order(seed, p, ...)`; no batch reaches from one pass into the next.
    """
    first_pass, first_batch = divmod(first_step, -(-size // batch_size))

    def endless() -> Iterator[Indices]:
        skipped = first_batch
        for number in itertools.count(first_pass):
            yield from batch_indices(epoch_order(seed, number, size, shuffle), batch_size, skipped)
            skipped = 0

    return itertools.islice(endless(), num_steps)
