"""A file system that is really full, in a name space of its own where the machine allows one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("cli")

TESTS = Path(__file__).parents[1]
MOUNT = 'mount -t tmpfs -o size=4m tmpfs "$1" && shift && exec "$@"'


def beside_others(folder, *command):
    """Run a command that finds a file system of 4 MiB in a folder."""
    return subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", MOUNT, "sh", str(folder), *command],
        cwd=TESTS,
        capture_output=True,
        text=True,
    )


def test_a_full_disk_costs_no_state(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    try:
        tried = beside_others(folder, "true")
    except FileNotFoundError:
        pytest.skip("there is no `unshare` to mount a small file system with")
    if tried.returncode:
        pytest.skip(f"no small file system can be mounted here: {tried.stderr.strip()}")
    done = beside_others(folder, sys.executable, "-m", "faults.full", str(folder))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)

    no_space = os.strerror(28)
    assert found["a while"] == {
        "notes": [f"the checkpoint could not be saved: {no_space}"],
        "same": True,
    }
    assert found["good"] == {
        "error": (
            f"error[run-not-written]: the run in {folder}/good could not be written: {no_space}\n"
            "help: what was written before is kept"
        ),
        "listed": [["good", None]],
        "last": "step-0000000004.safetensors",
        "shown": "interrupted",
        "same": True,
        "status": "completed",
    }
