"""Epochs of the engine in mixed precision against float32.

Expected before it was measured: on a GPU with matrix units up to twice as fast where products are large, and
no gain where steps are short; on a CPU float16 is slower, and bfloat16 faster only where it multiplies that.
"""

from collections.abc import Iterator
from statistics import median
from typing import TYPE_CHECKING

from tests.benchmarks.tables import Table

if TYPE_CHECKING:
    from tests.benchmarks.workloads import Work

_MIXED = ("mixed_bfloat16", "mixed_float16")


def tables(rounds: int = 3, device: str = "cpu") -> Iterator[Table]:
    from fakes import machine

    machine(device)
    from tests.benchmarks.workloads import large_works

    rows = [(name, *_ratios(work, rounds)) for name, work in large_works().items()]
    header = ("workload", "float32, s", *(f"{policy}, times" for policy in _MIXED))
    yield Table("An epoch, by precision", header, rows, f"Medians of {rounds} rounds, the three in turn.")


def _ratios(work: "Work", rounds: int) -> tuple[float, ...]:
    """Return the seconds of an epoch in float32, and how many times faster the others are."""
    import keras

    from tests.benchmarks.workloads import Segmented

    ways = []
    for policy in ("float32", *_MIXED):
        keras.config.set_dtype_policy(policy)
        ways.append(Segmented(work))
        ways[-1].epochs(2)
    found = [[median(way.epochs(work.epochs + 1)[1:]) for way in ways] for _ in range(rounds)]
    for way in ways:
        way.close()
    keras.config.set_dtype_policy("float32")
    usual, *mixed = (median(seconds) for seconds in zip(*found, strict=True))
    return usual, *(usual / seconds for seconds in mixed)
