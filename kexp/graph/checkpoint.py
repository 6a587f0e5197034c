"""Arrays in a safetensors file: written without a copy of them; read as a stranger's, none of it unasked.

Source: github.com/huggingface/safetensors, "Format".
"""

import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from itertools import groupby
from pathlib import Path
from reprlib import repr
from typing import Any, BinaryIO, NoReturn

import ml_dtypes
import numpy as np

from kexp.errors import KexpError, RunRefused
from kexp.record.files import Piece, Pieces, open_regular

DTYPES: Mapping[str, Any] = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "BF16": ml_dtypes.bfloat16,
    "I64": np.int64,
    "U64": np.uint64,
    "I32": np.int32,
    "U32": np.uint32,
    "I16": np.int16,
    "U16": np.uint16,
    "I8": np.int8,
    "U8": np.uint8,
    "BOOL": np.bool_,
}
_NAMES = {np.dtype(dtype): name for name, dtype in DTYPES.items()}
MAX_HEADER_BYTES = 16 << 20

Arrays = Mapping[str, "np.ndarray[Any, Any]"]

_METADATA = "__metadata__"
_MOST_DIMENSIONS = 32
_ALIGNMENT_BYTES = 8
_LARGE_BYTES = 1 << 20
"""What is smaller is copied, so that many small arrays are one write."""


@dataclass(frozen=True, slots=True)
class Place:
    """An array's dtype and shape, and where its bytes lie, counted from the start of the file."""

    dtype: "np.dtype[Any]"
    shape: tuple[int, ...]
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """An open file; `name` is what errors call it."""

    name: str
    stream: BinaryIO
    places: Mapping[str, Place] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)

    def array(self, key: str) -> "np.ndarray[Any, Any]":
        """Return one array.

        Raises: RunRefused (checkpoint-corrupt).
        """
        place = self.places[key]
        self.stream.seek(place.start)
        data = self.stream.read(place.stop - place.start)
        if len(data) != place.stop - place.start:
            raise _corrupt(self.name, "it was cut off while it was read")
        array = np.frombuffer(data, np.uint8 if place.dtype == np.bool_ else place.dtype)
        if place.dtype == np.bool_:
            if array.size and array.max() > 1:
                raise _corrupt(self.name, f"`{key}` holds truth values that are neither true nor false")
            array = array.astype(np.bool_)
        return array.reshape(place.shape)


# ---------------------------------------------------------------- writing


def pack(arrays: Arrays, metadata: Mapping[str, Any] | None = None) -> Pieces:
    """Return a file of arrays and JSON metadata in pieces, the large ones without a copy.

    The widest numbers come first, so that every array lies where its numbers may be read in place.
    """
    ordered = sorted(arrays.items(), key=lambda item: -item[1].itemsize)
    header: dict[str, Any] = {_METADATA: {"kexp": json.dumps(metadata or {})}}
    start = 0
    for key, array in ordered:
        stop = start + array.nbytes
        dtype = _NAMES[array.dtype]
        header[key] = {"dtype": dtype, "shape": [*array.shape], "data_offsets": [start, stop]}
        start = stop
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT_BYTES)
    return _joined([len(text).to_bytes(8, "little"), text, *(raw(array) for _, array in ordered)])


