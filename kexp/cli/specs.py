"""A spec as a command names it -> an experiment, and its faults at their places."""

import json
import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from kexp.document import parse_document
from kexp.document.reading import spec_bytes
from kexp.errors import KexpError, Stopped
from kexp.record.experiment import read_experiment
from kexp.record.rundir import RunDir
from kexp.spec.bases import extend
from kexp.spec.overrides import override
from kexp.spec.parse import parse_experiment
from kexp.spec.types import Experiment

_SEED_BITS = 31


@dataclass(frozen=True, slots=True)
class Spec:
    """An experiment with the bytes it was read from, its bases' too."""

    experiment: Experiment
    text: bytes
    folder: Path
    bases: Mapping[str, bytes]


def read_spec(spec: str, assignments: Sequence[str] = ()) -> Spec:
    """Read a spec file, or standard input for `-`, with its bases and the command line's assignments."""
    if spec == "-":
        text, name, folder = sys.stdin.buffer.read(), "<stdin>", Path.cwd()
    else:
        text, name, folder = spec_bytes(Path(spec)), spec, Path(spec).parent
    document = parse_document(text, name, folder)
    extended = extend(document)
    experiment = parse_experiment(override(extended.document, assignments))
    return Spec(experiment, text, document.folder, extended.bases)


def shorthands(seed: int | None, name: str | None) -> list[str]:
    """Return `--seed` and `--name` as assignments."""
    given = {"seed": seed, "name": None if name is None else json.dumps(name)}
    return [f"{key}={value}" for key, value in given.items() if value is not None]


def settled(experiment: Experiment, tags: Sequence[str]) -> Experiment:
    """Draw the seed that the spec leaves open, and add the command line's tags."""
    seed = secrets.randbits(_SEED_BITS) if experiment.seed is None else experiment.seed
    return replace(experiment, seed=seed, tags=tuple(dict.fromkeys((*experiment.tags, *tags))))


@contextmanager
def placed(experiment: Experiment) -> Iterator[None]:
    """Give every fault that names a path in the spec its place there."""
    try:
        yield
    except KexpError as error:
        if experiment.document is None or isinstance(error, Stopped):
            raise
        raise experiment.document.located(error) from error.__cause__


@contextmanager
def prepared(run: RunDir) -> Iterator[Experiment]:
    """Read a run's experiment and import its backend, on whatever this machine has."""
    experiment = read_experiment(run)
    with placed(experiment):
        from kexp.train.backend import prepare

        prepare(replace(experiment.runtime, device="auto"), experiment.seed or 0)
        yield experiment
