"""Files in a folder per class, and folders per split."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kexp.diagnostics import Diagnostic
from kexp.errors import DataError, NotFound, SpecError, did_you_mean
from kexp.protocols import Site

_SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


@dataclass(frozen=True, slots=True)
class Labelled:
    """Files, each with the number of its class."""

    files: Sequence[Path]
    labels: NDArray[Any]


@dataclass(frozen=True, slots=True)
class ClassFolders:
    """The labelled files by part, and the names of the classes by number."""

    parts: Mapping[str, Labelled]
    names: tuple[str, ...]


def split_folders(site: Site, given: Mapping[str, str | None]) -> dict[str, Path]:
    """Return the folders by part: those of `train`, `val`, `test`, or what `path` holds.

    Raises: conflicting-options, missing-option, data-folder-missing.
    """
    named = {part: site.folder / path for part, path in given.items() if path is not None}
    for part, folder in named.items():
        check_folder(folder, f"data.{part}")
    whole = named.pop("path", None)
    if whole is not None and named:
        raise SpecError.because(
            "conflicting-options",
            f"`path` and `{next(iter(named))}` are both given",
            path="data.path",
            help="write `path` for one folder, or `train`, `val` and `test` for folders already split",
        )
    if whole is None and "train" not in named:
        raise SpecError.because(
            "missing-option", "`data` names no folder to train on", path="data", help="add `path` or `train`"
        )
    if whole is None:
        return named
    inside = {entry.name: entry for entry in sorted(whole.iterdir()) if entry.is_dir()}
    if "train" in inside and set(inside) <= set(_SPLITS):
        return {_SPLITS[name]: entry for name, entry in inside.items()}
    return {"all": whole}


def class_folders(
    parts: Mapping[str, Path], class_names: Sequence[str] | None, suffixes: Collection[str]
) -> ClassFolders:
    """Return the files of each part, labelled by the number of their folder.

    Raises: no-class-folders, unknown-class, no-files.
    """
    held = {part: sorted(e.name for e in folder.iterdir() if e.is_dir()) for part, folder in parts.items()}
    known = sorted({name for names in held.values() for name in names})
    if not known:
        folder = next(iter(parts.values()))
        raise DataError.because(
            "no-class-folders",
            f"`{folder}` holds no folders, and the files of each class are expected in one of their own",
            path="data.path",
        )
    names = tuple(class_names or known)
    for name in names:
        if name not in known:
            help = did_you_mean(name, known) or f"the folders are {', '.join(f'`{n}`' for n in known)}"
            message = f"there is no folder for the class `{name}`"
            raise DataError.because("unknown-class", message, path="data.class_names", help=help)
    return ClassFolders({part: _labelled(folder, names, suffixes) for part, folder in parts.items()}, names)


def _labelled(folder: Path, names: Sequence[str], suffixes: Collection[str]) -> Labelled:
    by_class = [files_in(folder / name, suffixes) for name in names]
    files = [file for found in by_class for file in found]
    check_some(files, folder, suffixes)
    return Labelled(files, np.repeat(np.arange(len(names), dtype=np.int32), [len(f) for f in by_class]))


def files_in(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """Return the files of some kinds in a folder and the folders below, sorted by their names."""
    return sorted(file for file in folder.rglob("*") if file.suffix.lower() in suffixes and file.is_file())


def check_some(files: Sequence[Path], folder: Path, suffixes: Collection[str]) -> None:
    """Refuse a folder in which nothing was found.

    Raises: no-files.
    """
    if not files:
        kinds = ", ".join(suffix for suffix in suffixes if suffix)
        message = f"`{folder}` holds no files that end in {kinds}"
        raise DataError.because("no-files", message, path="data")


def check_folder(folder: Path, path: str) -> None:
    """Refuse a folder that is not there; `path` is the key of the spec that names it.

    Raises: data-folder-missing.
    """
    if folder.is_dir():
        return
    if folder.parent.is_dir():
        beside = sorted(entry.name for entry in folder.parent.iterdir() if entry.is_dir())
        help = did_you_mean(folder.name, beside)
    else:
        help = f"there is no folder `{folder.parent}` either"
    raise NotFound(Diagnostic("data-folder-missing", f"there is no folder `{folder}`", path, help=help))
