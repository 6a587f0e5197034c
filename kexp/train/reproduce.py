"""A recorded run -> the same training once more, on the same data, in a run of its own."""

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

from kexp.errors import DataError
from kexp.graph.initial import weights_sha256
from kexp.protocols import Display
from kexp.record.provenance import read_manifest
from kexp.record.rundir import RunDir
from kexp.spec.references import weight_files
from kexp.train.loop import carry_out
from kexp.train.order import Order, Result
from kexp.train.ready import Ready, make_ready

_MOST_TOLD = 10


def reproduce(first: RunDir, order: Order, display: Display) -> Result:
    """Train what `first` trained; `order` is made of what that run keeps.

    Raises: what `train` raises; DataError (data-not-the-same).
    """
    ready = make_ready(order.experiment, order.folder)
    display.warn(ready.warnings)
    check_same_data(first, order, ready)
    if order.run is not None:
        return carry_out(order.run, order, ready, display)
    run = RunDir.create(order.runs, order.experiment.name, order.started)
    with run.lock():
        return carry_out(run, order, ready, display)


def check_same_data(first: RunDir, order: Order, ready: Ready) -> None:
    """Refuse to train on anything but what `first` was trained on.

    Raises: DataError (data-not-the-same).
    """
    told = [*_changed_data(read_manifest(first), order, ready)]
    if told:
        more = [f"and {len(told) - _MOST_TOLD} more"] if len(told) > _MOST_TOLD else []
        raise DataError.because(
            "data-not-the-same",
            f"the data is not what `{first.id}` was trained on",
            path="data",
            detail="\n".join([*told[:_MOST_TOLD], *more]),
            help="restore the data, or say where it lies now with `--data PATH`",
        )


def _changed_data(manifest: Mapping[str, Any], order: Order, ready: Ready) -> Iterator[str]:
    then, now = manifest.get("data") or {}, ready.datasets.fingerprint.as_json()
    for key, what in (("content_sha256", "samples"), ("index_sha256", "rows chosen")):
        known = then.get(key) or {}
        for split in dict.fromkeys((*known, *now[key])):
            if known.get(split) != now[key].get(split):
                yield f"{split}, {what}: sha256 {_short(known.get(split))} → {_short(now[key].get(split))}"
    hashes = {file["path"]: file["sha256"] for file in then.get("files") or ()}
    for file in now["files"]:
        if hashes.get(file["path"], file["sha256"]) != file["sha256"]:
            yield f"{file['path']}: sha256 {_short(hashes[file['path']])} → {_short(file['sha256'])}"
    yield from _changed_weights((manifest.get("model") or {}).get("initial_weights") or {}, order)


def _changed_weights(then: Mapping[str, str], order: Order) -> Iterator[str]:
    """Compare the files that layers begin from, which the run knows by other paths in the same order."""
    now = {path: weights_sha256(order.folder / path) for path in weight_files(order.experiment)}
    if len(then) != len(now):  # a file that had two names is resolved to one
        then, now = _each_once(then), _each_once(now)
    for known, path in zip_longest(then, now):
        if known is None or path is None or then[known] != now[path]:
            yield f"{path or known}: sha256 {_short(then.get(known))} → {_short(now.get(path))}"


def _each_once(files: Mapping[str, str]) -> dict[str, str]:
    first: dict[str, str] = {}
    for path, digest in files.items():
        first.setdefault(digest, path)
    return {path: digest for digest, path in first.items()}


def _short(digest: object) -> str:
    return "(none)" if digest is None else str(digest)[:12]
