"""How much of an epoch a GPU computes: what kernels and copies take by a trace, of an epoch without one.

Expected before it was measured: over 90 % for the CNN, since a segment of steps asks nothing of Python;
less where the kernels of a step take microseconds.
"""

import gzip
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from tests.benchmarks.tables import Table

if TYPE_CHECKING:
    from tests.benchmarks.workloads import Work

_EPOCHS = 5


def tables(device: str = "gpu") -> Iterator[Table]:
    from fakes import machine

    machine(device)
    from tests.benchmarks.workloads import Plain, Segmented, works

    rows = [(name, _percent(Plain, work), _percent(Segmented, work)) for name, work in works().items()]
    yield Table("How busy the device is", ("workload", "fit, %", "kexp, %"), rows)


def _percent(kind: Callable[["Work"], Any], work: "Work") -> float:
    way = kind(work)
    way.epochs(2)
    seconds = median(way.epochs(_EPOCHS))
    with tempfile.TemporaryDirectory() as folder:
        _traced(lambda: way.epochs(1), folder)
        busy = _covered(span for file in Path(folder).rglob("*.trace.json.gz") for span in _spans(file))
    way.close()
    return 100 * busy / seconds


def _traced(act: Callable[[], object], folder: str) -> None:
    """Trace the device alone: Python's and the runtime's own events would slow the epoch."""
    import keras

    if keras.backend.backend() == "jax":
        import jax

        options = jax.profiler.ProfileOptions()
        options.host_tracer_level = options.python_tracer_level = 0
        with jax.profiler.trace(folder, profiler_options=options):
            act()
        return
    from tensorflow.profiler import experimental as profiler

    with profiler.Profile(folder, profiler.ProfilerOptions(0, 0, 1)):
        act()


def _spans(file: Path) -> Iterator[tuple[float, float]]:
    """Yield when something began and ended on a stream of a GPU, in seconds."""
    events = json.loads(gzip.decompress(file.read_bytes()))["traceEvents"]
    named = [event for event in events if event.get("ph") == "M"]
    devices = {each["pid"] for each in named if "/device:GPU" in str(each["args"].get("name"))}
    streams = {
        (each["pid"], each["tid"])
        for each in named
        if each["name"] == "thread_name" and each["pid"] in devices and "Stream" in each["args"]["name"]
    }
    for event in events:
        if event.get("ph") == "X" and (event["pid"], event["tid"]) in streams:
            yield event["ts"] / 1e6, (event["ts"] + event["dur"]) / 1e6


def _covered(spans: Iterator[tuple[float, float]]) -> float:
    """Return how long at least one of the spans lasts."""
    covered, until = 0.0, float("-inf")
    for begin, end in sorted(spans):
        covered += max(0.0, end - max(begin, until))
        until = max(until, end)
    return covered
