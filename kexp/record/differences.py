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
    *("kexp", "platform", "hostname", "python.version", "cpu.model", "cpu.num_usable", "memory.total_bytes"),
    *("backend.name", "backend.keras", "backend.tensorflow", "backend.jax", "backend.torch"),
    *("backend.device", "backend.threads", "backend.jit_compile", "backend.op_determinism"),
    *("backend.gpu_driver", "git.commit", "git.dirty"),
)
_DATA = ("files", "sizes", "content_sha256", "index_sha256", "classes")


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
    for section, facts in (("code", _code), ("environment", _environment), ("data", _data)):
        found += _changed(section, *(facts(manifest) for manifest in manifests))
    found += _changed("result", *(_result(run) for run in (first, second)))
    return found


def spec_differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[Difference]:
    """Compare settings key by key, and graphs line by line, so that one more layer is one line."""
    for name in _GRAPHS:
        lines = tuple(difflib.unified_diff(_printed(one, name), _printed(other, name), n=1, lineterm=""))[2:]
        if lines:
            yield Difference("spec", name, lines=lines)
    yield from _changed("spec", _settings(one), _settings(other))


def _printed(spec: Mapping[str, Any], name: str) -> list[str]:
    return yaml.safe_dump(spec[name], sort_keys=False).splitlines() if name in spec else []


def _settings(spec: Mapping[str, Any]) -> dict[str, object]:
    return _flat({key: value for key, value in spec.items() if key not in _GRAPHS})


def _spec(run: RunDir) -> dict[str, Any]:
    content = plain(run_document(run).root) if run.resolved.is_file() else None
    return content if isinstance(content, dict) else {}


def _flat(value: object, path: str = "") -> dict[str, object]:
    """Return the leaves of nested maps by their paths; lists are leaves."""
    if not isinstance(value, Mapping):
        return {path: value}
    parts = (_flat(item, f"{path}.{key}" if path else str(key)) for key, item in value.items())
    return {key: leaf for part in parts for key, leaf in part.items()}


def _code(manifest: Mapping[str, Any]) -> dict[str, object]:
    return dict(_section(_section(manifest, "spec"), "code"))


def _environment(manifest: Mapping[str, Any]) -> dict[str, object]:
    known = _flat(manifest)
    packages = {f"packages.{p['name']}": p["version"] for p in manifest.get("distributions") or ()}
    variables = {f"variables.{name}": value for name, value in _section(manifest, "variables").items()}
    return {key: known[key] for key in _ENVIRONMENT if key in known} | variables | packages


def _data(manifest: Mapping[str, Any]) -> dict[str, object]:
    data = _section(manifest, "data")
    named = {**data, **_section(data, "info")}
    facts = _flat({key: named[key] for key in _DATA if key in named and key != "files"})
    files = {f"files.{file['path']}": file["sha256"] for file in data.get("files") or ()}
    return {**facts, **files}


def _result(run: RunDir) -> dict[str, object]:
    status = read_status(run)
    told = {"state": status.state, "epochs": status.epoch, **status.metrics}
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
