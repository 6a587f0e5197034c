"""Texts and files changed at random, given to whatever reads them: a refusal or a value, within a second.

`python -m tests.hostile.fuzz --seconds 900` runs until then; a case that fails is kept in a file.
"""

import argparse
import io
import json
import logging
import os
import random
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.append(str(Path(__file__).parents[1]))  # as in the tests

import yaml

from hostile.mutation import JSON_TOKENS, SUMS_TOKENS, YAML_TOKENS, changed_bytes, changed_tree
from hostile.runs import MANIFEST, ROW, STATUS, make_run, spec, weights
from kexp.cli.described import describe, record_of
from kexp.cli.streams import Streams
from kexp.diagnostics import render
from kexp.document import parse_document
from kexp.errors import KexpError
from kexp.graph.checkpoint import unpack
from kexp.record.differences import differences
from kexp.record.history import drop_rows_after, read_rows, write_csv
from kexp.record.notes import read_notes
from kexp.record.provenance import check_info, read_manifest
from kexp.record.query import list_runs
from kexp.record.rundir import RunDir
from kexp.record.status import read_status
from kexp.record.strangers import code_and_files, data_outside
from kexp.report.differences import differences_text
from kexp.report.graph import graph_text
from kexp.spec.canonical import canonical, identity
from kexp.spec.parse import check

CONFIGS = Path(__file__).parents[2] / "configs"


@dataclass(frozen=True, slots=True)
class Target:
    """What is read: `samples` are sound, `change` makes other bytes of one, `read` must refuse or return.

    `share` is how many cases it has in each round: more where they cost little.
    """

    name: str
    samples: Sequence[bytes]
    change: Callable[[random.Random, "Target"], bytes]
    read: Callable[[bytes], None]
    tokens: Sequence[str] = ()
    most_seconds: float = 1.0
    share: int = 1


@dataclass(frozen=True, slots=True)
class Fault:
    target: str
    data: bytes
    reason: str


def fuzz(
    targets: Sequence[Target], seed: int, cases: int, seconds: float
) -> tuple[Counter[str], list[Fault]]:
    """Read changed samples of all targets in turn; return how many of each, and what went wrong."""
    turns = [target for target in targets for _ in range(target.share)]
    done: Counter[str] = Counter()
    faults: list[Fault] = []
    began = time.monotonic()
    for number in range(cases):
        if time.monotonic() - began > seconds:
            break
        target = turns[number % len(turns)]
        data = target.change(random.Random(f"{seed}/{number}"), target)
        fault = tried(target, data)
        done[target.name] += 1
        if fault is not None:
            faults.append(fault)
    return done, faults


def tried(target: Target, data: bytes) -> Fault | None:
    """Read once; a refusal is no fault."""
    began = time.process_time()
    try:
        with suppress(KexpError):
            target.read(data)
    except Exception:
        return Fault(target.name, data, traceback.format_exc())
    took = time.process_time() - began
    return Fault(target.name, data, f"took {took:.1f} s") if took > target.most_seconds else None


# ---------------------------------------------------------------- how samples are changed


def by_bytes(random: random.Random, target: Target) -> bytes:
    sample = random.choice(target.samples)
    return changed_bytes(random, sample, target.samples, target.tokens)


def by_yaml_tree(random: random.Random, target: Target) -> bytes:
    tree = yaml.load(random.choice(target.samples), Loader=yaml.CSafeLoader)
    return yaml.dump(changed_tree(random, tree), Dumper=yaml.CSafeDumper, allow_unicode=True).encode()


def by_json_tree(random: random.Random, target: Target) -> bytes:
    return json.dumps(changed_tree(random, json.loads(random.choice(target.samples)))).encode()


def by_header(random: random.Random, target: Target) -> bytes:
    """Change the header of a checkpoint, and mostly let its length say so."""
    sample = random.choice(target.samples)
    length = int.from_bytes(sample[:8], "little")
    header = sample[8 : 8 + length]
    if random.randrange(2):
        header = json.dumps(changed_tree(random, json.loads(header))).encode()
    else:
        header = changed_bytes(random, header, [header], target.tokens)
    told = len(header) if random.randrange(8) else random.getrandbits(64)
    rest = sample[8 + length :]
    return told.to_bytes(8, "little") + header + rest[: random.randint(0, 2 * len(rest))]


# ---------------------------------------------------------------- what reads them


def read_spec(data: bytes) -> None:
    checked = check(parse_document(data, "spec.yaml"))
    render(checked.diagnostics)
    experiment = checked.experiment
    if experiment is not None:
        identity(experiment)
        text = canonical(experiment, defaults=True)
        check(parse_document(text.encode(), "spec.yaml"))
        graph_text(experiment, "text")
        render([*code_and_files(experiment), *data_outside(experiment.data)])


