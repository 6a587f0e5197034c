"""The run directory: the one place that knows the name of each file in it."""

import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from kexp.errors import KexpError, RunRefused
from kexp.record.files import (
    MAX_READ_BYTES,
    Piece,
    Pieces,
    is_temporary,
    make_folder,
    make_new_folder,
    remove,
    replacement,
    write_atomically,
)
from kexp.record.jsonfile import object_bytes, read_object, write_object
from kexp.record.lock import held, is_held
from kexp.record.runid import RunId, random_tail, slug, stamp
from kexp.record.seal import MACS, SUMS, SealedFolder

NUM_STATES_KEPT = 2

Files = Mapping[str, bytes]
"""What files hold, by their paths below a folder."""

_NONE: Files = {}

_STATE = re.compile(r"step-(\d{10,})\.safetensors\Z")


class _Entry:
    """A path inside the run directory."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, run: "RunDir", owner: type | None = None) -> Path:
        return run.path / self.name


@dataclass(frozen=True, slots=True)
class RunDir(SealedFolder):
    ASKED = ("spec.yaml", "spec", "resolved.yaml", "code", "manifest.json", "preprocess")
    UNLISTED = frozenset({SUMS, MACS, "lock", "train.log", "backend.log"})
    MIRRORS = frozenset({"tensorboard", "profile"})

    spec = _Entry("spec.yaml")
    spec_bases = _Entry("spec")
    resolved = _Entry("resolved.yaml")
    code = _Entry("code")
    manifest = _Entry("manifest.json")
    requirements = _Entry("requirements.txt")
    source_diff = _Entry("source.diff")
    status = _Entry("status.json")
    notes = _Entry("notes.json")
    metrics = _Entry("metrics.jsonl")
    steps = _Entry("steps.jsonl")
    metrics_csv = _Entry("metrics.csv")
    train_log = _Entry("train.log")
    backend_log = _Entry("backend.log")
    checkpoints = _Entry("checkpoints")
    preprocess = _Entry("preprocess")
    model_file = _Entry("model.keras")
    evaluations = _Entry("evaluations")
    tensorboard = _Entry("tensorboard")
    profile = _Entry("profile")
    _lock = _Entry("lock")
    _best = _Entry("checkpoints/best.safetensors")

    # ---------------------------------------------------------------- identity

    @classmethod
    def create(cls, root: Path, name: str, now: datetime, tail: str | None = None) -> "RunDir":
        """Make a directory of its own for a new run below `root`.

        Raises: runs-not-writable
        """
        with _writable(root):
            make_folder(root)
            while True:
                path = root / str(RunId(now, slug(name), tail or random_tail()))
                try:
                    make_new_folder(path)
                except FileExistsError:
                    tail = None
                else:
                    return cls(path)

    @classmethod
    def at(cls, path: Path) -> "RunDir":
        """Take the directory that `--run-dir` names, made where it is missing.

        Raises: runs-not-writable
        """
        with _writable(path):
            make_folder(path)
        return cls(path)

    @property
    def is_run(self) -> bool:
        """Whether a run is here; there is none where nobody may look."""
        try:
            return any(path.is_file() for path in (self.status, self.spec, self.manifest))
        except OSError:
            return False

    @property
    def was_owned(self) -> bool:
        """Whether a run was ever begun here: its lock, an empty file, comes first and stays."""
        try:
            found = self._lock.lstat()
        except OSError:
            return False
        return stat.S_ISREG(found.st_mode) and not found.st_size

    @property
    def made_at_first(self) -> tuple[Path, ...]:
        """What is there before the status says that the run began, beside what the user gave."""
        told = (self.resolved, self.manifest, self.requirements, self.source_diff, self.notes)
        return (*told, self.preprocess, self.sums_mac, self._lock)

    # ---------------------------------------------------------------- one process at a time

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Own the run until the block ends or the process dies.

        Raises: run-locked, run-not-writable
        """
        with held(self._lock) as is_ours:
            if not is_ours:
                raise self._locked()
            self._remove_leftovers()
            with self._writable():
                yield

    def is_locked(self) -> bool:
        return is_held(self._lock)

    def _locked(self) -> KexpError:
        pid = (read_object(self.status) or {}).get("pid")
        holder = f"process {pid}" if isinstance(pid, int) else "another process"
        return RunRefused.because(
            "run-locked",
            f"{holder} is using run `{self.id}`",
            help=f"wait until it ends; `{self.train_log}` says how far it is",
        )

    @contextmanager
    def _writable(self) -> Iterator[None]:
        """Say of a file of the run that could not be written that this is no bug."""
        try:
            yield
        except OSError as error:
            path = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else Path()
            if self.path not in (path, *path.parents) or isinstance(error, FileNotFoundError):
                raise
            message = f"`{path}` cannot be written: {error.strerror}"
            raise RunRefused.because("run-not-writable", message) from None

    def _remove_leftovers(self) -> None:
        """Remove what a killed owner was writing: only owners write, and nobody below a link."""
        for parent, _, names in os.walk(self.path):
            for path in (Path(parent, name) for name in names):
                if is_temporary(path):
                    with suppress(OSError):
                        remove(path)

    # ---------------------------------------------------------------- what was asked for, and where

    def given(self, spec: bytes, bases: Files = _NONE, code: Files = _NONE) -> dict[Path, bytes]:
        """Return what the user gives of a run: a spec, the files it extends, the python files it needs.

        Raises: path-outside-run
        """
        files = {self.spec: spec}
        files |= {self.inside(self.spec_bases, relative): data for relative, data in bases.items()}
        files |= {self.inside(self.code, relative): data for relative, data in code.items()}
        return files

    def write_given(self, spec: bytes, bases: Files = _NONE, code: Files = _NONE) -> None:
        for path, data in self.given(spec, bases, code).items():
            _write(path, data)

    def write_resolved(self, text: str) -> None:
        write_atomically(self.resolved, text.encode())

    def write_manifest(self, record: Mapping[str, object]) -> None:
        write_object(self.manifest, record)

    def rewrite(self, manifest: Mapping[str, object], resolved: bytes, is_own: bool) -> None:
        """Write down what a run goes on with; `is_own`: this user's key vouches for it."""
        files = {self.manifest.name: object_bytes(manifest), self.resolved.name: resolved}
        self.replace_asked(files, is_own)

    def write_requirements(self, text: str) -> None:
        write_atomically(self.requirements, text.encode())

    def write_source_diff(self, data: bytes) -> None:
        write_atomically(self.source_diff, data)

    # ---------------------------------------------------------------- what the preparation of data learnt

    def write_preprocess(self, name: str, record: Mapping[str, object]) -> Path:
        """Keep what was learnt from the training split: vocabularies, means, bin edges.

        Raises: path-outside-run
        """
        path = self.inside(self.preprocess, f"{name}.json")
        make_folder(path.parent)
        write_object(path, record)
        return path

    def read_preprocess(self, name: str) -> dict[str, Any]:
        """Return what was learnt.

        Raises: preprocess-missing, file-broken, file-differs, file-not-listed, path-outside-run
        """
        path = self.inside(self.preprocess, f"{name}.json")
        if not path.is_file():
            raise RunRefused.because(
                "preprocess-missing",
                f"run `{self.id}` holds no `{path.relative_to(self.path).as_posix()}`, which its data needs",
                help="restore the file from a copy of the run, or train again",
            )
        self.verify(path.relative_to(self.path).as_posix())
        record = read_object(path, MAX_READ_BYTES)
        assert record is not None
        return record

    # ---------------------------------------------------------------- checkpoints, model, evaluations

    def write_state(self, step: int, pieces: Pieces, num_kept: int = NUM_STATES_KEPT) -> Path:
        """Keep the whole training state after `step`, and drop all but the newest ones."""
        path = _write(self.state(step), *pieces)
        for old in self.states()[:-num_kept]:
            with suppress(OSError):  # the state is kept; what stays is dropped after the next one
                remove(old)
        return path

    def drop_states_after(self, step: int) -> None:
        for path in self.states():
            if int(path.stem.removeprefix("step-")) > step:
                remove(path)

    def state(self, step: int) -> Path:
        return self.checkpoints / f"step-{step:010d}.safetensors"

    def write_best(self, pieces: Pieces) -> Path:
        return _write(self._best, *pieces)

    @property
    def last_checkpoint(self) -> Path | None:
        return next(reversed(self.states()), None)

    @property
    def best_checkpoint(self) -> Path | None:
        return self._best if self._best.is_file() else None

    def states(self) -> list[Path]:
        """Return the states by rising step."""
        found = ((_STATE.match(path.name), path) for path in self.checkpoints.glob("step-*"))
        return [path for _, path in sorted((int(match[1]), path) for match, path in found if match)]

    def replace_model(self, write: Callable[[Path], None]) -> None:
        """Let `write` make a `.keras` file, which then takes the place of the run's model."""
        with replacement(self.model_file) as temporary:
            write(temporary)

    def write_evaluation(self, split: str, now: datetime, record: Mapping[str, object]) -> Path:
        """Keep the result of one evaluation beside the earlier ones, and list it.

        Raises: file-broken
        """
        make_folder(self.evaluations)
        self.drop_unwritten(self.evaluations)
        stem, count = f"{slug(split)}-{stamp(now)}", 1
        path = self.evaluations / f"{stem}.json"
        while path.exists():
            count += 1
            path = self.evaluations / f"{stem}-{count}.json"
        self.write_listed(path, object_bytes(record))
        return path


def _write(path: Path, *pieces: Piece) -> Path:
    make_folder(path.parent)
    write_atomically(path, *pieces)
    return path


@contextmanager
def _writable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RunRefused.because(
            "runs-not-writable",
            f"no run can be made in `{folder}`: {error.strerror}",
            help="name another folder with `--runs DIR` or `KEXP_RUNS`",
        ) from None
