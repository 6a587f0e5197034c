"""What data comes in, to be changed at random: tables, arrays, and rows to predict."""

import gzip
import io
import random
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from hostile.fuzz import Target, by_bytes
from kexp.data import csv_table, idx, npy, npz
from kexp.data.image_column import Decoding, size_of
from kexp.data.rows import read_rows
from kexp.errors import KexpError
from kexp.protocols import DataInfo, Site, Table, TensorInfo

CSV_TOKENS = (
    *(",", ";", "\t", '"', '""', "\n", "\r", "\r\n", "\x00", "\ufeff", "\xff", " ", "nan", "NA", "inf"),
    *("1e400", "-0", "1_0", "0x1f", "9" * 400, "a" * 300, "\u202e", "\x1b[2J", "\u0663", ",,,,,,"),
)
HEADER_TOKENS = (
    *(
        "'descr'",
        "'<f4'",
        "'|O'",
        "'<U9999999'",
        "'>i2'",
        "[('a', '<f4')]",
        "(2, 4)",
        "(-1,)",
        "()",
        "{",
        "}",
    ),
    *("9" * 40, "True", "None", "((((", "\x93NUMPY", "\x00", "\xff", "PK\x03\x04", "PK\x05\x06", "__class__"),
)
IMAGE_TOKENS = ("\x00", "\x7f", "\x7f\x7f\x7f\x7f", "IHDR", "IDAT", "GIF89a", "P5 9 9 255\n", "BM", "RIFF")
INFO = DataInfo((TensorInfo("x", (4,), "float32"),), (TensorInfo("y", (), "int32"),), {}, {}, {"train": 3})


def by_member(random: random.Random, target: Target) -> bytes:
    """Change an array and pack it as it should be, so that what is in an archive is met."""
    member = by_bytes(random, target)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("x.npy", member)
        archive.writestr("y.npy", _npy(np.zeros(3, np.int32)))
    return packed.getvalue()


def tables(folder: Path) -> Iterator[Target]:
    """Yield the readers of files that hold samples; files are written into `folder`."""
    for target in _tables(folder):
        yield replace(target, read=_without_warnings(target.read))


def _without_warnings(read: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """Let numpy and Pillow say nothing of what they can do without."""

    def quiet(data: bytes) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read(data)

    return quiet


def _tables(folder: Path) -> Iterator[Target]:
    site = Site(folder, 0)
    x, y = np.arange(12, dtype=np.float32).reshape(3, 4), np.zeros(3, np.int32)
    texts = np.array(["a", "bc", "d"])
    sheets = [b"a,b,c,y\n1,2,3,p\n4,5,,q\n7,8,9,p\n", b'"a b";y\n"1;2";0\n3;1\n', b"1,2,3,4\n5,6,7,8\n"]

    def loaded(name: str, load: Callable[[str], Table]) -> Callable[[bytes], None]:
        def read(data: bytes) -> None:
            (folder / name).write_bytes(data)
            for samples in load(name).parts.values():
                for column in (*samples.inputs.values(), *samples.targets.values()):
                    column[:2]

        return read

    def predicted(suffix: str) -> Callable[[bytes], None]:
        return lambda data: read_rows(io.BytesIO(data), f"rows{suffix}", INFO) and None

    def csv(name: str) -> Table:
        return csv_table.load(site, path=name, target="y", missing={"c": "median"})

    arrays: Sequence[bytes] = [_npy(x), _npy(x.astype(">f8")), _npy(texts), _npy(y)]
    images = struct.pack(">HBBIII", 0, 8, 3, 2, 3, 2) + bytes(12)
    yield Target("csv", sheets, by_bytes, loaded("t.csv", csv), CSV_TOKENS)
    yield Target("csv rows", sheets, by_bytes, predicted(".csv"), CSV_TOKENS, share=2)
    npy_read = loaded("t.npy", lambda name: npy.load(site, path={"x": name, "y": name}))
    yield Target("npy", arrays, by_bytes, npy_read, HEADER_TOKENS)
    yield Target("npy rows", arrays, by_bytes, predicted(".npy"), HEADER_TOKENS, share=2)
    npz_read = loaded("t.npz", lambda name: npz.load(site, path=name))
    yield Target("npz", arrays, by_member, npz_read, HEADER_TOKENS)
    yield Target("npz bytes", [_npz(x, y)], by_bytes, npz_read, HEADER_TOKENS)
    read = loaded("t.idx", lambda name: idx.load(site, path={"x": name, "y": name}))
    yield Target("idx", [images, gzip.compress(images)], by_bytes, read, ("\x00", "\xff", "\x1f", "\x08"))

    def decoded(data: bytes) -> None:
        path = folder / "t.image"
        path.write_bytes(data)
        for mode in ("rgb", "classes"):
            with suppress(KexpError):
                Decoding((4, 4), mode).decode(path)
        size_of(path)

    yield Target("image", [*_images()], by_bytes, decoded, IMAGE_TOKENS, most_seconds=5.0)


def _images() -> Iterator[bytes]:
    for format, mode in (*(("PNG", mode) for mode in ("RGB", "P", "L", "I;16")), ("GIF", "P"), ("PPM", "L")):
        yield _image(format, mode)
    for format in ("BMP", "JPEG", "TIFF", "WEBP"):
        yield _image(format, "RGB")


def _image(format: str, mode: str) -> bytes:
    data = io.BytesIO()
    Image.new(mode, (7, 5)).save(data, format)
    return data.getvalue()


def _npy(array: "np.ndarray") -> bytes:
    data = io.BytesIO()
    np.save(data, array)
    return data.getvalue()


def _npz(x: "np.ndarray", y: "np.ndarray") -> bytes:
    data = io.BytesIO()
    np.savez_compressed(data, x=x, y=y)
    return data.getvalue()
