"""`.keras` files as a stranger could send them to `kexp import`."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py

Write = Callable[[Path], None]

_INPUT = {
    "module": "keras.layers",
    "class_name": "InputLayer",
    "config": {"batch_shape": [None, 4], "dtype": "float32", "name": "x"},
    "registered_name": None,
}


def sequential(*layers: dict[str, Any]) -> dict[str, Any]:
    return {
        "module": "keras",
        "class_name": "Sequential",
        "config": {
            "name": "m",
            "trainable": True,
            "layers": [_INPUT, *layers],
            "build_input_shape": [None, 4],
        },
        "registered_name": None,
        "build_config": {"input_shape": [None, 4]},
    }


def layer(
    class_name: str, module: str = "keras.layers", registered: str | None = None, **config: Any
) -> dict[str, Any]:
    return {"module": module, "class_name": class_name, "config": config, "registered_name": registered}


def archive(config: Any, weights: bytes | None = None, compression: int = zipfile.ZIP_STORED) -> Write:
    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w", compression) as file:
            text = config if isinstance(config, (str, bytes)) else json.dumps(config)
            file.writestr("config.json", text)
            file.writestr(
                "metadata.json", json.dumps({"keras_version": "3.15.1", "date_saved": "2026-11-23"})
            )
            if weights is not None:
                file.writestr("model.weights.h5", weights)

    return write


def with_members(write: Write, *members: str, said_bytes: int | None = None) -> Write:
    """Return a way to write an archive with more in it, of which its table says another size."""

    def write_more(path: Path) -> None:
        write(path)
        with zipfile.ZipFile(path, "a") as file:
            for member in members:
                file.writestr(member, "x")
        if said_bytes is not None:
            data = bytearray(path.read_bytes())
            table = data.rindex(b"PK\x01\x02")
            data[table + 24 : table + 28] = said_bytes.to_bytes(4, "little")
            path.write_bytes(data)

    return write_more


def hdf5(fill: Callable[[h5py.Group], None]) -> bytes:
    """Return a file of weights whose layer `dense` is filled by `fill`."""
    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        fill(file.create_group("layers/dense/vars"))
    return data.getvalue()


def _giant(group: h5py.Group) -> None:
    group.create_dataset("0", shape=(1 << 20, 1 << 20), dtype="f4", chunks=(1024, 1024), compression="gzip")


def _external(group: h5py.Group) -> None:
    group["0"] = h5py.ExternalLink("/etc/passwd", "/")


def _external_data(group: h5py.Group) -> None:
    group.create_dataset("0", shape=(4, 3), dtype="f4", external=[("/etc/passwd", 0, 48)])
    group.create_dataset("1", data=[0.0, 0.0, 0.0], dtype="f4")


def _soft(group: h5py.Group) -> None:
    group["0"] = h5py.SoftLink("/layers")


def _whole(group: h5py.Group) -> None:
    group.create_dataset("0", data=[[0.0] * 3] * 4, dtype="f4")
    group.create_dataset("1", data=[0.0] * 3, dtype="f4")


DENSE = layer("Dense", units=3, name="dense")
DEEP = "[" * 100_000 + "]" * 100_000

SOUND = archive(sequential(DENSE), hdf5(_whole))
KERAS_FILES: dict[str, Write] = {
    "a zip bomb": archive(bytes(40 << 20), compression=zipfile.ZIP_DEFLATED),
    "a zip bomb of JSON": archive("[" + "[]," * (6 << 20) + "[]]", compression=zipfile.ZIP_DEFLATED),
    "a config that is nested": archive(DEEP),
    "a config that is nested deeper than Python": archive('{"config": {}, "class_name": ' + DEEP + "}"),
    "a config of another kind": archive({"class_name": ["Sequential"], "config": {"layers": 3}}),
    "a Lambda": archive(
        sequential(
            layer("Lambda", name="l", function={"class_name": "__lambda__", "config": {"code": "4wEA"}})
        )
    ),
    "a gadget": archive(
        sequential(layer("system", module="os", registered="system", command="touch CANARY"))
    ),
    "a gadget in a config": archive(
        sequential(
            layer(
                "Dense",
                units=3,
                activation={
                    "module": "os",
                    "class_name": "function",
                    "config": "system",
                    "registered_name": "system",
                },
            )
        )
    ),
    "a loader of files": archive(
        sequential(
            layer("get_file", module="keras.utils", registered=None, fname="x", origin="file:///etc/passwd")
        )
    ),
    "a vocabulary outside": archive(sequential(layer("StringLookup", vocabulary="/etc/passwd", name="s"))),
    "a SavedModel": archive(sequential(layer("TFSMLayer", filepath="/tmp", name="t"))),
    "weights of giant declared size": archive(sequential(DENSE), hdf5(_giant)),
    "weights behind a link": archive(sequential(DENSE), hdf5(_external)),
    "weights in another file": archive(sequential(DENSE), hdf5(_external_data)),
    "weights that are a group": archive(sequential(DENSE), hdf5(_soft)),
    "weights that are no HDF5": archive(sequential(DENSE), b"x" * 1000),
    "weights that are a bomb": with_members(
        archive(sequential(DENSE)), "model.weights.h5", said_bytes=3 << 30
    ),
    "assets that are a bomb": with_members(SOUND, "assets/bomb", said_bytes=3 << 30),
    "a giant layer": archive(sequential(layer("Dense", units=1_000_000_000, name="dense"))),
    "no zip": lambda path: path.write_bytes(b"PK\x03\x04" + bytes(1000)) and None,
    "a pickle": lambda path: path.write_bytes(b"\x80\x04cposix\nsystem\n(S'true'\ntR.") and None,
}
