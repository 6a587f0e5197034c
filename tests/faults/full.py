"""Trainings on a small file system that others fill: `python -m faults.full FOLDER` tells what came of them.

`FOLDER` is where that file system is; the run that nothing hit is trained beside it.
"""

import json
import os
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fakes import FakeDisplay, digits
from resuming import Ender, outcome, resume, train

from kexp.cli.described import record_of
from kexp.errors import KexpError
from kexp.record.query import list_runs
from kexp.record.rundir import RunDir
from kexp.record.status import read_status

SPEC = digits(epochs=3, split="{val: 0.1, test: 0.75, stratify: true}", more="checkpoint: {every: 1 step}")
SPEC = SPEC.replace("units: 8", "units: 512")
"""Three steps an epoch, and states of some 450 KiB."""


@dataclass
class Others:
    """Whoever else writes to the file system."""

    file: Path

    def fill(self, run: RunDir, step: int, left_bytes: int) -> None:
        """Fill it once the state of a step is saved, and the old one dropped."""
        while run.states() != [run.state(step - 1), run.state(step)]:
            time.sleep(0.01)
        with self.file.open("wb", buffering=0) as stream:
            size_bytes = shutil.disk_usage(self.file.parent).free - left_bytes
            try:
                stream.write(bytes(max(0, size_bytes)))
                while not left_bytes:
                    stream.write(bytes(512))
            except OSError:
                pass

    def leave(self) -> None:
        self.file.unlink()


@dataclass
class FreedLater(Ender):
    """Ender whose filled disk is freed when an epoch begins."""

    others: Others | None = None
    epoch: int = 3

    def epoch_begins(self, epoch: int) -> None:
        super().epoch_begins(epoch)
        if epoch == self.epoch and self.others is not None:
            self.others.leave()


def filled_for_a_while(folder: Path) -> dict[str, Any]:
    """Leave room for what is small, and for no state, until the last epoch begins."""
    others, run = Others(folder / "filler"), RunDir(folder / "while")
    display = FreedLater(at=4, end=lambda: others.fill(run, 3, 200_000), others=others)
    train(SPEC, run.path, display)
    return {"notes": sorted(set(display.notes)), "found": outcome(run)}


def filled_for_good(folder: Path) -> dict[str, Any]:
    """Leave no room at all, and go on with the run once there is some again."""
    others, run = Others(folder / "filler"), RunDir(folder / "good")
    error = ""
    try:
        train(SPEC, run.path, Ender(at=5, end=lambda: others.fill(run, 4, 0)))
    except KexpError as failure:
        error = str(failure)
    listed = [(summary.id, summary.problem) for summary in list_runs(folder) if summary.id == "good"]
    last = run.last_checkpoint
    shown = record_of(run)["state"]
    others.leave()
    return {
        "error": error,
        "listed": listed,
        "shown": shown,
        "last": last.name if last else "",
        "found": outcome(resume(run, FakeDisplay())),
        "status": read_status(run).state,
    }


def main(folder: Path) -> None:
    os.environ["KEXP_CONFIG"] = str(folder.parent / "config")
    whole = outcome(train(SPEC, folder.parent / "whole"))
    found = {"a while": filled_for_a_while(folder), "good": filled_for_good(folder)}
    for told in found.values():
        told["same"] = told.pop("found") == whole
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
