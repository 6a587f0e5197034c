"""What a stranger can do to a run directory: every way is a function that spoils a sound run."""

import json
import os
import socket
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hostile.runs import MANIFEST, ROW, STATUS, list_anew, safetensors, sparse, weights
from kexp.record.rundir import RunDir

Spoil = Callable[[RunDir, Path], None]
"""Takes the run, and a folder beside it that nobody may read."""

ESCAPE = "\x1b]0;gone\x07\x1b[2J"
BIDI = "\u202e\u2066"
LOOK_ALIKE = "v\u0430l_loss"
DEEP = "[" * 100_000 + "]" * 100_000

FILES = (
    "status.json",
    "notes.json",
    "manifest.json",
    "metrics.jsonl",
    "metrics.csv",
    "resolved.yaml",
    "SHA256SUMS",
)
"""What the reading commands open."""


def _linked(name: str) -> Spoil:
    def spoil(run: RunDir, outside: Path) -> None:
        target = outside / "secret"
        target.write_text("s3cr3t")
        (run.path / name).unlink(missing_ok=True)
        (run.path / name).symlink_to(target)

    return spoil


def _to_device(name: str) -> Spoil:
    def spoil(run: RunDir, outside: Path) -> None:
        (run.path / name).unlink(missing_ok=True)
        (run.path / name).symlink_to("/dev/zero")

    return spoil


def _looped(name: str) -> Spoil:
    def spoil(run: RunDir, outside: Path) -> None:
        (run.path / name).unlink(missing_ok=True)
        (run.path / name).symlink_to(name)

    return spoil


def _piped(name: str) -> Spoil:
    def spoil(run: RunDir, outside: Path) -> None:
        (run.path / name).unlink(missing_ok=True)
        os.mkfifo(run.path / name)

    return spoil


def _socketed(name: str) -> Spoil:
    def spoil(run: RunDir, outside: Path) -> None:
        (run.path / name).unlink(missing_ok=True)
        before = Path.cwd()
        os.chdir(run.path)  # the path of a socket is short
        try:
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(name)
        finally:
            os.chdir(before)

    return spoil


def _foldered(name: str) -> Spoil:
    def spoil(run: RunDir, outside: Path) -> None:
        (run.path / name).unlink(missing_ok=True)
        (run.path / name).mkdir()

    return spoil


def _sparse(name: str, size_bytes: int) -> Spoil:
    return lambda run, outside: sparse(run.path / name, size_bytes)


def _holding(name: str, text: str | bytes) -> Spoil:
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return lambda run, outside: (run.path / name).write_bytes(data) and None


def _json(name: str, record: object) -> Spoil:
    return _holding(name, json.dumps(record))


def _status(**more: Any) -> Spoil:
    return _json("status.json", {**STATUS, **more})


def _manifest(**more: Any) -> Spoil:
    return _json("manifest.json", {**MANIFEST, **more})


