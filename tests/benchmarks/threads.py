"""Epochs of the engine with `runtime.threads: 1` against as many threads as there are CPUs.

Each number of threads in a process of its own. Expected before it was measured: steps of less than a
millisecond are faster on one thread, since handing an operation to another takes longer than the operation;
convolutions are slower.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from statistics import median

from tests.benchmarks.tables import Table

_CHILD = """\
import json, sys
from statistics import median
sys.path[:0] = {path!r}
from kexp.spec.types import Runtime
from kexp.train.backend import prepare
prepare(Runtime({backend!r}, device="cpu", threads={threads!r}), 0)
from tests.benchmarks.workloads import Segmented, works
found = {{}}
for name, work in works().items():
    way = Segmented(work)
    way.epochs(3)
    steps = -(-len(work.x) // work.batch_size)
    found[name] = median(way.epochs(2 * work.epochs + 1)[1:]) / steps
    way.close()
print(json.dumps(found))
"""


def tables(rounds: int = 3) -> Iterator[Table]:
    found = [(_seconds(None), _seconds(1)) for _ in range(rounds)]
    rows = []
    for name in found[0][0]:
        many, one = (median(each[name] for each in way) for way in zip(*found, strict=True))
        rows.append((name, 1e3 * many, 1e3 * one, many / one))
    header = ("workload", "all CPUs, ms", "one thread, ms", "ratio")
    yield Table("A step, by threads", header, rows, f"Medians of {rounds} processes each, the two in turn.")


def _seconds(threads: int | None) -> Mapping[str, float]:
    """Return the seconds of a step of each workload."""
    code = _CHILD.format(path=sys.path, backend=os.environ["KERAS_BACKEND"], threads=threads)
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    seconds: Mapping[str, float] = json.loads(told.stdout.splitlines()[-1])
    return seconds
