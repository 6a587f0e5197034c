"""Decoded rows kept in memory or on disk, so that no epoch decodes them again."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from kexp.data.lazy import LazyColumn, Mapped, chunks, column_digest, in_memory, loaded, size_bytes
from kexp.errors import DataError
from kexp.protocols import Column, Samples
from kexp.record.files import replacement
from kexp.record.machine import free_memory_bytes
from kexp.spec.types import Cache

SHARE = 0.5
"""Of the free memory: what decoded rows may take."""


def cached(splits: Mapping[str, Samples], cache: Cache, folder: Path | None = None) -> dict[str, Samples]:
    """Decode the splits' lazy columns once: into memory, by `auto` where they fit, or into a folder.

    Raises: cache-not-written.
    """
    if cache == "disk":
        return {name: _on_disk(samples, folder or cache_folder()) for name, samples in splits.items()}
    needed = sum(size_bytes(samples) for samples in splits.values())
    fits = cache == "memory" or (cache == "auto" and needed <= SHARE * free_memory_bytes())
    return {name: loaded(samples) if fits else samples for name, samples in splits.items()}


def cache_folder() -> Path:
    """Return where decoded rows are kept between runs: `$KEXP_CACHE`, or the user's cache folder."""
    given = os.environ.get("KEXP_CACHE")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kexp"


def _on_disk(samples: Samples, folder: Path) -> Samples:
    def kept(column: Column) -> Column:
        if not isinstance(column, LazyColumn) or isinstance(column, Mapped):
            return column
        if column.dtype.kind == "O":  # texts of any length have no place in a mapped file
            return in_memory(column)
        return _mapped(column, folder / f"{column_digest(column)}.npy")

    return replace(
        samples,
        inputs={name: kept(column) for name, column in samples.inputs.items()},
        targets={name: kept(column) for name, column in samples.targets.items()},
    )


def _mapped(column: LazyColumn, file: Path) -> Mapped:
    """Return the column as an array in a file named after what it holds, written on first use."""
    if not file.exists():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            if column.nbytes > shutil.disk_usage(file.parent).free:
                raise OSError(f"{column.nbytes:,} bytes are needed, and the disk has fewer")
            with replacement(file) as temporary:
                _write(column, temporary)
        except OSError as error:
            raise DataError.because(
                "cache-not-written",
                f"decoded rows cannot be kept in `{file.parent}`: {error.strerror or error}",
                path="data.cache",
                help="make room, set `KEXP_CACHE` to another folder, or leave out `cache: disk`",
            ) from None
    return Mapped(np.lib.format.open_memmap(file, mode="r"))


def _write(column: LazyColumn, file: Path) -> None:
    array = np.lib.format.open_memmap(file, mode="w+", dtype=column.dtype, shape=column.shape)
    start = 0
    for chunk in chunks(column):
        array[start : start + len(chunk)] = chunk
        start += len(chunk)
    array.flush()
