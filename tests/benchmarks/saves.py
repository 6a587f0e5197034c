"""Kill processes at random moments while they save, and look for states that are lost or not what they were.

A process does nothing but save the whole state of a model of a million parameters and its best weights;
SIGKILL comes at a random moment of a save, and the next process goes on from what is found. Expected before
it was measured: nothing that was said to be saved is lost, and every file is whole.
"""

import os
import random
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.benchmarks.tables import Table

if TYPE_CHECKING:
    from kexp.record.rundir import RunDir

SIDE = 1000
"""Of the square matrix that stands for the weights; the optimizer has two more of them."""


def tables(rounds: int = 1000) -> Iterator[Table]:
    """Kill `rounds` processes."""
    os.environ["KERAS_BACKEND"] = "numpy"  # which starts no threads, so that the process can fork
    from kexp.record.rundir import RunDir

    with tempfile.TemporaryDirectory(prefix="kexp-saves-") as folder:
        run = RunDir.create(Path(folder), "saves", datetime.now(UTC))
        counts = _killed(run, rounds)
    note = "Lost: the newest whole state is older than the last that was said to be saved."
    yield Table("SIGKILL during a save of 12 MB and 4 MB", tuple(counts), (tuple(counts.values()),), note)


def _killed(run: "RunDir", rounds: int) -> dict[str, int]:
    from fakes import FakeDisplay
    from faults.children import child

    counts = dict.fromkeys(("kills", "half files beside", "not whole", "lost", "mismatched"), 0)
    moments, step = random.Random(0), 0
    for _ in range(rounds):
        with child(partial(_save_on, run, step)) as saving:
            saving.words.readline()
            began = time.perf_counter()
            last = int(saving.words.readline())
            time.sleep(moments.uniform(0, time.perf_counter() - began))
            os.kill(saving.process, signal.SIGKILL)
            _, said = saving.end()
        last = max([last, *map(int, said)])
        counts["kills"] += 1
        counts["half files beside"] += any(run.checkpoints.glob(".*"))
        display = FakeDisplay()
        step, is_right = _found(run, display)
        counts["not whole"] += len(display.notes)
        counts["lost"] += step < last
        counts["mismatched"] += not is_right
    return counts


def _save_on(run: "RunDir", step: int, say: Callable[[str], None]) -> None:
    """Save one state after another, in the thread that a training saves in."""
    from kexp.graph.checkpoint import pack
    from kexp.train.saving import Saver
    from kexp.train.state import State

    def write(step: int) -> None:
        arrays = _arrays(step)
        run.write_best(pack({"model": arrays["model"]}, {"step": step}))
        run.write_state(step, State({"step": step, "offset": 0, "best": None}, arrays).packed())

    with run.lock():
        saver = Saver()
        while True:
            step += 1
            saver.begin(partial(write, step))
            error = saver.wait()
            assert error is None, error
            say(str(step))


def _found(run: "RunDir", display: Any) -> tuple[int, bool]:
    """Return the step of the newest whole state, and whether it and the best weights are right."""
    from kexp.graph.checkpoint import unpack
    from kexp.train.resume import newest_state

    state = newest_state(run, display)
    assert state is not None and run.best_checkpoint is not None
    arrays = _arrays(state.step)
    is_right = set(state.arrays) == set(arrays) and all((state.arrays[k] == arrays[k]).all() for k in arrays)
    best = unpack(run.best_checkpoint.read_bytes(), "best")["model"]
    return state.step, bool(is_right and best[0, 0] in (state.step, state.step + 1) and _is_even(best))


def _is_even(array: Any) -> bool:
    return bool((array == array[0, 0]).all())


def _arrays(step: int) -> dict[str, Any]:
    import numpy as np

    names = ("model", "optimizer/momentum", "optimizer/velocity")
    return {name: np.full((SIDE, SIDE), step + index, np.float32) for index, name in enumerate(names)}
