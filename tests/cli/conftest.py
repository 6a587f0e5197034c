import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import environment

from kexp.record.rundir import RunDir

CONFIGS = Path(__file__).parents[2] / "configs"
Kexp = Callable[..., subprocess.CompletedProcess[str]]


def run_kexp(
    *arguments: str | Path, cwd: Path, stdin: bytes = b"", **env: str
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "kexp", *map(str, arguments)],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        env=environment(env),
        timeout=120,
        check=False,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture
def kexp(tmp_path: Path) -> Kexp:
    """Run the command line in `tmp_path`, off a terminal."""

    def run(*arguments: str | Path, stdin: bytes = b"", **env: str) -> subprocess.CompletedProcess[str]:
        return run_kexp(*arguments, cwd=tmp_path, stdin=stdin, **env)

    return run


@pytest.fixture(scope="session")
def training(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """Train digits-mlp for two epochs, once for all tests; its stdout is the run's path."""
    folder = tmp_path_factory.mktemp("trained")
    done = run_kexp(
        "train",
        CONFIGS / "digits-mlp.yaml",
        "-s",
        "train.epochs=2",
        "--tag",
        "first",
        cwd=folder,
        KEXP_RUNS=str(folder / "runs"),
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="session")
def trained(training: subprocess.CompletedProcess[str]) -> RunDir:
    return RunDir(Path(training.stdout.strip()))
