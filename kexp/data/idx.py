"""Arrays in the IDX files of MNIST and its kin, gzipped or not.

Source: "The IDX file format", Y. LeCun, C. Cortes, C. Burges, The MNIST database.
"""

import gzip
import io
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from kexp.data.array_files import ArrayFile, Files, read_arrays
from kexp.data.arrays import tidy_array
from kexp.data.npz import most_unpacked
from kexp.errors import DataError, KexpError, NotFound
from kexp.protocols import Column, Site, Table

_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_STEMS = {
    "train": {"x": "train-images-idx3-ubyte", "y": "train-labels-idx1-ubyte"},
    "test": {"x": "t10k-images-idx3-ubyte", "y": "t10k-labels-idx1-ubyte"},
}


def load(
    site: Site,
    /,
    *,
    path: str | Files | None = None,
    train: Files | None = None,
    val: Files | None = None,
    test: Files | None = None,
) -> Table:
    """Read arrays from IDX files, gzipped or not.

    path: a folder with MNIST's four files under their usual names, or `{x: FILE, y: FILE}`
    train: the training split's `{x: FILE, y: FILE}`
    val: the same of the validation split
    test: the same of the test split

    Raises: what `read_arrays` raises; idx-files-missing, not-an-idx, zip-bomb.
    """
    parts: dict[str, Files | None] = {"train": train, "val": val, "test": test}
    parts |= _usual_files(site.folder, path) if isinstance(path, str) else {"path": path}
    return read_arrays(site, parts, _read)


def _usual_files(folder: Path, path: str) -> dict[str, Files]:
    found: dict[str, dict[str, str]] = {}
    for part, stems in _STEMS.items():
        for role, stem in stems.items():
            names = [f"{stem}{ending}" for ending in ("", ".gz")]
            there = next((name for name in names if (folder / path / name).is_file()), None)
            if there is None:
                raise NotFound.because(
                    "idx-files-missing",
                    f"`{path}` holds no `{stem}`, gzipped or not",
                    path="data.path",
                    help="name the files by `train: {x: …, y: …}` if they are called otherwise",
                )
            found.setdefault(part, {})[role] = f"{path}/{there}"
    return dict(found)


def _read(given: ArrayFile) -> Column:
    file, key = given.file, given.place
    data = file.read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = _unpacked(data, file, key)
    dtype = _DTYPES.get(data[2]) if len(data) >= 4 and data[:2] == b"\0\0" else None
    if dtype is None or not data[3] or len(data) < 4 + 4 * data[3]:
        raise _not_an_idx(file, key, "it does not begin with the type and sizes of an array")
    start = 4 + 4 * data[3]
    shape = struct.unpack(f">{data[3]}I", data[4:start])
    expected = math.prod(shape) * np.dtype(dtype).itemsize
    if len(data) - start != expected:
        raise _not_an_idx(
            file, key, f"{expected:,} bytes are declared for {shape}, and {len(data) - start:,} follow"
        )
    try:
        return tidy_array(np.frombuffer(data, dtype, offset=start).reshape(shape))
    except ValueError as error:  # an empty array of giant sizes
        raise _not_an_idx(file, key, str(error)) from None


def _unpacked(packed: bytes, file: Path, key: str) -> bytes:
    most_bytes = most_unpacked(len(packed))
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as stream:
            data = stream.read(most_bytes + 1)
    except (EOFError, OSError, zlib.error) as error:
        raise _not_an_idx(file, key, f"its compression is damaged: {error}") from None
    if len(data) > most_bytes:
        raise DataError.because(
            "zip-bomb",
            f"`{file}` unpacks from {len(packed):,} bytes to more than {most_bytes:,}",
            path=key,
            help="unpack it by `gunzip`, if it is yours",
        )
    return data


def _not_an_idx(file: Path, key: str, reason: str) -> KexpError:
    return DataError.because("not-an-idx", f"`{file}` is not an IDX file: {reason}", path=key)
