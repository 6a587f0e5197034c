"""What it takes to write down the environment of a run, each time in a process of its own.

Expected before it was measured: under a second with a hundred distributions; hashing the data is not in it.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from statistics import median, quantiles

from tests.benchmarks.tables import Table

_CODE = """
import json, os, sys, time
from datetime import UTC, datetime
from pathlib import Path
from kexp.record.distributions import requirements
from kexp.record.environment import collect_environment
from kexp.record.git import git_diff
from kexp.record.rundir import RunDir

here, run = Path.cwd(), RunDir.create(Path(sys.argv[1]), "manifest", datetime.now(UTC))
times = [time.perf_counter()]
environment = collect_environment(("kexp", "train"), os.environ, here, datetime.now(UTC))
times.append(time.perf_counter())
text = requirements(environment["distributions"])
times.append(time.perf_counter())
diff = git_diff(here)
times.append(time.perf_counter())
run.write_manifest(dict(environment))
run.write_requirements(text)
run.write_source_diff(diff)
times.append(time.perf_counter())
seconds = [after - before for before, after in zip(times, times[1:])]
print(json.dumps({"seconds": seconds, "distributions": len(environment["distributions"])}))
"""
_PARTS = ("collect the environment", "requirements.txt", "the diff of the checkout", "write the three files")


def tables(rounds: int = 7) -> Iterator[Table]:
    with tempfile.TemporaryDirectory() as folder:
        found = [_measured(folder) for _ in range(rounds + 1)][1:]
    parts = [*zip(*(each["seconds"] for each in found), strict=True)]
    totals = [sum(each["seconds"]) for each in found]
    rows = [_row(name, times) for name, times in zip((*_PARTS, "all"), (*parts, totals), strict=True)]
    note = f"Medians of {rounds} processes; {found[0]['distributions']} distributions are installed."
    yield Table("The manifest", ("part", "s", "middle half"), rows, note)


def _measured(folder: str) -> dict[str, object]:
    done = subprocess.run([sys.executable, "-c", _CODE, folder], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def _row(name: str, seconds: tuple[float, ...]) -> tuple[str, float, str]:
    low, _, high = quantiles(seconds, n=4)
    return name, median(seconds), f"{low:.3f} to {high:.3f}"
