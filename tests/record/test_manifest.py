import json
import subprocess
import sys
import time
from datetime import UTC, datetime

from kexp.record.environment import recorded_variables
from kexp.record.manifest import collect_environment, git_diff, manifest, requirements
from kexp.record.rundir import RunDir

NOW = datetime(2026, 11, 23, 9, 14, 55, tzinfo=UTC)


def test_the_schema_comes_first_and_sections_last(tmp_path):
    environment = collect_environment(["kexp", "train", "a.yaml"], {}, tmp_path, NOW)

    whole = manifest(environment, {"keras": {"version": "3.15.1"}})

    assert list(whole) == [
        "schema",
        "started",
        "kexp",
        "command",
        "python",
        "platform",
        "hostname",
        "cpu",
        "memory",
        "variables",
        "git",
        "distributions",
        "keras",
    ]
    assert whole["schema"] == 1
    assert whole["started"] == "2026-11-23T09:14:55Z"
    assert whole["command"] == ["kexp", "train", "a.yaml"]
    assert whole["python"]["executable"] == sys.executable
    assert (whole["variables"], whole["git"]) == ({}, None)
    assert "pytest==" in requirements(environment["distributions"])
    assert git_diff(tmp_path) == b""


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

    run.write_manifest(manifest(collect_environment(argv, environ, tmp_path, NOW), {}))

    text = run.manifest.read_text()
    assert "hunter2" not in text
    assert json.loads(text)["git"]["remote"] == "https://example.org/x.git?token=<redacted>"


def test_the_whole_takes_well_under_a_second(tmp_path):
    start = time.perf_counter()

    collect_environment([], {}, tmp_path)

    assert time.perf_counter() - start < 1
