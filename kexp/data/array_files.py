"""Arrays in files of their own: which file is which input or target of which split."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kexp.data.files import existing
from kexp.errors import SpecError
from kexp.protocols import Column, Samples, Site, Table

Files = Mapping[str, str | Mapping[str, str]]
"""Under `x`, `y` and `sample_weight` one file, or files by the names of the inputs or targets."""

_ROLES = ("x", "y", "sample_weight")


@dataclass(frozen=True, slots=True)
class ArrayFile:
    """One array: `place` is the key of the spec that names its file."""

    role: str
    name: str
    file: Path
    place: str


def read_arrays(site: Site, parts: Mapping[str, Files | None], read: Callable[[ArrayFile], Column]) -> Table:
    """Read the files of `path`, or of `train`, `val` and `test`; a single input is called x, a target y.

    Raises: conflicting-options, missing-option, wrong-type, unknown-option, data-file-missing.
    """
    given = {part: files for part, files in parts.items() if files is not None}
    if "path" in given and len(given) > 1:
        other = next(part for part in given if part != "path")
        raise SpecError.because(
            "conflicting-options",
            f"`path` and `{other}` are both given",
            path=f"data.{other}",
            help="write `path` for all samples, or `train`, `val` and `test` for files already split",
        )
    if not given.keys() & {"path", "train"}:
        raise SpecError.because(
            "missing-option",
            "`data` names no files to train on",
            path="data",
            help="add `path: {x: FILE, y: FILE}`, or `train`",
        )
    listed = {part: list(_array_files(site, part, files)) for part, files in given.items()}
    return Table(
        {"all" if part == "path" else part: _samples(files, read) for part, files in listed.items()},
        files=tuple(dict.fromkeys(each.file for files in listed.values() for each in files)),
    )


def _array_files(site: Site, part: str, files: Files) -> Iterator[ArrayFile]:
    if not isinstance(files, Mapping) or "x" not in files:
        message = f"`{part}` must be a map with at least `x`, found `{files}`"
        raise SpecError.because(
            "wrong-type", message, path=f"data.{part}", help=f"write `{part}: {{x: FILE, y: FILE}}`"
        )
    for role, named in files.items():
        if role not in _ROLES:
            message = f"`{part}` takes `x`, `y` and `sample_weight`, found `{role}`"
            raise SpecError.because("unknown-option", message, path=f"data.{part}.{role}")
        place = f"data.{part}.{role}"
        if isinstance(named, str):
            yield ArrayFile(role, role, existing(site.folder / named, place), place)
        else:
            if role == "sample_weight" and len(named) > 1:
                message = f"`{list(named)[1]}` is a second file of weights, and a sample has one weight"
                raise SpecError.because("option-not-used", message, path=f"{place}.{list(named)[1]}")
            for name, file in named.items():
                yield ArrayFile(
                    role, name, existing(site.folder / file, f"{place}.{name}"), f"{place}.{name}"
                )


def _samples(files: list[ArrayFile], read: Callable[[ArrayFile], Column]) -> Samples:
    columns = {role: {f.name: read(f) for f in files if f.role == role} for role in _ROLES}
    weights = next((column[:] for column in columns["sample_weight"].values()), None)
    return Samples(columns["x"], columns["y"], weights)
