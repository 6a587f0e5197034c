"""A run beside the one that trained it again: whether the promise held, and what moved."""

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import zip_longest
from statistics import mean, stdev
from typing import Any

from kexp.record.differences import Difference, drift
from kexp.record.history import Row, read_rows
from kexp.record.level import Claim, recorded_claim
from kexp.record.provenance import read_manifest
from kexp.record.rundir import RunDir
from kexp.record.status import Status, read_status

CONFIDENCE = 0.95
_TIMES = ("seconds", "nonfinite")
_ROUNDING = 1e-12
"""By which share the mean of equal numbers may miss them: some thousand times the rounding of a double."""


@dataclass(frozen=True, slots=True)
class Parting:
    """The first value that is not the same bits, in the order in which a training writes."""

    where: str
    name: str
    then: object
    now: object


@dataclass(frozen=True, slots=True)
class Moved:
    """A metric of the result; None: not finite, or not there."""

    name: str
    then: float | None
    now: float | None

    @property
    def by(self) -> float | None:
        return None if self.then is None or self.now is None else self.now - self.then


@dataclass(frozen=True, slots=True)
class Interval:
    """Where one more training with a seed of its own is expected, by trainings with other seeds."""

    name: str
    then: float
    mean: float
    low: float
    high: float

    @property
    def holds(self) -> bool:
        rounding = _ROUNDING * max(abs(self.then), abs(self.mean))
        return self.low - rounding <= self.then <= self.high + rounding


@dataclass(frozen=True, slots=True)
class Diverged:
    """A metric that tells nothing: not finite in `seeds` of `of` other trainings, or in the run itself."""

    name: str
    seeds: int
    of: int
    in_run: bool = False


@dataclass(frozen=True, slots=True)
class Reproduction:
    """`parting` None: the same bits; `claim` None: the run says nothing of what it promises."""

    claim: Claim | None
    drift: tuple[Difference, ...]
    parting: Parting | None
    metrics: tuple[Moved, ...]
    epochs: int
    intervals: tuple[Interval, ...] = ()
    diverged: tuple[Diverged, ...] = ()

    @property
    def reached(self) -> str:
        return "R1" if self.parting is None else "R0"

    @property
    def kept(self) -> bool | None:
        """Whether the run held what it promised; None: nothing tells.

        Bits are promised where nothing drifted. Elsewhere the result is to lie where other seeds' do.
        """
        if self.parting is None:
            return True
        if self.promises_bits or not all(interval.holds for interval in self.intervals):
            return False
        return True if self.intervals and not self.diverged else None

    @property
    def is_kept(self) -> bool:
        """Whether nothing that the run promised is known to be broken."""
        return self.kept is not False

    @property
    def promises_bits(self) -> bool:
        return not self.drift and self.claim is not None and self.claim.promises_bits

    def as_json(self) -> dict[str, Any]:
        return {
            "claims": self.claim.level if self.claim else None,
            "why_not": [*self.claim.why_not] if self.claim else [],
            "reached": self.reached,
            "kept": self.kept,
            "bit_identical": self.parting is None,
            "first_difference": None if self.parting is None else asdict(self.parting),
            "metrics": {m.name: {"then": m.then, "now": m.now, "moved": m.by} for m in self.metrics},
            "drift": [{"key": d.key, "then": d.first, "now": d.second} for d in self.drift],
            "intervals": {
                i.name: {"then": i.then, "mean": i.mean, "low": i.low, "high": i.high, "inside": i.holds}
                for i in self.intervals
            },
            "diverged": {d.name: {"seeds": d.seeds, "of": d.of, "run": d.in_run} for d in self.diverged},
        }


