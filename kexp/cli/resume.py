"""`kexp resume`, and `kexp train --run-dir`, which resumes what it finds."""

import os
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kexp.cli.options import JsonOption, RunArgument, RunsOption, TrustOption, found_run, streams_of
from kexp.diagnostics import Diagnostic
from kexp.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kexp.cli.display import RunDisplay
    from kexp.cli.specs import Spec
    from kexp.record.changes import Consent
    from kexp.record.rundir import RunDir
    from kexp.record.status import Status
    from kexp.spec.types import Experiment
    from kexp.train.order import Result


@dataclass(frozen=True, slots=True)
class Wish:
    """How to go on with a run; `epochs` are wished for by name, which accepts them."""

    assignments: tuple[str, ...] = ()
    epochs: int | None = None
    accepts: bool = False
    trusts: bool = False


def resume(
    context: typer.Context,
    run: RunArgument,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", "-s", metavar="KEY=VALUE", help="Change one value from here on."),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Train up to N epochs in all.")
    ] = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="Go on although changed settings or data change the result.")
    ] = False,
    trust: TrustOption = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show nothing but errors.")] = False,
    as_json: JsonOption = False,
    runs: RunsOption = None,
) -> None:
    """Go on with a run that was stopped or killed as if nothing had happened, or train it for longer."""
    streams = streams_of(context)
    found = found_run(run, runs)
    wish = Wish(tuple(assignments or ()), epochs, accept, trust)
    with streams.hushed():
        from kexp.cli.display import RunDisplay

        with RunDisplay(streams, quiet, runs) as display, found.lock():
            result = go_on(found, display, wish)
    from kexp.cli.results import tell_result

    tell_result(result, streams, as_json)


def go_on(run: "RunDir", display: "RunDisplay", wish: Wish) -> "Result":
    """Train what is left of a run, which the caller has locked; a completed one is left as it is.

    Raises: UsageError (resume-impossible, resume-differs, epochs-in-stages, fewer-epochs), and what
        `runnable_experiment` and `kexp.train.resume.resume` raise.
    """
    from kexp.record.changes import Consent, check_changes, spec_changes
    from kexp.record.experiment import check_own, runnable_experiment
    from kexp.record.provenance import read_manifest
    from kexp.record.status import read_status
    from kexp.spec.phases import num_epochs

    check_own(run, wish.trusts)
    before = runnable_experiment(run, wish.trusts)
    after = _changed(before, wish)
    changes = spec_changes(before, after)
    _check_longer(run, num_epochs(before), num_epochs(after))
    asked = [change for change in changes if wish.epochs is None or change.key != "train.epochs"]
    check_changes(asked, wish.accepts)
    status = read_status(run)
    if status.state == "completed" and num_epochs(after) == num_epochs(before):
        longer = f"; `kexp resume {_tail(run)} --epochs N` trains it for longer"
        # What reproduces another run would do so no more.
        unchanged = ", and nothing of it changes" if asked else ""
        display.note(
            f"`{run.id}` is completed{unchanged}{'' if read_manifest(run).get('reproduces') else longer}"
        )
        return _as_it_is(run, status)
    return _resumed(run, display, after, Consent(changes, wish.accepts, run.origin() == "own"))


def _check_longer(run: "RunDir", before: int, after: int) -> None:
    """Refuse a shorter training: it would not be what was begun, in fewer epochs.

    Raises: UsageError (fewer-epochs).
    """
    if after < before:
        raise UsageError.because(
            "fewer-epochs",
            f"`{run.id}` trains {before} epochs, and {after} were asked for; expected as many or more",
            help="train a run of its own with `kexp train`; without a change this one goes on as it began",
        )


