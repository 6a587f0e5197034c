"""`kexp reproduce`: train a run again from what it keeps, and say whether it held what it promised."""

import os
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kexp.cli.options import (
    JsonOption,
    RunArgument,
    RunsOption,
    TrustOption,
    found_run,
    runs_folder,
    streams_of,
)
from kexp.errors import KexpError, PromiseBroken, RunRefused, UsageError

if TYPE_CHECKING:
    from kexp.cli.display import RunDisplay
    from kexp.cli.specs import Spec
    from kexp.cli.streams import Streams
    from kexp.record.reproduction import Reproduction
    from kexp.record.rundir import RunDir
    from kexp.spec.types import Experiment
    from kexp.train.order import Result


@dataclass(frozen=True, slots=True)
class _Again:
    """The run that is trained again, what it trained, and how that is shown."""

    first: "RunDir"
    experiment: "Experiment"
    streams: "Streams"
    quiet: bool
    runs: str | None
    run_dir: Path | None = None
    data: str | None = None
    target: "RunDir | None" = None


def reproduce(
    context: typer.Context,
    run: RunArgument,
    seeds: Annotated[
        int | None,
        typer.Option(metavar="N", min=2, help="Train N other seeds too: is the result one of theirs?"),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="PATH", help="Where the run's data lies here, a file or a folder."),
    ] = None,
    run_dir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Train in this directory, or go on with what was begun there."),
    ] = None,
    trust: TrustOption = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show nothing but errors.")] = False,
    as_json: JsonOption = False,
    runs: RunsOption = None,
) -> None:
    """Train a run again from what it keeps, and compare; exit 3 when it does not hold what it promised."""
    streams, first = streams_of(context), found_run(run, runs)
    from kexp.record.reproduction import compared
    from kexp.report.reproduction import reproduction_text

    experiment = _experiment(first, data, trust)
    again = _Again(first, experiment, streams, quiet, runs, run_dir, data)
    second = _trained(again).run
    others = _others(again, seeds or 0)
    found = compared(first, second, [result.metrics for result in others])
    _note(second, first, found)
    if as_json:
        streams.tell_json(_as_json(first, second, found, others))
    else:
        streams.tell(reproduction_text(first.id, second.id, found, len(others)))
    if not found.is_kept:
        raise _broken(first, second, found)


def _experiment(first: "RunDir", data: str | None, trust: bool) -> "Experiment":
    """Return what a run trained, as it keeps it.

    Raises: RunRefused (not-your-run, nothing-to-reproduce), and what `runnable_experiment` raises.
    """
    from kexp.record.experiment import check_own, runnable_experiment
    from kexp.record.provenance import read_manifest
    from kexp.record.status import standing

    check_own(first, trust)
    state = standing(first)[1]
    is_smoke = (read_manifest(first).get("spec") or {}).get("scope", "full") != "full"
    if state != "completed" or is_smoke:
        raise RunRefused.because(
            "nothing-to-reproduce",
            f"`{first.id}` is {'a smoke run' if is_smoke else state}; expected a completed training",
            help="train its spec for real" if is_smoke else f"`kexp resume {first.id}` goes on with it",
        )
    experiment = runnable_experiment(first, trust)
    if data is None:
        return experiment
    from kexp.cli.specs import placed
    from kexp.data.elsewhere import with_data_at

    with placed(experiment):
        return replace(experiment, data=with_data_at(experiment.data, str(Path(data).absolute())))


def _trained(again: _Again, seed: int | None = None) -> "Result":
    """Train once more, with another seed where one is given, in a run of its own."""
    from kexp.cli.resume import Wish, go_on, owned_at
    from kexp.record.status import is_begun

    run_dir = again.run_dir if seed is None else None
    with again.streams.hushed():
        from kexp.cli.display import RunDisplay

        with (
            RunDisplay(again.streams, again.quiet, again.runs) as display,
            nullcontext() if run_dir is None else owned_at(run_dir, _as_spec(again)) as target,
        ):
            if target is not None and is_begun(target):
                _check_reproduces(target, again.first)
                if again.data is not None:
                    display.note("`--data` is for a run that begins; this one has its data")
                return go_on(target, display, Wish())
            if seed is None:
                _warn_of_changes(again.first, display)
            root = again.experiment.seed or 0
            return _begun(replace(again, target=target), root if seed is None else seed, display)