def targets(folder: Path) -> Iterator[Target]:
    """Yield what is tried; files are written into `folder`."""
    run, other = make_run(folder / "runs"), make_run(folder / "others")
    specs = [path.read_bytes() for path in sorted(CONFIGS.glob("*.yaml"))] + [spec().encode()]
    yield Target("document", specs, by_bytes, read_spec, YAML_TOKENS)
    yield Target("spec", specs, by_yaml_tree, read_spec)

    def through(path: Path, *reads: Callable[[], Any]) -> Callable[[bytes], None]:
        sound = path.read_bytes() if path.exists() else None

        def read(data: bytes) -> None:
            path.write_bytes(data)
            try:
                for each in reads:
                    with suppress(KexpError):
                        each()
            finally:
                path.unlink()
                if sound is not None:
                    path.write_bytes(sound)

        return read

    def shown() -> None:
        streams = Streams()
        streams.out = io.StringIO()
        describe(streams, run)
        told = streams.out.getvalue()
        assert all(c.isprintable() or c == "\n" for c in told), told

    def compared() -> None:
        differences_text(differences(run, other))

    row = json.dumps(ROW).encode() + b"\n"
    rows = [row * 3, row + b'{"epoch": 2, "step": 10, "nonfinite": ["loss"], "loss": null}\n']
    read_metrics = through(
        run.metrics, lambda: read_rows(run), lambda: drop_rows_after(run, 5), lambda: write_csv(run)
    )
    yield Target("rows", rows, by_bytes, read_metrics, JSON_TOKENS)
    listed = (lambda: list_runs(folder / "runs"), lambda: record_of(run), shown, compared)
    status = [json.dumps(STATUS).encode()]
    read = through(run.status, lambda: read_status(run), *listed)
    yield Target("status", status, by_json_tree, read)
    yield Target("status bytes", status, by_bytes, read, JSON_TOKENS)
    notes = [json.dumps({"schema": 1, "tags": ["a"], "notes": ["b"]}).encode()]
    yield Target("notes", notes, by_json_tree, through(run.notes, lambda: read_notes(run), shown))
    manifest = [json.dumps(MANIFEST).encode()]
    yield Target(
        "manifest",
        manifest,
        by_json_tree,
        through(run.manifest, lambda: read_manifest(run), lambda: _read_info(run), shown, compared),
    )
    sums = [run.sums.read_bytes()]
    read_sums = through(run.sums, run.origin, lambda: run.verify("spec.yaml"), run.check_whole)
    yield Target("sums", sums, by_bytes, read_sums, SUMS_TOKENS)
    yield Target(
        "macs", [b"begun " + b"0" * 64], by_bytes, through(run.sums_mac, run.origin), SUMS_TOKENS, share=2
    )
    states = [weights(), weights({"model/a/0": (2, 3), "model/b/0": (), "optimizer/x": (0, 4)})]
    yield Target("checkpoint", states, by_header, lambda data: _unpacked(data), JSON_TOKENS, share=10)
    yield Target("checkpoint bytes", states, by_bytes, lambda data: _unpacked(data), JSON_TOKENS, share=10)


def _read_info(run: RunDir) -> None:
    with suppress(ValueError, KeyError, TypeError):
        check_info((read_manifest(run).get("data") or {}).get("info"))


def _unpacked(data: bytes) -> None:
    assert all(array.nbytes <= len(data) for array in unpack(data, "best").values())


def _chosen(folder: Path, rebuild: bool) -> Iterator[Target]:
    if not rebuild:
        from hostile.tables import tables

        return chain(targets(folder), tables(folder))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.simplefilter("ignore")
    from hostile.rebuilding import rebuilding

    return rebuilding(folder)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=10**9, help="how many at most")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="one target")
    parser.add_argument("--rebuild", action="store_true", help="measure changed runs with Keras instead")
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "kexp-fuzz")
    given = parser.parse_args()
    logging.disable()
    with tempfile.TemporaryDirectory(prefix="kexp-fuzz-") as folder:
        chosen = [
            target for target in _chosen(Path(folder), given.rebuild) if given.only in (None, target.name)
        ]
        done, faults = fuzz(chosen, given.seed, given.cases, given.seconds)
    for name, number in done.items():
        sys.stdout.write(f"{name:<18}{number:>10,}\n")
    sys.stdout.write(f"{'all':<18}{done.total():>10,}\n{len(faults)} faults\n")
    for number, fault in enumerate(faults):
        given.keep.mkdir(exist_ok=True)
        (given.keep / f"{number}-{fault.target}").write_bytes(fault.data)
        sys.stdout.write(f"\n{given.keep / f'{number}-{fault.target}'}\n{fault.reason}\n")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