def _changed(before: "Experiment", wish: Wish) -> "Experiment":
    """Return the experiment with what is to change from here on."""
    from kexp.spec.overrides import override
    from kexp.spec.parse import parse_experiment

    assignments = [*wish.assignments]
    if wish.epochs is not None and before.train.stages:
        stages = before.train.stages
        help = f"such as `-s train.stages[{len(stages) - 1}].epochs=N`, as a run of its own"
        message = "`--epochs` is for a training without stages, each of which has epochs of its own"
        raise UsageError.because("epochs-in-stages", message, help=help)
    if wish.epochs is not None:
        assignments.append(f"train.epochs={wish.epochs}")
    assert before.document is not None
    return parse_experiment(override(before.document, assignments)) if assignments else before


def _resumed(run: "RunDir", display: "RunDisplay", experiment: "Experiment", consent: "Consent") -> "Result":
    from kexp.cli.specs import placed
    from kexp.record.status import read_status
    from kexp.train.backend import prepare

    with placed(experiment):
        machine = prepare(experiment.runtime, experiment.seed or 0)
        from kexp.train.order import Order
        from kexp.train.resume import resume as resume_now

        order = Order(
            experiment,
            run.spec.read_bytes(),
            run.path,
            run.path.parent,
            machine,
            tuple(sys.argv),
            os.environ,
            datetime.now(UTC),
            time.perf_counter() - (read_status(run).wall_seconds or 0.0),
            run=run,
        )
        if machine.note:
            display.note(machine.note)
        result = resume_now(order, display, consent)
    display.finished(result)
    return result


def _as_it_is(run: "RunDir", status: "Status") -> "Result":
    from kexp.train.order import Result

    return Result(
        run,
        status.state,
        status.epoch,
        {name: float("nan") if value is None else value for name, value in status.metrics.items()},
        status.best,
        status.weights_sha256 or "",
        status.wall_seconds or 0.0,
    )


def _tail(run: "RunDir") -> str:
    return run.id.rpartition("-")[2]


# ---------------------------------------------------------------- kexp train --run-dir


@contextmanager
def owned_at(path: Path, spec: "Spec") -> "Iterator[RunDir]":
    """Own the directory that `--run-dir` names: one with a run, an empty one, or one to be made.

    Raises: RunRefused (not-a-run, run-locked, runs-not-writable), and what reading the spec's code raises.
    """
    from kexp.custom import kept_code
    from kexp.record.beginning import check_free, check_may_begin
    from kexp.record.rundir import RunDir
    from kexp.record.status import is_begun
    from kexp.spec.references import custom_names

    run = RunDir.at(path)
    check_free(run)
    with run.lock():
        if not is_begun(run):
            code = kept_code(custom_names(spec.experiment), spec.folder).files
            check_may_begin(run, run.given(spec.text, spec.bases, code))
        yield run


def as_before(read: "Spec", run: "RunDir") -> None:
    """Refuse to go on with another spec, or with other code, than the run began with.

    Raises: UsageError (another-spec).
    """
    from kexp.custom import code_hashes
    from kexp.record.changes import spec_changes
    from kexp.record.experiment import read_experiment
    from kexp.record.provenance import read_manifest
    from kexp.spec.canonical import identity, resolve
    from kexp.spec.references import custom_names, with_custom_names

    before = read_experiment(run)
    seed = before.seed if read.experiment.seed is None else read.experiment.seed
    now = replace(read.experiment, seed=seed)
    then = (read_manifest(run).get("spec") or {}).get("code") or {}
    code = code_hashes(custom_names(now), read.folder)
    changed = [f"code of {name}" for name in sorted({*then, *code}) if then.get(name) != code.get(name)]
    if identity(now) != identity(before):
        placed = resolve(now, read.folder, before.runtime.threads or 1)
        flat = [with_custom_names(e, lambda name: name.rpartition("/")[2]) for e in (before, placed)]
        changed += [str(c) for c in spec_changes(*flat) if c.verdict != "harmless"]
    if changed:
        raise UsageError(
            Diagnostic(
                "another-spec",
                f"`{run.path}` holds a run of another spec",
                detail="\n".join(changed),
                help="name another directory, or go on with that run by `kexp resume`",
            )
        )
