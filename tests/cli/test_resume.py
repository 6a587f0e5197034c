"""Real processes, ended by real signals, and gone on with."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from fakes import digits, environment
from safetensors import safe_open

from kexp.record.rundir import RunDir
from kexp.record.status import derive_state, read_status

pytestmark = pytest.mark.xdist_group("cli")

SPEC = digits(epochs=400, more="checkpoint: {every: 3 steps}").replace("val: 0.15", "val: 0.1")


def begun(tmp_path, *arguments):
    """Start a training in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "kexp", *map(str, arguments)],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment({}),
        text=True,
    )


def until_saved(run, process, step=30):
    """Wait until a run has saved a state after a step."""
    while process.poll() is None:
        if run.last_checkpoint is not None and int(run.last_checkpoint.stem.removeprefix("step-")) >= step:
            return
        time.sleep(0.01)
    raise AssertionError(process.stderr.read())


def ended(tmp_path, number, spec=SPEC):
    """Begin a run in `tmp_path/run` and end it by a signal."""
    (tmp_path / "spec.yaml").write_text(spec)
    run = RunDir(tmp_path / "run")
    process = begun(tmp_path, "train", "spec.yaml", "--run-dir", "run")
    until_saved(run, process)
    process.send_signal(number)
    process.communicate()
    return run, process.returncode


def told(run):
    """Return what must be the same, whatever ended the run: all that it keeps, but for names and times."""
    status = read_status(run)
    rows = re.sub(r'"seconds": [^,]+', "", run.metrics.read_text())
    with safe_open(run.last_checkpoint, "numpy") as state:
        arrays = {key: state.get_tensor(key).tobytes() for key in state.keys()}  # noqa: SIM118
        record = json.loads(state.metadata()["kexp"])
    record = {name: value for name, value in record.items() if name not in ("run", "best_row", "sha256")}
    return status.state, status.weights_sha256, status.metrics, status.best, rows, arrays, record


@pytest.fixture(scope="module")
def short():
    return SPEC.replace("epochs: 400", "epochs: 12")


@pytest.mark.parametrize(
    "backend", ["tensorflow", *(pytest.param(name, marks=pytest.mark.slow) for name in ("jax", "torch"))]
)
def test_a_killed_process_goes_on_where_it_was(kexp, tmp_path, short, backend):
    short += f"runtime: {{backend: {backend}}}\n"
    (tmp_path / "whole.yaml").write_text(short)
    assert kexp("train", "whole.yaml", "--run-dir", "whole").returncode == 0
    run, code = ended(tmp_path, signal.SIGKILL, short)
    state = derive_state(read_status(run), run.is_locked())
    done = kexp("resume", "run")

    assert (code, state, done.returncode, done.stdout) == (-9, "interrupted", 0, f"{run.path}\n")
    found, expected = told(run), told(RunDir(tmp_path / "whole"))
    assert {key.split("/")[0] for key in found[5]} >= {"model", "optimizer", "metrics"}
    assert found == expected
    again = kexp("train", "spec.yaml", "--run-dir", "run")
    assert (again.returncode, again.stderr) == (
        0,
        "note: `run` is completed; `kexp resume run --epochs N` trains it for longer\n",
    )


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow)]
)
def test_a_signal_stops_a_run_that_train_takes_up_again(kexp, tmp_path, number, code):
    run, found = ended(tmp_path, number)

    assert (found, read_status(run).state) == (code, "stopped")
    assert run.last_checkpoint == run.state(read_status(run).step)
    other = SPEC.replace("units: 8", "units: 9")
    (tmp_path / "other.yaml").write_text(other)
    refused = kexp("train", "other.yaml", "--run-dir", "run")
    assert refused.returncode == 2
    assert refused.stderr.startswith("error[another-spec]: `run` holds a run of another spec\n  model:\n")
    shorter = kexp("resume", "run", "--epochs", "399")
    assert (shorter.returncode, shorter.stderr) == (
        2,
        "error[fewer-epochs]: `run` trains 400 epochs, and 399 were asked for; expected as many or more\n"
        "help: train a run of its own with `kexp train`; without a change this one goes on as it began\n",
    )


@pytest.mark.slow
def test_one_of_eight_that_go_on_with_a_run_at_once_wins(tmp_path):
    ended(tmp_path, signal.SIGKILL)
    processes = [begun(tmp_path, "resume", "run", "-q") for _ in range(8)]
    while sum(process.poll() is None for process in processes) > 1:
        time.sleep(0.05)
    (winner,) = [process for process in processes if process.poll() is None]
    winner.kill()
    said = [process.communicate()[1] for process in processes]

    assert sorted(process.returncode for process in processes) == [-9] + [8] * 7
    refusals = [text for text, process in zip(said, processes, strict=True) if process is not winner]
    assert {re.sub(r"process \d+", "process N", text).splitlines()[0] for text in refusals} == {
        "error[run-locked]: process N is using run `run`"
    }


def test_a_directory_with_something_else_is_refused(kexp, tmp_path):
    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "todo.txt").write_text("")
    done = kexp("train", "spec.yaml", "--run-dir", "notes")

    assert (done.returncode, done.stderr) == (
        8,
        "error[not-a-run]: `notes` holds `todo.txt` and no run\n"
        "help: name an empty directory, or one that is not there yet\n",
    )


def test_a_run_that_lost_its_status_is_not_begun_upon(kexp, trained, tmp_path):
    (tmp_path / "spec.yaml").write_bytes(trained.spec.read_bytes())
    shutil.copytree(trained.path, tmp_path / "sent")
    (tmp_path / "sent" / "status.json").unlink()
    before = written(tmp_path / "sent")
    done = kexp("train", "spec.yaml", "--run-dir", "sent")

    assert (done.returncode, done.stdout, done.stderr) == (
        8,
        "",
        "error[not-a-run]: `sent` holds `SHA256SUMS`, and is not a run of this spec\n"
        "help: name an empty directory, or one that is not there yet\n",
    )
    assert written(tmp_path / "sent") == before


def written(folder):
    """Return when each file and folder was written last; to look into a folder writes nothing."""
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.rglob("*")}


def test_32_runs_that_begin_at_once_are_32(tmp_path):
    code = (
        "import sys; from datetime import UTC, datetime; from pathlib import Path\n"
        "from kexp.record.rundir import RunDir\n"
        "sys.stdin.readline()\n"
        "print(RunDir.create(Path('runs'), 'same', datetime(2026, 11, 23, tzinfo=UTC)).id)\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(32)
    ]
    with ThreadPoolExecutor(32) as pool:
        ids = [*pool.map(lambda process: process.communicate("\n")[0].strip(), processes)]

    assert len(set(ids)) == 32
    assert sorted(ids) == sorted(path.name for path in (tmp_path / "runs").iterdir())
