"""What training a run again showed, as text."""

from collections.abc import Iterator, Sequence

from kexp.diagnostics import printable
from kexp.record.level import LEVELS, Claim
from kexp.record.reproduction import CONFIDENCE, Reproduction
from kexp.report.diagnostics import counted
from kexp.report.differences import shown

_MOST_DRIFT = 8
_MOST_METRICS = 8


def reproduction_text(first: str, again: str, found: Reproduction, num_seeds: int = 0) -> str:
    """Return what was compared and what came of it, on at most a screen."""
    facts = [
        ("run", first),
        ("again", again),
        *_claim(found.claim),
        *_labelled("drift", _drift(found)),
        ("result", verdict(found)),
    ]
    if found.parting is not None:
        facts += _labelled("moved", _moved(found))
    if found.intervals:
        facts += _labelled("seeds", _seeds(found, num_seeds))
    facts += _labelled("diverged", _diverged(found))
    facts.append(("reached", _reached(found)))
    return printable("\n".join(f"{label:<9}{text}".rstrip() for label, text in facts))


def verdict(found: Reproduction) -> str:
    """Return the outcome in one line."""
    parting = found.parting
    if parting is None:
        epochs, metrics = counted(found.epochs, "epoch"), counted(len(found.metrics), "metric")
        return f"bit-identical: weights, {epochs} of history and {metrics}"
    values = f"{_exact(parting.then)} → {_exact(parting.now)}"
    return f"differs, first in {parting.name} of {parting.where}: {values}"


def _claim(claim: Claim | None) -> Iterator[tuple[str, str]]:
    if claim is None:
        yield "claimed", "nothing: its manifest does not say"
        return
    yield "claimed", f"{claim.level}: {LEVELS[claim.level]}" if claim.level else "no level"
    for number, reason in enumerate(claim.why_not):
        yield "" if number else "no more", reason


def _drift(found: Reproduction) -> list[str]:
    if not found.drift:
        return ["nothing: the same machine class, packages and threads"]
    width = max(len(d.key) for d in found.drift[:_MOST_DRIFT])
    lines = [f"{d.key:<{width}}  {shown(d.first)} → {shown(d.second)}" for d in found.drift]
    return _cut(lines, _MOST_DRIFT, "`kexp diff` tells all")


def _moved(found: Reproduction) -> list[str]:
    changed = [metric for metric in found.metrics if metric.then != metric.now]
    if not changed:
        return ["no metric of the result"]
    rows = [(m.name, shown(m.then), shown(m.now), "" if m.by is None else f"{m.by:+.2g}") for m in changed]
    return _cut(_table([("", "then", "now", "by"), *rows]), _MOST_METRICS + 1, "")


def _seeds(found: Reproduction, num_seeds: int) -> list[str]:
    rows = [
        (
            i.name,
            shown(i.then),
            shown(i.mean),
            f"{shown(i.low)} … {shown(i.high)}",
            "" if i.holds else "outside",
        )
        for i in found.intervals
    ]
    head = ("", "then", f"mean of {num_seeds}", f"expected, {CONFIDENCE:.0%}", "")
    return _table([head, *rows])


def _diverged(found: Reproduction) -> list[str]:
    rows = [
        (
            each.name,
            f"not finite in {each.seeds} of {each.of} seeds" if each.seeds else "not finite in the run",
        )
        for each in found.diverged
    ]
    return _table(rows) if rows else []


def _reached(found: Reproduction) -> str:
    elsewhere = "" if all(i.holds for i in found.intervals) else "; other seeds lead elsewhere"
    if found.parting is None:
        kept = "; the promise is kept" if found.claim is not None and found.claim.promises_bits else ""
        return f"R1: {LEVELS['R1']}{kept}{elsewhere}"
    if found.promises_bits:
        return f"R0 alone: {LEVELS['R0']}; the promise of the same bits is broken{elsewhere}"
    why = "what drifted may explain the rest" if found.drift else "the run promised no more"
    return f"R0: {LEVELS['R0']}; {why}{elsewhere or _untold(found)}"


def _untold(found: Reproduction) -> str:
    """Return what is missing for a verdict over seeds."""
    if found.diverged:
        return "; what diverged leaves open whether seeds lead to this result"
    return "" if found.intervals else "; `--seeds 5` tells whether seeds lead to this result"


def _labelled(label: str, lines: Sequence[str]) -> list[tuple[str, str]]:
    return [("" if number else label, line) for number, line in enumerate(lines)]


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return ["  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)) for row in rows]


def _cut(lines: list[str], most: int, where: str) -> list[str]:
    left = len(lines) - most
    return lines if left <= 0 else [*lines[:most], f"and {left} more{'; ' if where else ''}{where}"]


def _exact(value: object) -> str:
    return repr(value) if isinstance(value, float) else shown(value)
