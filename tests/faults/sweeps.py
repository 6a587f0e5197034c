"""Every change to the disk in the life of a run, failed, killed or cut off, and what the store makes of it.

A process of its own: it forks, and has no backend. `python -m faults.sweeps FOLDER EVERY` tries one change of
`EVERY` in each way, and writes how many it tried and what went wrong, as JSON.
"""

import json
import os
import random
import shutil
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from faults.children import forked
from faults.disk import FAULTS, Disk, change, failing, installed
from faults.life import Life, Say
from faults.lives import LIVES
from faults.power import SURVIVORS, Memory
from kexp.errors import KexpError


@dataclass
class Report:
    """`endings` counts how lives ended; `wrong` says what was not as promised, and where."""

    points: int = 0
    endings: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


class Sweep:
    def __init__(self, life: Life, folder: Path, every: int) -> None:
        self.life, self.root, self.report = life, folder / "root", Report()
        self.said: list[tuple[int, str]] = []
        disk = self._begun(Disk())
        self.at_first = [*disk.events]
        with installed(disk):
            life.live(self.root, lambda word: self.said.append((disk.number, word)))
        self.events = disk.events
        self.points = range(len(self.at_first) + 1, len(self.events) + 1)[every // 2 :: every]
        self.whole = life.told(self.root)

    def _begun(self, disk: Disk) -> Disk:
        """Bring the folder to where the life begins."""
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir(parents=True)
        with installed(disk):
            self.life.prepare(self.root)
        return disk

    def _judge(self, point: str, said: Iterable[str], is_key_lost: bool = False) -> None:
        """Check that the run is legal, that nothing kept is lost, and that it ends as if nothing was."""
        self.report.points += 1
        try:
            self.life.check(self.root, [*said], is_key_lost)
            with installed(Disk()):
                self.life.live(self.root, lambda word: None, trust=is_key_lost)
            found = self.life.told(self.root)
            differs = [key for key in found if found[key] != self.whole[key]]
            if differs and not is_key_lost:
                self.report.wrong.append(f"{point}: {differs} differ")
        except Exception:
            self.report.wrong.append(f"{point}: {traceback.format_exc(limit=-4)}")

    # ---------------------------------------------------------------- the sweeps

    def kills(self) -> None:
        """Kill a process after each change; nothing is killed before the first or after the last."""
        for at in self.points:
            self._begun(Disk())
            code, said = forked(partial(self._killed, at - len(self.at_first)))
            if code != -signal.SIGKILL:
                self.report.wrong.append(f"kill after {at}: it ended with {code}")
            self._judge(f"kill after {at}, {self.events[at - 1][:2]}", said)

    def _killed(self, at: int, say: Say) -> None:
        def kill(number: int, name: str, path: str) -> None:
            if number == at:
                os.kill(os.getpid(), signal.SIGKILL)

        with installed(Disk(after=kill)):
            self.life.live(self.root, say)

    def errors(self, kind: str) -> None:
        """Fail each change; what is raised must say why, and nothing but a refusal may be raised."""
        number, is_lasting = FAULTS[kind]
        for at in self.points:
            self._begun(Disk())
            said: list[str] = []
            point, ending = f"{kind} at {at}, {self.events[at - 1][:2]}", "completed"
            with installed(Disk(before=failing(change(at - len(self.at_first)), number, is_lasting))):
                try:
                    self.life.live(self.root, said.append)
                except KexpError as error:
                    ending = error.diagnostics[0].id
                    if os.strerror(number) not in str(error):
                        self.report.wrong.append(f"{point}: {error}")
                except Exception:
                    self.report.wrong.append(f"{point}: {traceback.format_exc(limit=-4)}")
            self.report.endings[ending] += 1
            self._judge(point, said, is_key_lost=self._is_key_lost(at))

    def _is_key_lost(self, at: int) -> bool:
        """Tell whether the run was begun while no key could be had: it is then nobody's."""
        near = {event[1].rpartition("/")[2] for event in self.events[at - 2 : at]}
        was_failing = "config" in near or any("/config/" in event[1] for event in self.events[at - 2 : at])
        return was_failing and self.life.is_unvouched(self.root)

    def power(self, survivors: str) -> None:
        """Cut the power after each change."""
        chance = random.Random(0)
        for at in self.points:
            shutil.rmtree(self.root)
            Memory(self.root).make(self.events[:at]).leave(self.root, survivors, chance)
            said = [word for number, word in self.said if number <= at]
            self._judge(f"power cut after {at}, {self.events[at - 1][:2]}", said)


SWEEPS: dict[str, Callable[[Sweep], None]] = {
    "kills": Sweep.kills,
    **{kind: partial(Sweep.errors, kind=kind) for kind in FAULTS},
    **{f"power, {kept} kept": partial(Sweep.power, survivors=kept) for kept in SURVIVORS},
}


def main(folder: str, every: str) -> None:
    reports = {}
    for life in LIVES:
        for name, way in SWEEPS.items():
            sweep = Sweep(LIVES[life], Path(folder), int(every))
            way(sweep)
            reports[f"{life}: {name}"] = vars(sweep.report)
    sys.stdout.write(json.dumps(reports))


if __name__ == "__main__":
    main(*sys.argv[1:])