def raw(array: "np.ndarray[Any, Any]") -> memoryview:
    """Return an array's bytes in its logical order, shared where they lie so."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def _joined(pieces: Pieces) -> Pieces:
    """Copy what is small and lies side by side into one piece."""
    joined: list[Piece] = []
    for is_large, group in groupby(pieces, lambda piece: len(piece) >= _LARGE_BYTES):
        members = list(group)
        joined += members if is_large else [b"".join(members)]
    return joined


# ---------------------------------------------------------------- reading


@contextmanager
def open_checkpoint(path: Path) -> Iterator[Checkpoint]:
    """Open a safetensors file.

    Raises: RunRefused (checkpoint-corrupt).
    """
    try:
        stream = open_regular(path)
    except OSError as error:
        raise _corrupt(path.name, f"it cannot be read: {error.strerror}") from None
    with stream:
        yield _checked(stream, path.name, os.fstat(stream.fileno()).st_size)


def unpack(data: bytes, name: str) -> dict[str, "np.ndarray[Any, Any]"]:
    """Return the arrays of safetensors bytes; `name` is what the error calls them.

    Raises: RunRefused (checkpoint-corrupt).
    """
    checkpoint = _checked(BytesIO(data), name, len(data))
    return {key: checkpoint.array(key) for key in checkpoint.places}


def _checked(stream: BinaryIO, name: str, size_bytes: int) -> Checkpoint:
    try:
        begin = stream.read(8)
        length = int.from_bytes(begin, "little")
        if len(begin) < 8 or length > size_bytes - 8:
            raise ValueError("it is cut off, or no safetensors file")
        if length > MAX_HEADER_BYTES:
            raise ValueError(f"its header has {length:,} bytes, and {MAX_HEADER_BYTES:,} at most are read")
        header = json.loads(
            stream.read(length).decode(), object_pairs_hook=_without_repeats, parse_constant=_no_number
        )
        if not isinstance(header, dict):
            raise ValueError("its header is not a map")
        metadata = header.pop(_METADATA, {})
        if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
            raise ValueError("its metadata is not a map of texts")
        places = {key: _place(key, entry, 8 + length) for key, entry in header.items()}
        _check_tiling(places, 8 + length, size_bytes)
    except UnicodeDecodeError:
        raise _corrupt(name, "its header is not text") from None
    except json.JSONDecodeError:
        raise _corrupt(name, "its header is not JSON") from None
    except RecursionError:
        raise _corrupt(name, "its header is nested too deeply") from None
    except ValueError as error:
        raise _corrupt(name, str(error)) from None
    return Checkpoint(name, stream, places, metadata)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("its header names something twice")
    return found


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"its header holds `{text}`")


def _place(key: str, entry: Any, data_start: int) -> Place:
    """Read what the header says of one array.

    Raises: ValueError.
    """
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"the header says of `{key}` what it says of no array")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise ValueError(f"the dtype of `{key}` is {repr(dtype)}")
    if not _are_sizes(shape) or len(shape) > _MOST_DIMENSIONS:
        raise ValueError(f"the shape of `{key}` is {repr(shape)}")
    if not _are_sizes(offsets) or len(offsets) != 2:
        raise ValueError(f"the place of `{key}` is {repr(offsets)}")
    found = np.dtype(DTYPES[dtype])
    if offsets[1] - offsets[0] != math.prod(shape) * found.itemsize:
        raise ValueError(f"`{key}` has {offsets[1] - offsets[0]:,} bytes, and its shape says otherwise")
    return Place(found, tuple(shape), data_start + offsets[0], data_start + offsets[1])


def _are_sizes(values: Any) -> bool:
    return isinstance(values, list) and all(type(v) is int and 0 <= v < 1 << 62 for v in values)


def _check_tiling(places: Mapping[str, Place], start: int, stop: int) -> None:
    """Refuse gaps and overlaps: every byte of the file belongs to one array."""
    for key, place in sorted(places.items(), key=lambda item: (item[1].start, item[1].stop)):
        if place.start != start:
            raise ValueError(f"`{key}` begins at byte {place.start:,}, and {start:,} is expected")
        start = place.stop
    if start != stop:
        raise ValueError(f"its arrays end at byte {start:,}, and the file has {stop:,}")


def _corrupt(name: str, why: str) -> KexpError:
    return RunRefused.because(
        "checkpoint-corrupt",
        f"`{name}` is not a whole checkpoint: {why}",
        help="choose another with `--checkpoint best` or `--checkpoint last`",
    )
