"""Training throughput of the engine against `model.fit(x, y)` on numpy arrays, in one process.

Expected before it was measured, as ratios of epochs: digits 7, Fashion-MNIST MLP 2.4, CNN and LSTM 1.5,
transformer and ResNet-20 never below 1.0, digits under XLA 20. Short steps are rid of what Python and the
input pipeline cost; where a step computes for long, there is little of either. A whole training gains less:
both trace and compile the same step once. On JAX (`--backend jax`): digits 5, Fashion-MNIST MLP 1.7, LSTM 1,
and 1 for convolutions, which a CPU is given step by step.
"""

from collections.abc import Iterator, Sequence
from statistics import median, quantiles
from time import perf_counter
from typing import TYPE_CHECKING, Any

from tests.benchmarks.tables import Table

if TYPE_CHECKING:
    from tests.benchmarks.workloads import Work

_EPOCHS = 3
_HEADER = ("workload", "fit, s", "kexp, s", "ratio", "middle half")


def tables(rounds: int = 7, device: str = "cpu") -> Iterator[Table]:
    from fakes import machine

    machine(device)
    from tests.benchmarks.flops import peak_gflops
    from tests.benchmarks.workloads import works

    note = f"Medians of {rounds} rounds, the two in turn; tracing and first epochs are left out."
    seconds = {name: _epochs(work, rounds) for name, work in works().items()}
    rows = [_row(name, each) for name, each in seconds.items()]
    yield Table("An epoch, without validation", _HEADER, rows, note)
    peak = peak_gflops()
    rows = [_shares(name, work, seconds[name], peak) for name, work in works().items()]
    note = f"Matrix products and convolutions alone; this machine reaches {peak:.0f} GFLOP/s in float32."
    yield Table("Share of the machine's peak", ("workload", "fit, %", "kexp, %"), rows, note)
    few = max(2, rounds // 5)
    rows = [_row(name, _trainings(work, few)) for name, work in works().items()]
    note = f"Medians of {few} rounds: {_EPOCHS} times the epochs of a round above, by a new model."
    yield Table("A whole training, tracing included", _HEADER, rows, note)


def _row(name: str, seconds: Sequence[tuple[float, float]]) -> tuple[Any, ...]:
    ratios = [usual / ours for usual, ours in seconds]
    low, _, high = quantiles(ratios, n=4)
    usual, ours = (median(times) for times in zip(*seconds, strict=True))
    return name, usual, ours, median(ratios), f"{low:.2f} to {high:.2f}"


def _shares(name: str, work: "Work", seconds: Sequence[tuple[float, float]], peak: float) -> tuple[Any, ...]:
    """Return what part of the machine's peak an epoch of each way reaches."""
    from tests.benchmarks.flops import of_epoch

    billions = of_epoch(work.make(), len(work.x)) / 1e9
    usual, ours = (100 * billions / median(times) / peak for times in zip(*seconds, strict=True))
    return name, usual, ours


def _epochs(work: "Work", rounds: int) -> list[tuple[float, float]]:
    """Return the seconds of an epoch of both, by round."""
    from tests.benchmarks.workloads import Plain, Segmented

    ways = (Plain(work), Segmented(work))
    for way in ways:
        way.epochs(3)
    found = [[median(way.epochs(work.epochs + 1)[1:]) for way in ways] for _ in range(rounds)]
    for way in ways:
        way.close()
    return [(usual, ours) for usual, ours in found]


def _trainings(work: "Work", rounds: int) -> list[tuple[float, float]]:
    """Return the seconds of a training of both, by round."""
    from tests.benchmarks.workloads import Plain, Segmented

    def seconds(kind: Any) -> float:
        began = perf_counter()
        way = kind(work)
        way.epochs(_EPOCHS * work.epochs)
        way.close()
        return perf_counter() - began

    return [(seconds(Plain), seconds(Segmented)) for _ in range(rounds)]
