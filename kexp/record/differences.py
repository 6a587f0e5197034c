"""In what two runs differ: spec, code, environment, data, result."""

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from kexp.document import plain
from kexp.record.experiment import run_document
from kexp.record.provenance import read_manifest
from kexp.record.rundir import RunDir
from kexp.record.status import read_status

SECTIONS = ("spec", "code", "environment", "data", "result")

_GRAPHS = ("model", "blocks")
_ENVIRONMENT = (
    *("kexp", "platform", "libc", "hostname", "python", "cpu", "memory", "backend"),
    *("git.commit", "git.dirty", "git.diff_sha256"),
)
_LEFT_OUT = ("cpu.flags", "backend.engine.reason")
_HARMLESS = (
    *("kexp", "platform", "hostname", "python.executable", "memory", "git", "backend.engine"),
    *("cpu.num_cpus", "cpu.num_usable", "cpu.affinity", "cpu.cgroup_limit"),
    *("variables.CONDA_PREFIX", "variables.PYTHONPATH", "variables.TF_CPP_MIN_LOG_LEVEL"),
    *("variables.KEXP_CONFIG", "variables.KEXP_RUNS", "variables.VIRTUAL_ENV"),
    "variables.TF_FORCE_GPU_ALLOW_GROWTH",
)
"""What changes no bits of a result: of packages their own versions tell, and threads are pinned."""
_SOURCES = ("record_sha256", "commit", "diff_sha256")
_DATA = ("files", "sizes", "content_sha256", "index_sha256", "classes", "class_counts")


@dataclass(frozen=True, slots=True)
class Difference:
    """`first` and `second` are None where a run has no such thing; `lines` is a diff of a graph instead."""

    section: str
    key: str
    first: object = None
    second: object = None
    lines: tuple[str, ...] = ()


def differences(first: RunDir, second: RunDir) -> list[Difference]:
    """Compare two runs by what they recorded."""
    manifests = [read_manifest(run) for run in (first, second)]
    found = [*spec_differences(_spec(first), _spec(second))]
    found += _changed("code", *(_code(manifest) for manifest in manifests))
    found += environment_differences(*manifests)
    found += _changed("data", *(_data(manifest) for manifest in manifests))
    found += _changed("result", *(_result(run) for run in (first, second)))
    return found


def environment_differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Difference]:
    """Compare where two manifests' runs were trained, and with which packages."""
    flags = [_flags(manifest) for manifest in (first, second)]
    found = _changed("environment", _environment(first), _environment(second))
    if flags[0] != flags[1]:
        first_alone, second_alone = (" ".join(sorted(own - other)) for own, other in (flags, flags[::-1]))
        found.append(Difference("environment", "cpu.flags", first_alone or None, second_alone or None))
    return found + _changed("environment", *_packages(first, second))


def drift(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Difference]:
    """Return what of the environment is not the same and can change the bits of a result."""
    found = environment_differences(first, second)
    return [d for d in found if not any(f"{d.key}.".startswith(f"{name}.") for name in _HARMLESS)]


def spec_differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[Difference]:
    """Compare settings key by key, and graphs line by line, so that one more layer is one line."""
    for name in _GRAPHS:
        lines = tuple(difflib.unified_diff(_printed(one, name), _printed(other, name), n=1, lineterm=""))[2:]
        if lines:
            yield Difference("spec", name, lines=lines)
    yield from _changed("spec", settings_of(one), settings_of(other))


def _printed(spec: Mapping[str, Any], name: str) -> list[str]:
    return yaml.safe_dump(spec[name], sort_keys=False).splitlines() if name in spec else []


def settings_of(spec: Mapping[str, Any]) -> dict[str, object]:
    """Return every setting of a spec by its path, but for those inside graphs."""
    return flat({key: value for key, value in spec.items() if key not in _GRAPHS})


def _spec(run: RunDir) -> dict[str, Any]:
    content = plain(run_document(run).root) if run.resolved.is_file() else None
    return content if isinstance(content, dict) else {}


def flat(value: object, path: str = "") -> dict[str, object]:
    """Return the leaves of nested maps by their paths; lists are leaves."""
    if not isinstance(value, Mapping):
        return {path: value}
    parts = (flat(item, f"{path}.{key}" if path else str(key)) for key, item in value.items())
    return {key: leaf for part in parts for key, leaf in part.items()}


def _code(manifest: Mapping[str, Any]) -> dict[str, object]:
    return dict(_section(_section(manifest, "spec"), "code"))


def _environment(manifest: Mapping[str, Any]) -> dict[str, object]:
    chosen = flat({name: manifest[name] for name in _ENVIRONMENT if name in manifest})
    git = {key: value for key, value in flat({"git": manifest.get("git")}).items() if key in _ENVIRONMENT}
    variables = {f"variables.{name}": value for name, value in _section(manifest, "variables").items()}
    return {key: value for key, value in chosen.items() if key not in _LEFT_OUT} | git | variables


def _flags(manifest: Mapping[str, Any]) -> set[str]:
    flags = _section(manifest, "cpu").get("flags")
    return {str(flag) for flag in flags} if isinstance(flags, list) else set()


def _packages(*manifests: Mapping[str, Any]) -> list[dict[str, object]]:
    """Return the versions by package; of equal versions what else they were installed from."""
    known = [{each["name"]: each for each in m.get("distributions") or ()} for m in manifests]
    facts: list[dict[str, object]] = [
        {f"packages.{name}": each["version"] for name, each in packages.items()} for packages in known
    ]
    for name in known[0].keys() & known[1].keys():
        if known[0][name]["version"] == known[1][name]["version"]:
            for packages, found in zip(known, facts, strict=True):
                found |= {f"packages.{name}.{key}": packages[name].get(key) for key in _SOURCES}
    return [dict(sorted(found.items())) for found in facts]


def _data(manifest: Mapping[str, Any]) -> dict[str, object]:
    data = _section(manifest, "data")
    named = {**data, **_section(data, "info")}
    facts = flat({key: named[key] for key in _DATA if key in named and key != "files"})
    files = {f"files.{file['path']}": file["sha256"] for file in data.get("files") or ()}
    return {**facts, **files}


def _result(run: RunDir) -> dict[str, object]:
    status = read_status(run)
    best = (status.best or {}).get("epoch")
    told = {"state": status.state, "epochs": status.epoch, "best_epoch": best, **status.metrics}
    return {**told, "weights_sha256": status.weights_sha256}


def _section(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = record.get(name)
    return found if isinstance(found, Mapping) else {}


def _changed(section: str, first: Mapping[str, object], second: Mapping[str, object]) -> list[Difference]:
    keys = dict.fromkeys([*first, *second])
    return [
        Difference(section, key, first.get(key), second.get(key))
        for key in keys
        if _plain(first.get(key)) != _plain(second.get(key))
    ]


def _plain(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=str)
