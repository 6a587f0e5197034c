"""The files of a source: one for all samples, or one per split."""

from dataclasses import dataclass
from pathlib import Path

from kexp.diagnostics import Diagnostic
from kexp.errors import DataError, NotFound, SpecError, did_you_mean
from kexp.protocols import Site


def part_files(
    site: Site, path: str | None, train: str | None, val: str | None, test: str | None
) -> dict[str, Path]:
    """Return the files by part: `all`, or `train` with `val` and `test` as far as given.

    Raises: conflicting-options, missing-option, data-file-missing.
    """
    by_split = {
        name: file for name, file in (("train", train), ("val", val), ("test", test)) if file is not None
    }
    if path is not None and by_split:
        other = next(iter(by_split))
        raise SpecError.because(
            "conflicting-options",
            f"`path` and `{other}` are both given",
            path=f"data.{other}",
            help="write `path` for one file, or `train`, `val` and `test` for files already split",
        )
    if path is None and "train" not in by_split:
        raise SpecError.because(
            "missing-option", "`data` names no file to train on", path="data", help="add `path` or `train`"
        )
    if path is not None:
        return {"all": existing(site.folder / path, "data.path")}
    return {name: existing(site.folder / file, f"data.{name}") for name, file in by_split.items()}


def existing(file: Path, path: str) -> Path:
    """Return a file that is there; `path` is the key of the spec that names it.

    Raises: data-file-missing.
    """
    if file.is_file():
        return file
    raise NotFound(
        Diagnostic("data-file-missing", f"there is no file `{file}`", path=path, help=nearby(file))
    )


@dataclass(frozen=True, slots=True)
class Watched:
    """A file that is read again during a training, and must stay what it was."""

    path: Path
    size_bytes: int
    modified_ns: int

    @classmethod
    def now(cls, path: Path) -> "Watched":
        found = path.stat()
        return cls(path, found.st_size, found.st_mtime_ns)

    def check(self) -> None:
        """Refuse to read on in another file than the one that was hashed.

        Raises: data-file-changed.
        """
        try:
            is_same = Watched.now(self.path) == self
        except FileNotFoundError:
            is_same = False
        if not is_same:
            raise DataError.because(
                "data-file-changed",
                f"`{self.path}` was changed while it was being read",
                path="data",
                help="train again; `cache: memory` or `cache: disk` reads every file once",
            )


def nearby(file: Path) -> str:
    """Return a help line that says what is where `file` is missed."""
    if not file.parent.is_dir():
        return f"there is no folder `{file.parent}` either"
    names = sorted(entry.name for entry in file.parent.iterdir() if entry.is_file())
    listed = ", ".join(f"`{name}`" for name in names[:8]) + (", ..." if len(names) > 8 else "")
    return did_you_mean(file.name, names) or f"`{file.parent}` holds {listed or 'no files'}"
