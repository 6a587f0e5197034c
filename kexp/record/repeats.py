"""The runs of one experiment under several seeds."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kexp.document import plain
from kexp.errors import KexpError
from kexp.record.experiment import run_document
from kexp.record.provenance import read_manifest
from kexp.record.query import list_runs
from kexp.record.rundir import RunDir
from kexp.record.status import read_status

_MAY_DIFFER = ("seed", "name", "description", "tags", "trackers", "expect")


@dataclass(frozen=True, slots=True)
class Repeat:
    """A completed run of the same spec, code and data; a metric that is None was not finite."""

    id: str
    seed: int
    metrics: Mapping[str, float | None]


def repeats(run: RunDir, root: Path) -> list[Repeat]:
    """Return the completed runs below `root` that differ from `run` in the seed alone, and itself."""
    completed = [RunDir(each.path) for each in list_runs(root) if each.state == "completed"]
    return [_repeat(other) for other in completed if other.id == run.id or _are_alike(run, other)]


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
