"""What else is done with a run: gone on with otherwise, tagged, evaluated, thrown away and brought back."""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from faults.disk import Killed
from faults.life import Life, Say, Training, check_shown, run_below
from kexp.record import trash
from kexp.record.experiment import check_own
from kexp.record.notes import Notes, change_notes, read_notes
from kexp.record.provenance import read_manifest
from kexp.record.rundir import RunDir

CHANGED = b"kexp: 1\nname: life\ntrain: {epochs: 4}\n"
NOW = datetime(2026, 11, 24, tzinfo=UTC)
WHEN = {"time": "2026-11-24T00:00:00Z", "step": 6, "settings": ["train.epochs: 3 -> 4"]}


class Change:
    """An unfinished run is gone on with under changed settings."""

    def prepare(self, root: Path) -> None:
        with suppress(Killed):
            Training().live(root, _until("state 6"))

    def live(self, root: Path, say: Say, trust: bool = False) -> None:
        run = run_below(root)
        with run.lock():
            check_own(run, trust=False)
            run.rewrite({"schema": 1, "changed": [WHEN]}, CHANGED, is_own=True)
        say("changed")

    def check(self, root: Path, said: list[str], is_key_lost: bool) -> None:
        run = run_below(root)
        check_shown(root)
        check_own(run, trust=False)
        is_changed = run.resolved.read_bytes() == CHANGED
        assert is_changed or not said
        assert bool(read_manifest(run).get("changed")) or not is_changed

    def told(self, root: Path) -> dict[str, Any]:
        run = run_below(root)
        return {"resolved": run.resolved.read_bytes(), "manifest": read_manifest(run), "is": run.origin()}

    def is_unvouched(self, root: Path) -> bool:
        return False


def _until(last: str) -> Say:
    def say(word: str) -> None:
        if word == last:
            raise Killed

    return say


class Afterwards:
    """A completed run is tagged and evaluated, thrown away, brought back, and thrown away for good."""

    def prepare(self, root: Path) -> None:
        Training().live(root, lambda word: None)

    def live(self, root: Path, say: Say, trust: bool = False) -> None:
        run = run_below(root)
        bin = RunDir(root / "runs" / trash.FOLDER / run.id)
        if bin.path.is_dir():
            trash.restore(run.id, root / "runs")
        if run.path.is_dir():
            self._use(run, say)
            trash.remove(run, root / "runs")
            say("thrown away")
        trash.empty(root / "runs")
        say("deleted")

    def _use(self, run: RunDir, say: Say) -> None:
        change_notes(run, lambda notes: Notes(("tagged", "again")))
        say("tagged")
        with run.lock():
            run.write_evaluation("test", NOW, {"schema": 1, "loss": 0.5})
        say("evaluated")

    def check(self, root: Path, said: list[str], is_key_lost: bool) -> None:
        runs = root / "runs"
        check_shown(root)
        for run in map(RunDir, [*runs.iterdir(), *trash.trashed(runs)]):
            if not run.is_run:
                continue
            check_own(run, trust=False)
            run.check_whole()
            assert run.last_checkpoint is not None and run.model_file.is_file()
            assert "tagged" not in said or read_notes(run).tags == ("tagged", "again")
            assert "evaluated" not in said or len([*run.evaluations.iterdir()]) == 1
            assert "deleted" not in said

    def told(self, root: Path) -> dict[str, Any]:
        runs = root / "runs"
        return {"runs": [*runs.glob("2*")], "trash": [*(runs / trash.FOLDER).iterdir()]}

    def is_unvouched(self, root: Path) -> bool:
        return False


LIVES: dict[str, Life] = {"training": Training(), "change": Change(), "afterwards": Afterwards()}
