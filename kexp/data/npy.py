"""Arrays in numpy's .npy files, mapped into memory."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kexp.data.array_files import ArrayFile, Files, read_arrays
from kexp.data.arrays import tidy_array
from kexp.data.files import Watched
from kexp.data.lazy import Mapped
from kexp.data.npz import DAMAGE
from kexp.errors import DataError, KexpError
from kexp.protocols import Column, Site, Table


def load(
    site: Site,
    /,
    *,
    path: Files | None = None,
    train: Files | None = None,
    val: Files | None = None,
    test: Files | None = None,
) -> Table:
    """Read arrays from .npy files, one file an array; what memory does not hold stays in its file.

    path: `{x: FILE, y: FILE, sample_weight: FILE}`; several inputs or targets are maps of files
    train: the same of the training split
    val: the same of the validation split
    test: the same of the test split

    Raises: what `read_arrays` raises; not-an-npy, pickled-array, bad-array.
    """
    return read_arrays(site, {"path": path, "train": train, "val": val, "test": test}, _read)


def _read(given: ArrayFile) -> Column:
    file, key = given.file, given.place
    try:
        array = _mapped(file)
    except (*DAMAGE, ValueError) as error:
        raise _refusal(file, key, str(error)) from None
    if array.ndim > 1 and array.dtype.kind in "biuf":
        dtype = array.dtype.newbyteorder("=")
        dtype = np.dtype(np.float32) if dtype == np.float64 else dtype
        return Mapped(array, dtype, Watched.now(file))
    try:
        return tidy_array(np.asarray(array))
    except (TypeError, ValueError) as error:
        message = f"`{file}` cannot be used: {error}"
        raise DataError.because("bad-array", message, path=key) from None


def _mapped(file: Path) -> NDArray[Any]:
    """Map an array into memory; one without values, of which there is nothing to map, is read."""
    try:
        return np.lib.format.open_memmap(file, mode="r")
    except ValueError as error:
        if "empty" not in str(error):
            raise
    empty: NDArray[Any] = np.load(file, allow_pickle=False)
    return empty


def _refusal(file: Path, key: str, reason: str) -> KexpError:
    if "pickle" in reason or "object" in reason:
        return DataError.because(
            "pickled-array",
            f"`{file}` holds Python objects, which are never loaded",
            path=key,
            help="save it as an array of numbers or text",
        )
    message = f"`{file}` is not a whole .npy file: {reason}"
    return DataError.because("not-an-npy", message, path=key, help="write it with `numpy.save`")
