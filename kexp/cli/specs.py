"""A spec as a command names it -> an experiment, and its faults at their places."""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from kexp.diagnostics import Diagnostic
from kexp.document import parse_document
from kexp.document.reading import MAX_BYTES, spec_bytes
from kexp.errors import KexpError, SpecError, Stopped
from kexp.spec.bases import extend
from kexp.spec.installed import catalogue_mismatch
from kexp.spec.overrides import override
from kexp.spec.parse import check
from kexp.spec.references import at_home
from kexp.spec.types import BackendName, Experiment

if TYPE_CHECKING:
    from kexp.record.rundir import RunDir


@dataclass(frozen=True, slots=True)
class Spec:
    """An experiment with the bytes it was read from, its bases' too, and what was warned of."""

    experiment: Experiment
    text: bytes
    folder: Path
    bases: Mapping[str, bytes]
    warnings: tuple[Diagnostic, ...] = ()


def read_spec(spec: str, assignments: Sequence[str] = ()) -> Spec:
    """Read a spec file, or standard input for `-`, with its bases and the command line's assignments.

    Raises: NotFound; SpecError with all diagnostics, warnings too.
    """
    if spec == "-":
        text, name, folder = sys.stdin.buffer.read(MAX_BYTES + 1), "<stdin>", Path.cwd()
    else:
        text, name, folder = spec_bytes(Path(spec)), spec, Path(spec).parent
    document = parse_document(text, name, folder)
    extended = extend(document)
    checked = check(override(extended.document, assignments))
    if checked.experiment is None:
        raise SpecError(*checked.diagnostics)
    mismatch = catalogue_mismatch()
    warnings = checked.diagnostics if mismatch is None else (mismatch, *checked.diagnostics)
    return Spec(at_home(checked.experiment), text, document.folder, extended.bases, warnings)


def shorthands(seed: int | None, name: str | None) -> list[str]:
    """Return `--seed` and `--name` as assignments."""
    given = {"seed": seed, "name": None if name is None else json.dumps(name)}
    return [f"{key}={value}" for key, value in given.items() if value is not None]


def settled(experiment: Experiment, tags: Sequence[str]) -> Experiment:
    """Draw the seed that the spec leaves open, and add the command line's tags."""
    seed = int.from_bytes(os.urandom(4), "big") >> 1 if experiment.seed is None else experiment.seed
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
def prepared(run: "RunDir", trust: bool = False, backend: str | None = None) -> Iterator[Experiment]:
    """Read a run's experiment and import its backend, on whatever this machine has.

    Raises: what `runnable_experiment` raises of a run that is not the user's own.
    """
    from kexp.record.experiment import runnable_experiment

    with computing(runnable_experiment(run, trust), backend) as experiment:
        yield experiment


@contextmanager
def computing(experiment: Experiment, backend: str | None = None) -> Iterator[Experiment]:
    """Import an experiment's backend, or the one asked for, on whatever this machine has.

    Yields the experiment as it is computed.
    """
    from kexp.train.backend import prepare

    runtime = replace(experiment.runtime, device="auto")
    asked = runtime if backend is None else replace(runtime, backend=cast(BackendName, backend))
    # What the command line asks for has no place in the spec.
    with placed(experiment) if backend is None else nullcontext():
        prepare(asked, experiment.seed or 0)
    with placed(experiment):
        yield replace(experiment, runtime=asked)
