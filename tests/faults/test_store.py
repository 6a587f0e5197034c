"""Whatever fails, kills or cuts the power where the store changes the disk: nothing kept is lost."""

import ast
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from faults.disk import Disk, installed
from faults.power import Memory
from kexp.record.files import append_line, make_folder, write_atomically

pytestmark = pytest.mark.xdist_group("cli")

TESTS = Path(__file__).parents[1]
KEXP = TESTS.parent / "kexp"

LIVES = ("training", "change", "afterwards")
WAYS = (
    *("kills", "EIO", "ENOSPC", "a full disk"),
    *("power, nothing kept", "power, names kept", "power, anything kept"),
)
CHANGES = {"unlink", "mkdir", "rmdir", "rmtree", "write_bytes", "write_text", "touch", "symlink_to", "fsync"}
"""What changes the disk, by the names of methods that nothing else has."""


SAVING = ("saving.py", "checkpoints.py", "opening.py", "ending.py", "resume.py")


@pytest.mark.parametrize("every", [12, pytest.param(1, marks=pytest.mark.slow)])
def test_every_change_may_fail_or_be_the_last(every, tmp_path):
    """Try one of `every` changes, in every way."""
    done = subprocess.run(
        [sys.executable, "-m", "faults.sweeps", str(tmp_path), str(every)],
        cwd=TESTS,
        env={**os.environ, "KERAS_BACKEND": "numpy"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    reports = json.loads(done.stdout)

    assert {name: report["wrong"] for name, report in reports.items()} == {
        f"{life}: {way}": [] for life in LIVES for way in WAYS
    }
    assert sum(report["points"] for report in reports.values()) * every > 1500


def test_the_store_changes_the_disk_in_one_module():
    found = {
        f"{path.relative_to(KEXP)}: {node.attr}"
        for path in [*(KEXP / "record").glob("*.py"), *(KEXP / "train" / name for name in SAVING)]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in CHANGES
    }

    assert {name.partition(":")[0] for name in found} == {"record/files.py"}


# ---------------------------------------------------------------- a power cut as it is imitated


def left(tmp_path, disk, survivors):
    """Return the files that a power cut leaves, with what they hold."""
    root, place = tmp_path / "root", tmp_path / survivors
    Memory(root).make(disk.events).leave(place, survivors, random.Random(0))
    return {p.relative_to(place).as_posix(): p.read_bytes() for p in place.rglob("*") if p.is_file()}


def test_what_was_written_atomically_outlasts_a_power_cut(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    with installed(Disk()) as disk:
        make_folder(root / "folder")
        write_atomically(root / "folder" / "whole", b"new")
        append_line(root / "lines", "one")

    expected = {"folder/whole": b"new", "lines": b"one\n"}
    assert left(tmp_path, disk, "nothing") == left(tmp_path, disk, "names") == expected


def test_what_was_not_synced_is_lost_in_part_or_whole(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    disk = Disk()
    written = disk.open(root / "half", os.O_CREAT | os.O_WRONLY)
    disk.write(written, b"1234")
    disk.fsync(written)
    disk.write(written, b"5678")
    os.close(written)

    assert left(tmp_path, disk, "nothing") == {}
    assert left(tmp_path, disk, "names") == {"half": b"12"}
