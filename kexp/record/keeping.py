"""Which runs a clean-up keeps, and which it may remove."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kexp.errors import UsageError, did_you_mean, listed
from kexp.record.query import RunSummary, larger_is_better
from kexp.record.runid import slug

_RULE = re.compile(r"latest:(?P<latest>\d+)|best:(?P<best>\d+)(:(?P<metric>[^\s:]+)(:(?P<mode>max|min))?)?")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT](?P<binary>i)?)?B?\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rule:
    """`best:3:val_loss`: how many runs of every name are kept, by which metric; the name tells the mode."""

    kind: str
    number: int
    metric: str = "val_loss"
    mode: str | None = None

    def kept(self, runs: Sequence[RunSummary]) -> list[RunSummary]:
        """Return the runs of one name that this rule keeps; `runs` come newest first.

        Where none of them has a finite value of the metric, it cannot tell good from bad, and all are kept.
        """
        if self.kind == "latest":
            return list(runs[: self.number])
        if all(run.metrics.get(self.metric) is None for run in runs):
            return list(runs)
        sign = -1 if (self.mode or ("max" if larger_is_better(self.metric) else "min")) == "max" else 1
        values = [(sign * value, run) for run in runs if (value := run.metrics.get(self.metric)) is not None]
        return [run for _, run in sorted(values, key=lambda pair: pair[0])[: self.number]]

    def check(self, runs: Sequence[RunSummary]) -> None:
        """Refuse to keep the best by a metric that no run has.

        Raises: bad-rule.
        """
        known = sorted({name for run in runs for name in run.metrics})
        if self.kind == "best" and known and self.metric not in known:
            message = f"no run has a value of the metric `{self.metric}`"
            help = did_you_mean(self.metric, known) or f"the metrics are {listed(known)}"
            raise UsageError.because("bad-rule", message, help=help)


def parse_rule(text: str) -> Rule:
    """Read `latest:N`, `best:N`, `best:N:METRIC` or `best:N:METRIC:max`.

    Raises: bad-rule.
    """
    found = _RULE.fullmatch(text)
    if found is None:
        message = f"`--keep` takes `best:N`, `best:N:METRIC` or `latest:N`, found `{text}`"
        raise UsageError.because("bad-rule", message, help="such as `--keep best:3:val_accuracy`")
    if found["latest"]:
        return Rule("latest", int(found["latest"]))
    return Rule("best", int(found["best"]), found["metric"] or "val_loss", found["mode"])


def parse_size(text: str) -> int:
    """Read `20GB`, `500 MB` or `20GiB` as bytes.

    Raises: bad-size.
    """
    found = _SIZE.match(text.strip())
    if found is None:
        raise UsageError.because("bad-size", f"`{text}` is no size", help="such as `20GB` or `500MB`")
    power = " KMGT".index((found[2] or " ")[0].upper())
    return int(float(found[1]) * (1024 if found["binary"] else 1000) ** power)


def removable(
    runs: Sequence[RunSummary], rules: Sequence[Rule], sizes: Mapping[str, int], max_bytes: int | None
) -> list[RunSummary]:
    """Return the runs to remove, the oldest first; `runs` come newest first.

    What has a tag, goes on or cannot be read is always kept. Without rules only the size decides: the oldest
    go until the others fit.
    """
    by_name: dict[str, list[RunSummary]] = {}
    for run in runs:
        by_name.setdefault(slug(run.name), []).append(run)
    kept = {run.id for named in by_name.values() for rule in rules for run in rule.kept(named)}
    free = [
        run
        for run in reversed(runs)
        if run.id not in kept and not run.tags and run.state not in ("created", "running", "unreadable")
    ]
    if max_bytes is None:
        return free if rules else []
    excess = sum(sizes.values()) - max_bytes
    chosen: list[RunSummary] = []
    for run in free:
        if excess <= 0:
            break
        chosen.append(run)
        excess -= sizes[run.id]
    return chosen
