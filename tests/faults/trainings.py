"""Real trainings on a disk that fails, or in a process that is killed, and what the runs come to in the end.

`python -m faults.trainings FOLDER FEW` trains on what KERAS_BACKEND names and tries every change to the disk
in each way, or, where FEW is 1, one change of each kind to each file; it writes how many it tried,
how many struck and what went wrong, as JSON.
"""

import json
import os
import re
import shutil
import sys
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fakes import FakeDisplay, digits
from resuming import outcome, resume, train

from faults.disk import FAULTS, Disk, Killed, Moment, deadly, failing, installed
from kexp.cli.described import record_of
from kexp.errors import RunFailed, RunRefused
from kexp.record.query import list_runs
from kexp.record.rundir import RunDir
from kexp.record.status import is_begun
from kexp.record.trust import local_key

SPEC = digits(epochs=2, split="{val: 0.1, test: 0.75, stratify: true}", more="checkpoint: {every: 1 step}")
"""269 samples to train with: 3 steps an epoch."""

WAYS = ("a kill", *FAULTS)

Kind = tuple[str, str]
"""A change and the name of its file, without what is another in every run."""

_OTHER = re.compile(r"\.[0-9a-f]{8}\.tmp|\d{10}")


def whole_run(path: Path) -> tuple[dict[str, Any], list[Kind]]:
    """Return what a run is that nothing hit, and the changes to the disk that it made."""
    local_key()  # which the first run would make
    with installed(Disk()) as disk:
        run = train(SPEC, path)
    return outcome(run), [_kind(event[0], event[1]) for event in disk.events]


def finished(run: RunDir) -> dict[str, Any]:
    """Go on with a run until it is completed, as `kexp train --run-dir` would."""
    summaries = list_runs(run.path.parent)
    assert [summary.problem for summary in summaries] == [None] * len(summaries)
    if not is_begun(run):
        return outcome(train(SPEC, run.path))
    assert record_of(run)["state"] in ("completed", "failed", "interrupted")
    display = FakeDisplay()
    found = outcome(resume(run, display))
    assert not any("the state before it is taken" in note for note in display.notes)
    return found


def killed_at(path: Path, moment: Moment) -> RunDir:
    with installed(Disk(before=deadly(moment))):
        try:
            train(SPEC, path)
        except Killed:
            return RunDir(path)
    raise AssertionError("the training ended before it was killed")


def hit(path: Path, way: str, moment: Moment) -> str:
    """Train on a disk that fails; return how that ended."""
    with installed(Disk(before=failing(moment, *FAULTS[way]))):
        try:
            train(SPEC, path)
        except (RunFailed, RunRefused) as error:
            assert os.strerror(FAULTS[way][0]) in str(error)
            return error.diagnostics[0].id
    return "completed"


def _kind(name: str, path: str) -> Kind:
    return name, _OTHER.sub("", path.rpartition("/")[2])


@dataclass
class Nth:
    """The nth change of a kind, whatever the thread that saves did meanwhile."""

    kind: Kind
    nth: int
    met: list[int] = field(default_factory=list)

    def __call__(self, number: int, name: str, path: str) -> bool:
        if _kind(name, path) == self.kind:
            self.met.append(number)
        return self.came and self.met[self.nth - 1] == number

    @property
    def came(self) -> bool:
        return len(self.met) >= self.nth


def _points(changes: list[Kind], few: bool) -> list[tuple[Kind, int]]:
    """Return the changes to try; what comes before the run is locked is no change of its own."""
    counts = Counter(changes[changes.index(("open", "lock")) + 1 :])
    first = Counter(changes) - counts
    return [
        (kind, first[kind] + nth)
        for kind, count in counts.items()
        for nth in range(1, 2 if few else count + 1)
    ]


def main(folder: Path, few: bool) -> None:
    os.environ["KEXP_CONFIG"] = str(folder / "config")
    whole, changes = whole_run(folder / "whole" / "run")
    points = _points(changes, few)
    reports = {}
    for way in WAYS:
        wrong, struck = [], 0
        for kind, nth in points:
            path, moment = folder / "hit" / "run", Nth(kind, nth)
            path.parent.mkdir()
            try:
                killed_at(path, moment) if way == "a kill" else hit(path, way, moment)
                assert finished(RunDir(path)) == whole
            except Exception:
                wrong.append(f"{way}, {kind}, number {nth}: {traceback.format_exc(limit=-4)}")
            shutil.rmtree(path.parent)
            struck += moment.came
        reports[way] = {"tried": len(points), "struck": struck, "wrong": wrong}
    sys.stdout.write(json.dumps(reports))


if __name__ == "__main__":
    main(Path(sys.argv[1]), few=sys.argv[2] == "1")
