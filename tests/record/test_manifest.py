import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

import pytest
from jsonschema import Draft202012Validator

from kexp.record.distributions import requirements
from kexp.record.environment import collect_environment, recorded_variables
from kexp.record.git import git_diff
from kexp.record.manifest import manifest
from kexp.record.manifest_schema import manifest_schema, schema_of
from kexp.record.rundir import RunDir

SCHEMA_FILE = Path(__file__).parents[2] / "kexp" / "record" / "manifest.schema.json"
NOW = datetime(2026, 11, 23, 9, 14, 55, tzinfo=UTC)


def sections(**data):
    """Return what a training adds."""
    return {
        "spec": {
            "identity": "0" * 64,
            "resolved_sha256": "1" * 64,
            "seed": 3,
            "name": "a",
            "scope": "full",
            "code": {"losses.py": "2" * 64},
            "code_elsewhere": [],
            "unheld": [],
        },
        "backend": {
            "name": "tensorflow",
            "keras": "3.15.1",
            "tensorflow": "2.21.0",
            "device": "cpu",
            "threads": 2,
            "floatx": "float32",
            "dtype_policy": "float32",
            "op_determinism": False,
            "jit_compile": None,
            "engine": {"mode": "single", "reason": "a callback"},
        },
        "model": {
            "parameters": 10,
            "trainable_parameters": 10,
            "outputs": ["y"],
            "values": {"seed": 3},
            "initial_weights": {},
        },
        "data": {
            "info": {
                "inputs": [{"name": "x", "shape": [None, 2], "dtype": "float32"}],
                "targets": [],
                "classes": {"y": ["a", "b"]},
                "num_classes": {"y": 2},
                "sizes": {"train": 8},
                "columns": {"x": ["x1", "x2"]},
                "fills": {"x": {"x1": 0.5}},
                "vocabulary_sizes": {},
                "units": {"y": {"scale": [1.0], "offset": [0.0]}},
            },
            "files": [{"path": "t.csv", "size_bytes": 9, "sha256": "3" * 64}],
            "content_sha256": {"train": "4" * 64},
            "index_sha256": {"train": "5" * 64},
            "class_counts": {"train": {"y": {"a": 4, "b": 4}}},
            "notes": [],
            **data,
        },
    }


def written(folder, environ=None, argv=("kexp", "train", "a.yaml")):
    return manifest(collect_environment(argv, environ or {}, folder, NOW), sections(), "k3f7")


def test_the_schema_comes_first_and_the_level_last(tmp_path):
    environment = collect_environment(["kexp", "train", "a.yaml"], {}, tmp_path, NOW)

    whole = manifest(environment, sections())

    assert list(whole) == [
        "schema",
        "started",
        "kexp",
        "command",
        "python",
        "platform",
        "libc",
        "hostname",
        "cpu",
        "memory",
        "variables",
        "git",
        "distributions",
        "spec",
        "backend",
        "model",
        "data",
        "level",
    ]
    assert whole["schema"] == 1
    assert whole["started"] == "2026-11-23T09:14:55Z"
    assert whole["command"] == ["kexp", "train", "a.yaml"]
    assert whole["python"]["executable"] == sys.executable
    assert (whole["variables"], whole["git"]) == ({}, None)
    assert set(whole["level"]) == {"claims", "why_not"}
    assert "pytest==" in requirements(environment["distributions"])
    assert git_diff(tmp_path) == b""


# ---------------------------------------------------------------- its JSON Schema


def test_the_schema_in_the_repository_is_that_of_the_types(golden):
    golden(json.dumps(manifest_schema(), indent=2) + "\n", SCHEMA_FILE)


def test_a_manifest_is_as_the_schema_says(tmp_path):
    Draft202012Validator.check_schema(manifest_schema())

    changed = {"time": "now", "step": 3, "settings": [], "repeats": True, "drift": []}
    assert faults(written(tmp_path)) == []
    assert faults({**written(tmp_path), "changed": [changed]}) == []


@pytest.mark.parametrize(
    ("place", "key"),
    [
        ((), "more"),
        (("cpu",), "more"),
        (("spec",), "more"),
        (("data", "info"), "more"),
        (("level",), "more"),
        (("distributions", 0), "more"),
        (("data", "files", 0), "sha256"),
        (("data", "class_counts", "train", "y"), "a"),
        (("spec",), "scope"),
        (("level",), "claims"),
    ],
)
def test_a_manifest_with_other_keys_or_values_is_refused(tmp_path, place, key):
    record = written(tmp_path)
    inner = record
    for part in place:
        inner = inner[part]
    inner[key] = object

    assert len(faults(record)) == 1


@pytest.mark.parametrize("hint", [set[int], list, tuple[int, str], bytes])
def test_a_type_that_no_schema_is_known_for_is_refused(hint):
    with pytest.raises(TypeError, match="no JSON Schema is known for"):
        schema_of(TypedDict("Odd", {"a": hint}), "odd")


def test_a_manifest_without_a_part_is_refused(tmp_path):
    whole = written(tmp_path)
    optional = [key for key in whole if not faults({k: v for k, v in whole.items() if k != key})]

    assert optional == ["reproduces"]


def faults(record):
    return [error.message for error in Draft202012Validator(manifest_schema()).iter_errors(record)]


# ---------------------------------------------------------------- what is in it


def test_variables_that_can_change_a_result_are_recorded_and_no_others():
    environ = {
        "KERAS_BACKEND": "jax",
        "TF_SECRET_X": "hunter2",
        "TF_VAR_db": "hunter2",
        "JAX_PROXY": "http://me:hunter2@host",
        "PYTHONHASHSEED": "0",
        "HOME": "/root",
        "WANDB_API_KEY": "hunter2",
    }

    assert recorded_variables(environ) == {
        "JAX_PROXY": "http://host",
        "KERAS_BACKEND": "jax",
        "PYTHONHASHSEED": "0",
        "TF_SECRET_X": "<redacted>",
    }


def test_no_planted_secret_is_written_down(tmp_path):
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    remote = "https://hunter2:hunter2@example.org/x.git?token=hunter2"
    subprocess.run(["git", "remote", "add", "origin", remote], cwd=tmp_path, check=True)
    names = ("API_KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIALS", "AUTH")
    environ = {f"{prefix}_{name}": "hunter2" for name in names for prefix in ("TF", "KERAS", "MY")}
    argv = ["kexp", "train", "a.yaml", "--run-dir", "runs/x"]
    for name in names:
        option = name.lower().replace("_", "-")
        argv += [f"--{option}", "hunter2", f"--{option}=hunter2", "-s", f"data.{name.lower()}=hunter2"]
    argv += ["-s", "data={url: 'https://a:hunter2@b', token: \"x hunter2\"}", "ftp://hunter2@host"]
    run = RunDir(tmp_path)

    run.write_manifest(written(tmp_path, environ, argv))

    text = run.manifest.read_text()
    assert "hunter2" not in text
    assert json.loads(text)["git"]["remote"] == "https://example.org/x.git?token=<redacted>"


def test_the_whole_takes_well_under_a_second(tmp_path):
    start = time.perf_counter()

    collect_environment([], {}, tmp_path)

    assert time.perf_counter() - start < 1
