"""The runs of one experiment under several seeds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kexp.document import plain
from kexp.errors import KexpError
from kexp.record.experiment import run_document
from kexp.record.provenance import read_manifest
from kexp.record.query import list_runs
from kexp.record.rundir import RunDir
from kexp.record.status import read_status, standing

_MAY_DIFFER = ("seed", "name", "description", "tags", "trackers", "expect")


@dataclass(frozen=True, slots=True)
class Repeat:
    """A completed run of the same spec, code and data; a metric that is None was not finite."""

    id: str
    seed: int
    metrics: Mapping[str, float | None]


def repeats(run: RunDir, root: Path) -> list[Repeat]:
    """Return a run, if it is completed, and the completed ones below `root` that differ in the seed alone.

    The run itself comes first, wherever it lies; then the oldest.
    """
    others = [RunDir(each.path) for each in reversed(list_runs(root)) if each.state == "completed"]
    alike = [other for other in others if other.id != run.id and _are_alike(run, other)]
    own = [run] if standing(run)[1] == "completed" else []
    return [_repeat(each) for each in (*own, *alike)]


def one_per_seed(runs: Iterable[Repeat]) -> list[Repeat]:
    """Return the first run with each seed: one that was trained again tells nothing more of the spread."""
    first: dict[int, Repeat] = {}
    for each in runs:
        first.setdefault(each.seed, each)
    return list(first.values())


def _repeat(run: RunDir) -> Repeat:
    seed = (read_manifest(run).get("spec") or {}).get("seed")
    return Repeat(run.id, seed if isinstance(seed, int) else 0, read_status(run).metrics)


def _are_alike(one: RunDir, other: RunDir) -> bool:
    """Tell whether two runs trained the same on the same; one that cannot be read is like no other."""
    try:
        return _hashes(one) == _hashes(other) and _spec(one) == _spec(other)
    except KexpError:
        return False


def _hashes(run: RunDir) -> list[object]:
    manifest = read_manifest(run)
    spec, data = manifest.get("spec") or {}, manifest.get("data") or {}
    return [spec.get("code"), spec.get("scope"), data.get("content_sha256")]


def _spec(run: RunDir) -> dict[str, Any]:
    """Return all that a run's spec says of its result, but the seed."""
    content = plain(run_document(run).root)
    spec = content if isinstance(content, dict) else {}
    runtime = spec.get("runtime")
    placeless = {k: v for k, v in runtime.items() if k != "threads"} if isinstance(runtime, dict) else runtime
    return {**{k: v for k, v in spec.items() if k not in _MAY_DIFFER}, "runtime": placeless}