def _as_spec(again: _Again) -> "Spec":
    """Return what the first run keeps as the spec that the second one begins with."""
    from kexp.cli.specs import Spec

    return Spec(again.experiment, again.first.resolved.read_bytes(), again.first.path, {})


def _warn_of_changes(first: "RunDir", display: "RunDisplay") -> None:
    """Say before hours are spent that the first run was not one training."""
    from kexp.record.reproduction import changed_midway

    steps = [f"{step:,}" for step in changed_midway(first)]
    if steps:
        display.note(
            f"settings of `{first.id}` changed after step {' and '.join(steps)}: "
            "it is trained again with the last ones from the start, and comes out otherwise"
        )


def _begun(again: _Again, seed: int, display: "RunDisplay") -> "Result":
    from kexp.cli.specs import placed
    from kexp.train.backend import prepare

    experiment = replace(again.experiment, seed=seed)
    with placed(experiment):
        clock, started = time.perf_counter(), datetime.now(UTC)
        machine = prepare(experiment.runtime, seed)
        if machine.note:
            display.note(machine.note)
        from kexp.train.loop import train
        from kexp.train.order import Order
        from kexp.train.reproduce import reproduce as reproduce_now

        order = Order(
            experiment,
            again.first.resolved.read_bytes(),
            again.first.path,
            runs_folder(again.runs),
            machine,
            tuple(sys.argv),
            os.environ,
            started,
            clock,
            run=again.target,
            reproduces=again.first.id,
        )
        if seed != again.experiment.seed:  # which may be the data's too
            return train(order, display)
        return reproduce_now(again.first, order, display)


def _check_reproduces(target: "RunDir", first: "RunDir") -> None:
    """Refuse to go on with what trains anything else.

    Raises: UsageError (another-spec).
    """
    from kexp.record.provenance import read_manifest

    if read_manifest(target).get("reproduces") != first.id:
        message = f"`{target.path}` holds a run that does not reproduce `{first.id}`"
        raise UsageError.because("another-spec", message, help="name another directory")


def _others(again: _Again, number: int) -> list["Result"]:
    """Train other seeds, which are the same whenever the run is reproduced."""
    from kexp.record.reproduction import other_seed

    root = again.experiment.seed or 0
    return [_trained(again, other_seed(root, each)) for each in range(number)]


# ---------------------------------------------------------------- what came of it


def _note(second: "RunDir", first: "RunDir", found: "Reproduction") -> None:
    """Write into the new run what it showed of the first."""
    from kexp.record.notes import change_notes
    from kexp.report.reproduction import verdict

    told = f"reproduces {first.id}: {verdict(found)}"
    change_notes(second, lambda notes: notes if told in notes.notes else notes.noted(told))


def _as_json(
    first: "RunDir", second: "RunDir", found: "Reproduction", others: Sequence["Result"]
) -> dict[str, object]:
    from kexp.record.experiment import read_experiment
    from kexp.record.jsonfile import told

    seeds = [
        {"seed": read_experiment(each.run).seed, "run": each.run.id, "metrics": told(each.metrics)[0]}
        for each in others
    ]
    again = {"run": first.id, "again": second.id, "path": str(second.path.absolute())}
    return {"schema": 1, **again, **found.as_json(), "seeds": seeds}


def _broken(first: "RunDir", second: "RunDir", found: "Reproduction") -> KexpError:
    if found.promises_bits:
        return PromiseBroken.because(
            "bits-differ",
            f"`{first.id}` promised the same bits here, and `{second.id}` has others",
            help=f"`kexp diff {first.id} {second.id}` says in what they differ",
        )
    outside = ", ".join(f"`{each.name}`" for each in found.intervals if not each.holds)
    return PromiseBroken.because(
        "result-differs",
        f"{outside} of `{first.id}` is not where other seeds lead to",
        help="what drifted may be the reason, or a seed that was chosen for its luck",
    )
