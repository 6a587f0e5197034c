"""Times that can be compared: the ways take turns, so that what slows the machine slows them all."""

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter


@dataclass(frozen=True, slots=True)
class Times:
    """Units: seconds."""

    seconds: Sequence[float]

    @property
    def median(self) -> float:
        return median(self.seconds)

    @property
    def spread(self) -> str:
        """The middle half of the times."""
        low, _, high = quantiles(self.seconds, n=4) if len(self.seconds) > 1 else (self.seconds * 3)
        return f"{low:.3f} to {high:.3f}"


def interleaved(ways: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Times]:
    """Time each way once a round, in turning order, after one round that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    names = list(ways)
    for number in range(rounds + 1):
        for name in names:
            gc.collect()
            gc.disable()
            began = perf_counter()
            made = ways[name]()
            took = perf_counter() - began
            gc.enable()
            del made
            if number:
                seconds[name].append(took)
        names = [*names[1:], names[0]]
    return {name: Times(times) for name, times in seconds.items()}
