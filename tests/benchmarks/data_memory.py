"""Peak memory of `kexp train` on data sets larger than one wants to hold, over the same on a handful of rows.

One epoch each in a process of its own. Memory of the process's own and pages of files, which the machine
takes back when it needs them, are told apart. Expected before it was measured: arrays and images that
`data.cache` leaves on disk take some hundred MiB whatever their size; a CSV file takes its numbers, twice
while it is split.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.benchmarks.tables import Table

_BYTES = 2 << 30
_FEW_BYTES = 4 << 20
_COLUMNS = 20
_SPEC = """\
kexp: 1
seed: 0
data: {source: SOURCE, cache: CACHE, split: {val: 0.05}}
model: {layers: [LAYERS, {Dense: {units: 2, activation: softmax}}]}
train: {optimizer: sgd, loss: sparse_categorical_crossentropy, epochs: 1, batch_size: 256}
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of data: `write` makes so many bytes of it in a folder."""

    source: str
    layers: str
    write: Callable[[Path, int], None]


@dataclass(frozen=True, slots=True)
class Peak:
    """The most that a process took. Units: MiB, seconds."""

    own: int = 0
    files: int = 0
    seconds: int = 0


def tables() -> Iterator[Table]:
    rows = []
    for name, kind in KINDS.items():
        for cache in ("auto", "none"):
            few, whole = (_peak(kind, cache, size) for size in (_FEW_BYTES, _BYTES))
            rows.append((name, cache, whole.own - few.own, whole.files - few.files, whole.seconds))
    header = ("data", "cache", "own memory, MiB", "pages of files, MiB", "s")
    note = f"Peaks beyond those with {_FEW_BYTES >> 20} MiB of data."
    yield Table(f"{_BYTES >> 20:,} MiB on disk, one epoch", header, rows, note)


def _peak(kind: Kind, cache: str, size: int) -> Peak:
    with tempfile.TemporaryDirectory(prefix="kexp-memory-") as name:
        folder = Path(name)
        kind.write(folder, size)
        text = _SPEC.replace("SOURCE", kind.source).replace("CACHE", cache).replace("LAYERS", kind.layers)
        (folder / "spec.yaml").write_text(text)
        began = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "kexp", "train", "spec.yaml", "--run-dir", "run", "-q"], cwd=folder
        )
        own = files = 0
        while process.poll() is None:
            found = _status(process.pid)
            own, files = max(own, found.get("RssAnon", 0)), max(files, found.get("RssFile", 0))
            time.sleep(0.02)
        if process.returncode:
            raise RuntimeError(f"{kind.source}: exit code {process.returncode}")
        return Peak(own >> 10, files >> 10, round(time.monotonic() - began))


def _status(pid: int) -> dict[str, int]:
    """Return what Linux says of a process's memory. Units: KiB."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    words = (line.split() for line in lines if line.startswith("Rss"))
    return {name.rstrip(":"): int(size) for name, size, *_ in words}


def _write_npy(folder: Path, size: int) -> None:
    rows = size // 784
    array = np.lib.format.open_memmap(folder / "x.npy", "w+", np.uint8, (rows, 784))
    for start in range(0, rows, 1 << 16):
        block = array[start : start + (1 << 16)]
        block[:] = np.random.default_rng(start).integers(0, 256, block.shape, np.uint8)
    array.flush()
    np.save(folder / "y.npy", np.arange(rows) % 2)


def _write_csv(folder: Path, size: int) -> None:
    values = np.random.default_rng(0).normal(size=(20_000, _COLUMNS))
    lines = (",".join([*(f"{value:.4f}" for value in row), str(n % 2)]) for n, row in enumerate(values))
    block = "\n".join(lines).encode() + b"\n"
    with (folder / "t.csv").open("wb") as stream:
        stream.write(",".join([*(f"c{number}" for number in range(_COLUMNS)), "y"]).encode() + b"\n")
        while stream.tell() < size:
            stream.write(block)


def _write_images(folder: Path, size: int) -> None:
    from PIL import Image

    random = np.random.default_rng(0)
    whole = []
    for number in range(20):
        file = folder / f"{number}.jpg"
        small = Image.fromarray(random.integers(0, 256, (30, 40, 3), np.uint8))
        noise = np.asarray(small.resize((640, 480)), np.int16) + random.integers(-20, 20, (480, 640, 3))
        Image.fromarray(noise.clip(0, 255).astype(np.uint8)).save(file, quality=90)
        whole.append(file.read_bytes())
        file.unlink()
    written = number = 0
    while written < size:
        place = folder / "images" / str(number % 2) / f"{number}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        written += place.write_bytes(whole[number % len(whole)])
        number += 1


KINDS = {
    "npy": Kind("npy, path: {x: x.npy, y: y.npy}", "{Rescaling: 0.004}", _write_npy),
    "csv": Kind("csv, path: t.csv, target: y", "{Dense: 8}", _write_csv),
    "images": Kind(
        "images, path: images, image_size: [96, 96]", "{Rescaling: 0.004}, Flatten", _write_images
    ),
}
