"""Arrays in numpy's .npz files."""

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from tokenize import TokenError
from typing import Any, BinaryIO

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from kexp.data.arrays import tidy_array
from kexp.data.files import part_files
from kexp.diagnostics import Diagnostic
from kexp.errors import DataError, KexpError, SpecError, did_you_mean
from kexp.protocols import Samples, Site, Table

PARTS = ("train", "val", "test")
DAMAGE = (
    *(EOFError, MemoryError, OSError, OverflowError, RuntimeError, SyntaxError),
    *(TokenError, TypeError, zipfile.BadZipFile, zlib.error),
)
"""What numpy and zipfile raise on files whose bytes are not what they were, besides ValueError."""
_MOST_TIMES = 100
_HARMLESS_BYTES = 256 << 20
"""An array of fewer bytes may have been packed as tightly as zip can."""


def most_unpacked(packed_bytes: int) -> int:
    """Return to how many bytes an array may unpack that is no trap."""
    return max(_HARMLESS_BYTES, _MOST_TIMES * packed_bytes)


def load(
    site: Site,
    /,
    *,
    path: str | None = None,
    train: str | None = None,
    val: str | None = None,
    test: str | None = None,
    x: str | tuple[str, ...] = "x",
    y: str | tuple[str, ...] | None = "y",
    sample_weight: str | None = None,
) -> Table:
    """Read arrays from an .npz file, or from one file per split.

    path: one file with all samples, or with arrays such as `x_train`, `y_train`, `x_test`, `y_test`
    train: the file of the training split
    val: the file of the validation split
    test: the file of the test split
    x: the input array, or a list of them
    y: the target array, or a list of them; null for none
    sample_weight: the array that weighs the samples

    Raises: what `part_files` raises; not-an-npz, unknown-array, pickled-array, damaged-array, bad-array.
    """
    files = part_files(site, path, train, val, test)
    names = {"x": _listed(x), "y": _listed(y), "sample_weight": _listed(sample_weight)}
    parts: dict[str, Samples] = {}
    for part, file in files.items():
        with file.open("rb") as stream, opened_archive(stream, str(file)) as archive:
            endings = _endings(archive, names["x"]) if part == "all" else {}
            for name, ending in (endings or {part: ""}).items():
                parts[name] = _samples(Archive(str(file), archive, ending), names)
    return Table(parts, files=tuple(files.values()))


def _listed(names: str | tuple[str, ...] | None) -> tuple[str, ...]:
    if names is None:
        return ()
    return (names,) if isinstance(names, str) else tuple(names)


@contextmanager
def opened_archive(stream: BinaryIO, file: str) -> Iterator[NpzFile]:
    """Open the arrays in a stream that can seek; `file` is what messages call it.

    Raises: not-an-npz.
    """
    try:
        archive = np.load(stream, allow_pickle=False)
    except (*DAMAGE, ValueError):
        archive = None
    if not isinstance(archive, NpzFile):
        message = f"`{file}` is not an .npz file"
        raise DataError.because("not-an-npz", message, path="data", help="write it with `numpy.savez`")
    with archive:
        yield archive


def _endings(archive: NpzFile, inputs: tuple[str, ...]) -> dict[str, str]:
    """Return what follows the array names by split, when the file holds `x_train` and no `x`."""
    if any(name in archive.files for name in inputs):
        return {}
    held = {part: f"_{part}" for part in PARTS if all(f"{name}_{part}" in archive.files for name in inputs)}
    return held if "train" in held else {}


class Archive:
    """An open .npz file, seen through one ending of its array names."""

    def __init__(self, file: str, archive: NpzFile, ending: str = "") -> None:
        self.file, self.archive, self.ending = file, archive, ending

    def array(self, name: str, option: str) -> NDArray[Any]:
        """Return an array; `option` is the key of the spec that asks for it.

        Raises: unknown-array, zip-bomb, pickled-array, damaged-array, bad-array.
        """
        key = name + self.ending
        if key not in self.archive.files:
            raise self._unknown(key, option)
        self._check_size(key, option)
        try:
            array = self.archive[key]
        except (*DAMAGE, ValueError) as error:
            if "Object arrays" in str(error):
                raise DataError.because(
                    "pickled-array",
                    f"`{key}` in `{self.file}` holds Python objects, which are never loaded",
                    path=f"data.{option}",
                    help="save it as an array of numbers or text",
                ) from None
            message = f"`{key}` in `{self.file}` is damaged: {error}"
            raise DataError.because("damaged-array", message, path=f"data.{option}") from None
        try:
            return tidy_array(array)
        except (TypeError, ValueError) as error:
            message = f"`{key}` in `{self.file}` cannot be used: {error}"
            raise DataError.because("bad-array", message, path=f"data.{option}") from None

    def _check_size(self, key: str, option: str) -> None:
        """Refuse an array that would fill the memory, and takes next to nothing in its file."""
        packed_files = self.archive.zip
        assert packed_files is not None
        infos = {info.filename.removesuffix(".npy"): info for info in packed_files.infolist()}
        size_bytes, packed = infos[key].file_size, infos[key].compress_size
        if size_bytes > most_unpacked(packed):
            raise DataError.because(
                "zip-bomb",
                f"`{key}` in `{self.file}` unpacks from {packed:,} bytes to {size_bytes:,}",
                path=f"data.{option}",
                help="`numpy.savez` writes an array as large as it is; unpack and save it so, if it is yours",
            )

    def _unknown(self, key: str, option: str) -> KexpError:
        held = ", ".join(f"`{name}`" for name in self.archive.files)
        help = did_you_mean(key, self.archive.files) or f"its arrays are {held}"
        message = f"`{self.file}` has no array `{key}`"
        return SpecError(Diagnostic("unknown-array", message, path=f"data.{option}", help=help))


def _samples(archive: Archive, names: Mapping[str, tuple[str, ...]]) -> Samples:
    inputs = {name: archive.array(name, "x") for name in names["x"]}
    targets = {name: archive.array(name, "y") for name in names["y"]}
    weights = [archive.array(name, "sample_weight") for name in names["sample_weight"]]
    return Samples(inputs, targets, weights[0] if weights else None)