def compared(first: RunDir, again: RunDir, others: Sequence[Mapping[str, float]] = ()) -> Reproduction:
    """Compare a completed run with one that trained it again; `others` are metrics under other seeds."""
    manifests = [read_manifest(run) for run in (first, again)]
    then, now = read_status(first), read_status(again)
    names = dict.fromkeys((*then.metrics, *now.metrics))
    return Reproduction(
        claim=recorded_claim(manifests[0]),
        drift=tuple(drift(*manifests)),
        parting=next(_partings(read_rows(first), read_rows(again), then, now), None),
        metrics=tuple(Moved(name, then.metrics.get(name), now.metrics.get(name)) for name in names),
        epochs=then.epoch,
        intervals=intervals(then.metrics, others),
        diverged=diverged(then.metrics, others),
    )


def changed_midway(run: RunDir) -> list[int]:
    """Return the steps after which settings changed that a training from the start would have all along."""
    try:
        changes = read_manifest(run).get("changed", ())
        return [int(change["step"]) for change in changes if not change["repeats"]]
    except (KeyError, TypeError, ValueError):
        return []  # another version of kexp wrote it


def _partings(rows: Sequence[Row], again: Sequence[Row], then: Status, now: Status) -> Iterator[Parting]:
    none: Row = {}
    for number, (one, other) in enumerate(zip_longest(rows, again, fillvalue=none), start=1):
        yield from _unequal(f"epoch {number}", _told(one), _told(other))
    yield from _unequal("the result", then.metrics, now.metrics)
    yield from _unequal("the best epoch", then.best or {}, now.best or {})
    yield from _unequal("the weights", {"sha256": then.weights_sha256}, {"sha256": now.weights_sha256})


def _told(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in _TIMES}


def _unequal(where: str, one: Mapping[str, object], other: Mapping[str, object]) -> Iterator[Parting]:
    for name in dict.fromkeys((*one, *other)):
        if one.get(name) != other.get(name):
            yield Parting(where, name, one.get(name), other.get(name))


# ---------------------------------------------------------------- over seeds


def intervals(
    metrics: Mapping[str, float | None], others: Sequence[Mapping[str, float]]
) -> tuple[Interval, ...]:
    """Return a prediction interval for each metric of the result, all of which hold with CONFIDENCE together.

    Source: Student's t for one more sample; Bonferroni's correction for several metrics.
    """
    lost = {each.name for each in diverged(metrics, others)}
    known = {
        name: (value, [other[name] for other in others])
        for name in _judged(metrics, others)
        if name not in lost and (value := metrics[name]) is not None
    }
    share = 1 - (1 - CONFIDENCE) / max(1, len(known))
    return tuple(_interval(name, then, values, share) for name, (then, values) in known.items())


def diverged(
    metrics: Mapping[str, float | None], others: Sequence[Mapping[str, float]]
) -> tuple[Diverged, ...]:
    """Return the metrics of the result of which no interval can be told."""
    found = (
        Diverged(
            name,
            sum(not _is_finite(other.get(name)) for other in others),
            len(others),
            not _is_finite(metrics[name]),
        )
        for name in _judged(metrics, others)
    )
    return tuple(each for each in found if each.seeds or each.in_run)


def other_seed(seed: int, number: int) -> int:
    """Return a seed for one more training: the same whenever this run is reproduced."""
    return int.from_bytes(hashlib.sha256(f"{seed} {number}".encode()).digest()[:4], "big") >> 1


def _interval(name: str, then: float, values: Sequence[float], share: float) -> Interval:
    from scipy.special import stdtrit  # with numpy, which nothing that reads runs needs otherwise

    number, middle = len(values), mean(values)
    quantile = float(stdtrit(number - 1, (1 + share) / 2))
    reach = quantile * stdev(values) * math.sqrt(1 + 1 / number)
    return Interval(name, then, middle, middle - reach, middle + reach)


def _judged(metrics: Mapping[str, float | None], others: Sequence[Mapping[str, float]]) -> list[str]:
    """Return the metrics that a paper would report: the test split's, else the best epoch's val.

    None, where too few others are there to tell a spread.
    """
    if len(others) < 2:
        return []
    for prefix in ("test_", "val_"):
        named = [name for name in metrics if name.startswith(prefix)]
        if named:
            return named
    return [*metrics]


def _is_finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