def _rows(*rows: Any) -> Spoil:
    return _holding("metrics.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows))


def _folder_linked(name: str) -> Spoil:
    """Let a folder of the run be one outside it, with what kexp would remove as its own leftovers."""

    def spoil(run: RunDir, outside: Path) -> None:
        for path in (outside / ".best.safetensors.01234567.tmp", outside / "test-20261123-091455.json"):
            path.write_text("precious")
        folder = run.path / name
        if folder.is_dir():
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()
        folder.symlink_to(outside)

    return spoil


def _nested_folders(run: RunDir, outside: Path) -> None:
    path = run.path / "evaluations"
    for _ in range(200):
        path /= "d" * 15
    path.mkdir(parents=True)
    (path / "x.json").write_text("{}")


def _deeper_than_paths(run: RunDir, outside: Path) -> None:
    """Nest folders deeper than a path may be long, which only relative names can."""
    before = Path.cwd()
    os.chdir(run.path)
    try:
        for _ in range(300):
            Path("d" * 20).mkdir()
            os.chdir("d" * 20)
    finally:
        os.chdir(before)


def _many_files(run: RunDir, outside: Path) -> None:
    run.evaluations.mkdir()
    for number in range(3000):
        (run.evaluations / f"test-{number}.json").touch()


def _zip_bomb(run: RunDir, outside: Path) -> None:
    with zipfile.ZipFile(run.model_file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", bytes(50 << 20))


def _names(*names: str) -> Spoil:
    def spoil(run: RunDir, outside: Path) -> None:
        run.evaluations.mkdir()
        for name in names:
            (run.evaluations / name).touch()

    return spoil


def _sums(*names: str) -> Spoil:
    return _holding("SHA256SUMS", "".join(f"{'0' * 64}  {name}\n" for name in names))


LOOKING: dict[str, Spoil] = {
    **{f"{name} is a link": _linked(name) for name in FILES},
    **{f"{name} is a link to a device": _to_device(name) for name in FILES},
    **{f"{name} is a link to itself": _looped(name) for name in FILES},
    **{f"{name} is a pipe": _piped(name) for name in FILES},
    **{f"{name} is a socket": _socketed(name) for name in FILES},
    **{f"{name} is a folder": _foldered(name) for name in FILES},
    **{f"{name} is 300 MB of zeros": _sparse(name, 300 << 20) for name in FILES},
    **{f"{name} is 30 MB of zeros": _sparse(name, 30 << 20) for name in FILES},
    **{f"{name} is 10 GB of zeros": _sparse(name, 10 << 30) for name in FILES},
    **{f"{name} is nested": _holding(name, DEEP) for name in FILES},
    **{f"{name} is no text": _holding(name, bytes(range(256)) * 20) for name in FILES},
    **{f"{name} holds many small lists": _holding(name, f"[{'[],' * 1_300_000}[]]") for name in FILES[:3]},
    "lock is a link to a device": _to_device("lock"),
    "lock is a pipe": _piped("lock"),
    "lock is a folder": _foldered("lock"),
    "spec.yaml is a pipe": _piped("spec.yaml"),
    "train.log is a link": _linked("train.log"),
    **{
        f"{name} is a link to a folder": _folder_linked(name)
        for name in ("evaluations", "code", "checkpoints", "preprocess")
    },
    "folders are nested": _nested_folders,
    "folders are nested deeper than paths": _deeper_than_paths,
    "there are many evaluations": _many_files,
    "evaluations have hostile names": _names(
        f"{ESCAPE}.json", f"{BIDI}.json", "a\nfake line.json", "\udcff.json"
    ),
    "model.keras is a zip bomb": _zip_bomb,
    "the sums lead out": _sums("../../etc/passwd", "/etc/passwd", "a/../../b"),
    "the sums have escapes": _sums(ESCAPE, BIDI),
    "the status steers the terminal": _status(name=ESCAPE, error=f"{ESCAPE}{BIDI}", state="failed"),
    "the status has look-alikes": _status(metrics={LOOK_ALIKE: 1.0, BIDI: 2.0}, name=LOOK_ALIKE),
    "the status has lone surrogates": _holding(
        "status.json", '{"name": "\\ud800", "error": "\\udfff", "state": "failed"}'
    ),
    "the status is of another kind": _status(samples={"train": "many"}, best={"epoch": [], "value": {}}),
    "the status has samples that are lists": _status(samples={"train": [1]}),
    "the status has no numbers": _holding(
        "status.json", '{"metrics": {"loss": NaN, "a": Infinity, "b": 1e999}}'
    ),
    "the status has huge numbers": _holding(
        "status.json", '{"epoch": 1' + "0" * 4000 + ', "metrics": {"a": 1' + "0" * 400 + "}}"
    ),
    "the status is of the year 1": _status(created="0001-01-01T00:00:00+23:59"),
    "the status is of another version": _status(schema=DEEP[:400]),
    "the status has a long text": _status(error="x" * 5_000_000, state="failed"),
    "the status names a state that is long": _status(state="x" * 5_000_000),
    "the status names a metric that is long": _status(metrics={"x" * 1_000_000: 1.0}),
    "the status says each thing twice": _holding("status.json", '{"state": "completed", "state": "failed"}'),
    "the notes steer the terminal": _json(
        "notes.json", {"tags": [ESCAPE, BIDI], "notes": [ESCAPE, "a\nstate  own"]}
    ),
    "the notes are of another kind": _json("notes.json", {"tags": {"a": 1}, "notes": [[]]}),
    "the manifest is a list": _json("manifest.json", [1, 2]),
    "the manifest has lists for maps": _manifest(model=[1], backend="x", spec=[[]], git=[0]),
    "the manifest has a list for a name": _manifest(backend={"name": ["a"]}),
    "the manifest has texts for numbers": _manifest(model={"parameters": "many"}),
    "the manifest steers the terminal": _manifest(
        command=[ESCAPE, BIDI], git={"commit": ESCAPE}, hostname=ESCAPE
    ),
    "the manifest lists no packages": _manifest(
        distributions=[1, {"name": 2}], data={"files": [{"path": []}]}
    ),
    "the rows steer the terminal": _rows({**ROW, ESCAPE: 1.0, BIDI: 2.0, "stage": ESCAPE}),
    "the rows are nested": _rows({**ROW, "loss": [[[1]]]}, {**ROW, "loss": {"a": 1}}),
    "the rows have no numbers": _holding("metrics.jsonl", '{"epoch": 1, "loss": NaN, "x": 1e999}\n'),
    "a row has 30 MB": _holding("metrics.jsonl", json.dumps({**ROW, "x": "y" * 30_000_000}) + "\n"),
    "a row has many columns": _rows({f"c{number}": 1 for number in range(100_000)}),
    "there are many rows": _holding("metrics.jsonl", "{}\n" * 10_000_000),
    "the table steers the terminal": _holding("metrics.csv", f"epoch,{ESCAPE}\n1,{BIDI}\n"),
    "the spec steers the terminal": _holding("resolved.yaml", f'# {BIDI}\n"\\e[2J": "\\e]0;x\\a"\n'),
    "the spec has a tag": _holding("resolved.yaml", "kexp: !!python/object/apply:os.system [true]\n"),
}
"""What the commands that only look are shown."""


def _checkpoint(data: bytes | Callable[[Path], None]) -> Spoil:
    def spoil(run: RunDir, outside: Path) -> None:
        path = run.checkpoints / "best.safetensors"
        path.write_bytes(data) if isinstance(data, bytes) else data(path)
        list_anew(run, path)

    return spoil


def _header(**entries: Any) -> Spoil:
    return _checkpoint(safetensors(entries, bytes(60)))


def _array(dtype: object = "F32", shape: object = (4, 3), offsets: object = (0, 48)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


_BIAS = _array(shape=[3], offsets=[48, 60])
KERNEL, BIAS = "model/scores/0", "model/scores/1"
_TWICE = f'{{"{KERNEL}": {json.dumps(_array())}, "{KERNEL}": {json.dumps(_array())}, "{BIAS}": {json.dumps(_BIAS)}}}'


def _two(**kernel: Any) -> Spoil:
    return _header(**{KERNEL: _array(**kernel), BIAS: _BIAS})


CHECKPOINTS: dict[str, Spoil] = {
    "is empty": _checkpoint(b""),
    "is HDF5": _checkpoint(b"\x89HDF\r\n\x1a\n" + bytes(2000)),
    "is a pickle": _checkpoint(b"\x80\x04cposix\nsystem\n(S'true'\ntR." * 50),
    "is a zip": _checkpoint(b"PK\x03\x04" + bytes(500)),
    "has a header of 2**63 bytes": _checkpoint((1 << 63).to_bytes(8, "little") + bytes(100)),
    "has a header of 2**64 - 1 bytes": _checkpoint(b"\xff" * 8 + bytes(100)),
    "has a header that is longer than the file": _checkpoint((1000).to_bytes(8, "little") + b"{}"),
    "has a header of 90 MB": _checkpoint(safetensors(b"{" + b" " * (90 << 20) + b"}")),
    "has a header that is a list": _checkpoint(safetensors("[]")),
    "has a header that is nested": _checkpoint(safetensors(DEEP)),
    "has a header that is no text": _checkpoint(safetensors(b"\xff\xfe{}")),
    "has NaN in its header": _checkpoint(safetensors('{"a": NaN}')),
    "names an array twice": _checkpoint(safetensors(_TWICE, bytes(60))),
    "has arrays over one another": _two(offsets=[12, 60]),
    "has a gap": _header(**{KERNEL: _array(), BIAS: _array(shape=[3], offsets=[52, 64])}),
    "has arrays behind its end": _two(offsets=[1 << 40, (1 << 40) + 48]),
    "has offsets below zero": _two(offsets=[-48, 0]),
    "has offsets backwards": _two(offsets=[48, 0]),
    "has offsets that are no numbers": _two(offsets=["0", None]),
    "has offsets that are fractions": _two(offsets=[0.0, 48.0]),
    "has a shape below zero": _two(shape=[-4, -3]),
    "has a shape of no numbers": _two(shape=["4", True]),
    "has a giant shape": _two(shape=[1 << 40, 1 << 40]),
    "has a shape that overflows": _two(shape=[1 << 61, 8]),
    "has a shape of many axes": _two(shape=[1] * 1000 + [12]),
    "has a dtype that nobody knows": _two(dtype="OBJECT"),
    "has a dtype that is a list": _two(dtype=["F32"]),
    "has another dtype": _two(dtype="I32"),
    "has another shape": _two(shape=[12]),
    "has metadata of another kind": _header(__metadata__={"kexp": 1}, **{KERNEL: _array(), BIAS: _BIAS}),
    "lacks an array": _checkpoint(weights({KERNEL: (4, 3)})),
    "has one array more": _checkpoint(weights({KERNEL: (4, 3), BIAS: (3,), "model/more/0": (2,)})),
    "has a name with escapes": _header(**{f"model/{ESCAPE}{BIDI}": _array(), BIAS: _BIAS}),
    "is 10 GB of zeros": _checkpoint(lambda path: sparse(path, 10 << 30)),
    "says that it holds 10 GB": _checkpoint(
        lambda path: sparse(
            path,
            8 + 99 + (10 << 30),
            safetensors(
                json.dumps({KERNEL: _array(shape=[10 << 30, 1], dtype="U8", offsets=[0, 10 << 30])}).ljust(99)
            ),
        )
    ),
}
"""What `best.safetensors` is."""
