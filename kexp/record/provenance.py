"""The manifest as it is read: whatever wrote it, its sections are what others take them for."""

from collections.abc import Callable, Mapping
from reprlib import repr
from typing import Any

from kexp.record.jsonfile import broken, read_object
from kexp.record.rundir import RunDir

MAX_BYTES = 16 << 20
"""It lists packages, files and the names of classes."""

_SECTIONS = ("python", "cpu", "memory", "variables", "git", "spec", "backend", "model", "data")
_LISTS = {"distributions": ("name", "version"), "changed": ("time",)}
_DATA_LISTS = {"files": ("path", "sha256")}


def read_manifest(run: RunDir) -> dict[str, Any]:
    """Return what a run recorded of itself; nothing where it was cut off before.

    Raises: file-broken, another-version
    """
    record: dict[str, Any] = read_object(run.manifest, MAX_BYTES) or {}
    for name in _SECTIONS:
        if not isinstance(record.get(name) or {}, dict):
            raise broken(run.manifest, f"`{name}` is not a map")
    _check_lists(run, record, _LISTS)
    _check_lists(run, record.get("data") or {}, _DATA_LISTS)
    return record


def _check_lists(run: RunDir, record: Mapping[str, Any], lists: Mapping[str, tuple[str, ...]]) -> None:
    for name, keys in lists.items():
        items = record.get(name) or []
        if not isinstance(items, list) or not all(_has_texts(item, keys) for item in items):
            raise broken(run.manifest, f"`{name}` is not a list of maps with {' and '.join(keys)}")


def _has_texts(item: object, keys: tuple[str, ...]) -> bool:
    return isinstance(item, dict) and all(isinstance(item.get(key), str) for key in keys)


# ---------------------------------------------------------------- what the data was like


def check_info(record: Any) -> None:
    """Compare a record of data with what `protocols.DataInfo` holds.

    Raises: ValueError, KeyError, TypeError.
    """
    for name in ("inputs", "targets"):
        if len({str(tensor["name"]) for tensor in record[name]}) < len(record[name]):
            raise ValueError(f"two of the {name} have one name")
        for tensor in record[name]:
            shape = tensor["shape"]
            if not isinstance(tensor["name"], str) or not isinstance(tensor["dtype"], str):
                raise ValueError(f"one of the {name} has no name or dtype")
            if not isinstance(shape, list) or not all(size is None or _is_size(size) for size in shape):
                raise ValueError(f"the shape of `{tensor['name']}` is {repr(shape)}")
    for name, fits in _BY_NAME.items():
        found = record.get(name, {})
        if not isinstance(found, dict) or not all(fits(value) for value in found.values()):
            raise ValueError(f"`{name}` is {repr(found)}")
    if "train" not in record["sizes"]:
        raise ValueError("`sizes` has no `train`")


def _is_size(value: object) -> bool:
    return type(value) is int and 0 <= value < 1 << 40


def _are(value: object, *kinds: type) -> bool:
    return isinstance(value, list) and all(isinstance(item, kinds) for item in value)


def _are_units(value: object) -> bool:
    return isinstance(value, dict) and all(_are(value.get(key), int, float) for key in ("scale", "offset"))


def _are_fills(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(item, str | int | float) for item in value.values())


_BY_NAME: Mapping[str, Callable[[object], bool]] = {
    "classes": lambda value: _are(value, str),
    "num_classes": _is_size,
    "sizes": _is_size,
    "columns": lambda value: _are(value, str),
    "fills": _are_fills,
    "vocabulary_sizes": _is_size,
    "units": _are_units,
}
