"""The records in TensorFlow's record files, by their places.

Source: TensorFlow's tutorial "TFRecord and tf.train.Example": length (8 bytes, little-endian), masked CRC of
the length, data, masked CRC of the data.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kexp.data.files import Watched
from kexp.data.order import Indices
from kexp.errors import DataError, KexpError


@dataclass(frozen=True, slots=True)
class Records:
    """Where the records of some files lie. Shapes: `file`, `start` and `length` are (n,)."""

    files: Sequence[Watched]
    file: NDArray[np.int32]
    start: NDArray[np.int64]
    length: NDArray[np.int64]

    def read(self, rows: Indices) -> list[bytes]:
        """Return the bytes of records, opening every file once."""
        data: list[bytes] = [b""] * len(rows)
        for number in np.unique(self.file[rows]):
            self.files[number].check()
            with self.files[number].path.open("rb") as stream:
                for place in np.flatnonzero(self.file[rows] == number):
                    stream.seek(self.start[rows[place]])
                    data[place] = stream.read(self.length[rows[place]])
        return data


def index_records(files: Sequence[Path], skip: bool) -> tuple[Records, int]:
    """Return where every whole record lies, and how many damaged ones were left out."""
    places: list[tuple[int, int, int]] = []
    damaged = 0
    for number, file in enumerate(files):
        with file.open("rb") as stream:
            size = file.stat().st_size
            while stream.tell() < size:
                start = stream.tell()
                length = _length(stream.read(12), size - start)
                if length is None:
                    # Without a length there is no way to the next record.
                    damaged += 1
                    if not skip:
                        raise _damaged(file, len(places), start, "its length is damaged, or the file is torn")
                    break
                data, check = stream.read(length), stream.read(4)
                if _masked_crc(data) == struct.unpack("<I", check)[0]:
                    places.append((number, start + 12, length))
                    continue
                damaged += 1
                if not skip:
                    raise _damaged(file, len(places), start, "its bytes do not match their checksum")
    if not places:
        raise DataError.because("no-samples", f"`{files[0]}` holds no records", path="data")
    columns = np.array(places, np.int64).T
    records = Records([Watched.now(f) for f in files], columns[0].astype(np.int32), columns[1], columns[2])
    return records, damaged


def _length(head: bytes, left: int) -> int | None:
    if len(head) < 12:
        return None
    length, check = struct.unpack("<QI", head)
    return length if _masked_crc(head[:8]) == check and length + 16 <= left else None


def _masked_crc(data: bytes) -> int:
    import google_crc32c

    crc = int(google_crc32c.value(data))
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _damaged(file: Path, number: int, start: int, reason: str) -> KexpError:
    return DataError.because(
        "record-damaged",
        f"record {number} of `{file}`, at byte {start:,}, cannot be read: {reason}",
        path="data",
        help="write the file anew; `on_error: skip` leaves out damaged records and says how many",
    )
