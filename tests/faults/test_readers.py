"""Many processes at once: readers beside a training, and trainings beside each other."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fakes import digits, environment

from kexp.cli.described import record_of
from kexp.record.query import list_runs
from kexp.record.rundir import RunDir

pytestmark = pytest.mark.xdist_group("cli")

SPEC = digits(
    epochs=40, split="{val: 0.1, test: 0.75, stratify: true}", more="checkpoint: {every: 1 step, keep: 3}"
)
BYTES_EACH = 700 << 20
"""What a training of digits takes of the memory, in the backend most of all."""


def kexp(tmp_path, *arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "kexp", *arguments],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment({}),
        text=True,
    )


def answer(tmp_path, *command):
    out, error = kexp(tmp_path, *command).communicate()
    assert error == ""
    return json.loads(out)


def test_readers_beside_a_training_see_no_half_of_anything(tmp_path):
    (tmp_path / "spec.yaml").write_text(SPEC)
    process = kexp(tmp_path, "train", "spec.yaml", "-q")
    states, num_epochs, looks, answers = set(), 0, 0, []
    while process.poll() is None:
        for summary in list_runs(tmp_path / "runs"):
            assert summary.problem is None
            states.add(summary.state)
            record = record_of(RunDir(summary.path))
            epochs = [row["epoch"] for row in record["history"]]
            assert epochs == [*range(1, len(epochs) + 1)]
            assert len(epochs) >= max(record["epoch"], num_epochs)
            num_epochs, looks = len(epochs), looks + 1
        if num_epochs and not answers:
            answers = [answer(tmp_path, "ls", "--json"), answer(tmp_path, "show", "latest", "--json")]
    _, error = process.communicate()

    assert process.returncode == 0, error
    assert (looks > 50, states - {"created", "completed"}) == (True, {"running"})
    assert [run.state for run in list_runs(tmp_path / "runs")] == ["completed"]
    listed, shown = answers
    assert [run["name"] for run in listed["runs"]] == ["digits"]
    assert [row["epoch"] for row in shown["history"]][:1] == [1]


@pytest.mark.slow
def test_32_trainings_that_begin_at_once_are_32_runs(tmp_path):
    (tmp_path / "spec.yaml").write_text(SPEC.replace("epochs: 40", "epochs: 1"))
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")

    def trained(number):
        process = kexp(tmp_path, "train", "spec.yaml", "-q")
        out, error = process.communicate()
        return process.returncode, error, Path(out.strip()).name

    with ThreadPoolExecutor(max(2, min(32, free // BYTES_EACH))) as pool:
        ended = [*pool.map(trained, range(32))]

    assert [(code, error) for code, error, _ in ended] == [(0, "")] * 32
    assert sorted(name for _, _, name in ended) == sorted(path.name for path in (tmp_path / "runs").iterdir())
    assert [run.state for run in list_runs(tmp_path / "runs")] == ["completed"] * 32
