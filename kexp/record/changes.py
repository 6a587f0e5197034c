"""What a resumed training may have changed: harmless, only when accepted, or not within the same run."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from kexp.diagnostics import Diagnostic
from kexp.document import parse_document, plain
from kexp.errors import UsageError
from kexp.record.differences import Difference, spec_differences
from kexp.spec.canonical import canonical
from kexp.spec.types import Component, Experiment, Objective

Verdict = Literal["harmless", "accept", "impossible"]

_HARMLESS = (
    *("name", "description", "tags", "trackers", "expect", "data.cache"),
    *("train.checkpoint.every", "train.checkpoint.keep"),
)
_IMPOSSIBLE = (
    *("kexp", "seed", "model", "blocks", "preprocess", "runtime.backend", "runtime.precision"),
    *("train.compile", "train.stages"),
)
_WITHIN_AN_EPOCH = ("train.optimizer", "train.callbacks", "train.epochs", "train.checkpoint", "runtime")
"""What may change between two steps; anything else only between two epochs."""

_ONLY_WATCH = ("CSVLogger", "LambdaCallback", "ModelCheckpoint", "RemoteMonitor", "TensorBoard")


@dataclass(frozen=True, slots=True)
class Change:
    """One setting that is not what it was; `lines` are those of a graph."""

    key: str
    before: object
    after: object
    verdict: Verdict
    lines: tuple[str, ...] = ()

    @property
    def needs_new_epoch(self) -> bool:
        return self.verdict == "accept" and not _is_below(self.key, _WITHIN_AN_EPOCH)

    @property
    def changes_the_past(self) -> bool:
        """Whether a run that began with the changed setting would have trained otherwise until now."""
        return self.verdict != "harmless" and self.key != "train.epochs"

    def __str__(self) -> str:
        if self.lines:
            return "\n".join((f"{self.key}:", *self.lines))
        return f"{self.key}: {_shown(self.before)} -> {_shown(self.after)}"


@dataclass(frozen=True, slots=True)
class Consent:
    """`changes` are those of the spec, checked already; `is_own`: this user's key vouched for the run."""

    changes: tuple[Change, ...] = ()
    accepts: bool = False
    is_own: bool = True


def spec_changes(before: Experiment, after: Experiment) -> tuple[Change, ...]:
    """Compare two experiments, setting by setting."""
    found = spec_differences(_plain(before), _plain(after))
    return tuple(
        Change(each.key, each.first, each.second, _verdict(each, before, after), each.lines) for each in found
    )


def _plain(experiment: Experiment) -> dict[str, Any]:
    content = plain(parse_document(canonical(experiment, defaults=True).encode(), "").root)
    assert isinstance(content, dict)
    return content


def _verdict(difference: Difference, before: Experiment, after: Experiment) -> Verdict:
    key = difference.key
    if _is_below(key, _HARMLESS):
        return "harmless"
    if _is_below(key, ("train.callbacks",)) and _that_matter(before) == _that_matter(after):
        return "harmless"
    if _is_below(key, ("train.optimizer",)) and _class(before) != _class(after):
        return "impossible"
    return "impossible" if _is_below(key, _IMPOSSIBLE) else "accept"


def _is_below(key: str, paths: Iterable[str]) -> bool:
    return any(f"{key}.".startswith(f"{path}.") for path in paths)


def _that_matter(experiment: Experiment) -> list[Component]:
    return [callback for callback in experiment.train.callbacks if callback.name not in _ONLY_WATCH]


def _class(experiment: Experiment) -> str | None:
    optimizer: Objective | None = experiment.train.optimizer
    name = optimizer.name if isinstance(optimizer, Component) else optimizer
    return None if name is None else name.lower()


def check_changes(changes: Iterable[Change], is_accepted: bool) -> None:
    """Refuse what cannot change within a run, and what was not accepted.

    Raises: UsageError (resume-impossible, resume-differs).
    """
    by_verdict: dict[str, list[Change]] = {"impossible": [], "accept": [], "harmless": []}
    for change in changes:
        by_verdict[change.verdict].append(change)
    if by_verdict["impossible"]:
        raise UsageError(
            Diagnostic(
                "resume-impossible",
                "a run cannot go on with these settings changed",
                detail=_listed(by_verdict, ("impossible", "accept", "harmless")),
                help="train them as a run of their own with `kexp train`",
            )
        )
    if by_verdict["accept"] and not is_accepted:
        raise UsageError(
            Diagnostic(
                "resume-differs",
                "the run would go on otherwise than it began",
                detail=_listed(by_verdict, ("accept", "harmless")),
                help="`--accept` goes on with the changed settings; without `-s` it goes on as it began",
            )
        )


_TITLES = {"impossible": "impossible", "accept": "needs --accept", "harmless": "harmless"}


def _listed(changes: dict[str, list[Change]], verdicts: Iterable[str]) -> str:
    lines = []
    for verdict in verdicts:
        if changes[verdict]:
            told = "\n".join(map(str, changes[verdict])).splitlines()
            lines += [f"{_TITLES[verdict]}:", *(f"  {line}" for line in told)]
    return "\n".join(lines)


def _shown(value: object) -> str:
    return "left out" if value is None else f"{value}"
