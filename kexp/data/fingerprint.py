"""What a run keeps of its data to tell it from any other: hashes of files, contents and splits."""

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from kexp.data.files import Watched
from kexp.data.lazy import column_digest, in_memory
from kexp.data.split import Cut
from kexp.protocols import Column, Samples

MAX_COUNTED_CLASSES = 1000
MAX_LISTED_FILES = 1000


@dataclass(frozen=True, slots=True)
class FileHash:
    path: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """`content_sha256` and `index_sha256` are by split, `class_counts` by split, target and class."""

    files: tuple[FileHash, ...]
    content_sha256: Mapping[str, str]
    index_sha256: Mapping[str, str]
    class_counts: Mapping[str, Mapping[str, Mapping[str, int]]]

    def as_json(self) -> dict[str, Any]:
        """Return plain maps and lists, as JSON has them."""
        return {**asdict(self), "files": [asdict(file) for file in self.files]}


def fingerprint(
    files: Iterable[Path],
    splits: Mapping[str, Samples],
    cuts: Mapping[str, Cut],
    classes: Mapping[str, tuple[str, ...]],
) -> Fingerprint:
    """Hash the files, and each split's samples and rows; count each split's classes."""
    return Fingerprint(
        files=_listed(tuple(files)),
        content_sha256={name: hash_samples(samples) for name, samples in splits.items()},
        index_sha256={
            name: hashlib.sha256(cut.rows.astype("<i8").tobytes()).hexdigest() for name, cut in cuts.items()
        },
        class_counts={name: _class_counts(samples, classes) for name, samples in splits.items()},
    )


def hash_file(file: Path) -> FileHash:
    """Hash a file, once as long as it stays as it is."""
    watched = Watched.now(file)
    return FileHash(str(file), watched.size_bytes, _sha256(watched))


@lru_cache(maxsize=1 << 20)
def _sha256(watched: Watched) -> str:
    with watched.path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _listed(files: Sequence[Path]) -> tuple[FileHash, ...]:
    """Return each file's hash, or one hash over all where they are too many to read."""
    hashes = [hash_file(file) for file in files]
    if len(hashes) <= MAX_LISTED_FILES:
        return tuple(hashes)
    folder = os.path.commonpath([h.path for h in hashes])
    names = (f"{h.sha256} {os.path.relpath(h.path, folder)}\n" for h in hashes)
    digest = hashlib.sha256("".join(names).encode())
    return (
        FileHash(f"{len(hashes):,} files in {folder}", sum(h.size_bytes for h in hashes), digest.hexdigest()),
    )


def hash_samples(samples: Samples) -> str:
    """Return the sha256 of names, dtypes, shapes and values, or of the files that hold them."""
    digest = hashlib.sha256()
    weights: dict[str, Column] = {} if samples.weights is None else {"weights": samples.weights}
    for role, columns in (("input", samples.inputs), ("target", samples.targets), ("weights", weights)):
        for name in sorted(columns):
            digest.update(f"{role} {name} {column_digest(columns[name])}\n".encode())
    return digest.hexdigest()


def _class_counts(samples: Samples, classes: Mapping[str, tuple[str, ...]]) -> dict[str, dict[str, int]]:
    counts = {name: _counted(array, classes.get(name)) for name, array in samples.targets.items()}
    return {name: count for name, count in counts.items() if count is not None}


def _counted(column: Column, names: tuple[str, ...] | None) -> dict[str, int] | None:
    """Count the classes of a target; values and very many numbers are not classes."""
    if len(column.shape) != 1 or column.dtype.kind not in "biu":
        return None
    values, counts = np.unique(in_memory(column), return_counts=True)
    if names is None and len(values) > MAX_COUNTED_CLASSES:
        return None
    keys = [names[int(value)] if names else str(int(value)) for value in values]
    return dict(zip(keys, counts.tolist(), strict=True))
