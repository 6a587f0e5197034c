"""Which promise a run can make of being trained again, and why none higher.

R0: the same resolved spec, code and data. R1: on the same class of machine, with the same packages and
threads, the same bits. R2: interrupted and gone on with, the same bits as without the break.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Level = Literal["R0", "R1", "R2"]

LEVELS: Mapping[Level, str] = {
    "R0": "the same spec, code and data",
    "R1": "the same bits on the same machine class, packages and threads",
    "R2": "the same bits, also when interrupted and resumed",
}
_THREADS = ("intra_op_threads", "cpu_threads")
"""What the backends say of the threads that share one operation, on which its bits depend."""
_ORDER: tuple[Level, ...] = ("R0", "R1", "R2")


@dataclass(frozen=True, slots=True)
class Claim:
    """`level` None: not even the first; `why_not` are the reasons against the levels above."""

    level: Level | None
    why_not: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {"claims": self.level, "why_not": list(self.why_not)}

    @property
    def promises_bits(self) -> bool:
        return self.level in ("R1", "R2")


def claim(manifest: Mapping[str, Any]) -> Claim:
    """Return what a run can promise that recorded this."""
    try:
        against = {level: [*find(manifest)] for level, find in _AGAINST.items()}
    except (KeyError, TypeError):
        return Claim(None, ("another version of kexp wrote its manifest",))
    held = [level for n, level in enumerate(_ORDER) if not any(against[each] for each in _ORDER[: n + 1])]
    return Claim(held[-1] if held else None, tuple(why for level in _ORDER for why in against[level]))


def recorded_claim(manifest: Mapping[str, Any]) -> Claim | None:
    """Return the claim that a manifest holds, whoever wrote it; None where it holds none."""
    record = manifest.get("level")
    if not isinstance(record, Mapping):
        return None
    level, why_not = record.get("claims"), record.get("why_not")
    reasons = tuple(str(why) for why in why_not) if isinstance(why_not, list) else ()
    return Claim(next((each for each in _ORDER if each == level), None), reasons)


def _against_hashes(manifest: Mapping[str, Any]) -> Iterator[str]:
    spec, data = manifest["spec"], manifest["data"]
    if spec["scope"] != "full":
        yield "a smoke run trains two steps and not what its spec says"
    for name in spec["code_elsewhere"]:
        yield f"the code of `{name}` is not kept: it lies outside the folder of the spec"
    git = manifest["git"]
    if git is not None and git["dirty"] and git["diff_sha256"] is None:
        yield "the checkout has uncommitted changes that git could not tell"
    for split in data["info"]["sizes"]:
        if split not in data["content_sha256"]:
            yield f"the data of {split} has no fingerprint"
    for change in manifest.get("changed", ()):
        if not change["repeats"]:
            yield f"settings changed after step {change['step']:,}: {'; '.join(change['settings'])}"


def _against_bits(manifest: Mapping[str, Any]) -> Iterator[str]:
    backend = manifest["backend"]
    threads = str(backend["threads"])
    for name in _THREADS:
        if name in backend and str(backend[name]) != threads:
            yield f"the threads are not pinned: {name} is {backend[name]}, and {threads} were asked for"
    if backend["device"] != "cpu" and not backend["op_determinism"]:
        yield f"{backend['device']} without `runtime.deterministic: true`"
    for change in manifest.get("changed", ()):
        for drift in change["drift"]:
            yield f"the run went on elsewhere after step {change['step']:,}: {drift}"


def _against_breaks(manifest: Mapping[str, Any]) -> Iterator[str]:
    for name in manifest["spec"]["unheld"]:
        yield f"no checkpoint can hold `{name}`"


_AGAINST = {"R0": _against_hashes, "R1": _against_bits, "R2": _against_breaks}
