"""What strangers send takes less than a gigabyte beyond a plain start, measured in processes of their own."""

import subprocess
import sys
from pathlib import Path

import pytest
from fakes import environment

pytestmark = pytest.mark.xdist_group("cli")

TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize("kind", [pytest.param("looking", marks=pytest.mark.slow), "running"])
def test_memory_stays_below_a_gigabyte_beyond_a_plain_start(kind, tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "hostile.measure", kind, tmp_path],
        cwd=TESTS,
        env=environment({"TF_CPP_MIN_LOG_LEVEL": "3"}),
        capture_output=True,
        timeout=600,
        check=False,
    )

    assert done.returncode == 0, done.stderr.decode()[-2000:]
    assert int(done.stdout) < 1 << 30
