"""`kexp train`."""

import os
import sys
import tempfile
import time
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kexp.cli.options import JsonOption, RunsOption, runs_folder, streams_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from kexp.cli.display import RunDisplay
    from kexp.record.rundir import RunDir
    from kexp.spec.types import Experiment
    from kexp.train.backend import Machine
    from kexp.train.order import Order, Result
    from kexp.train.profile import Profile


def train(
    context: typer.Context,
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="The experiment's YAML file, or - for stdin.")],
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", "-s", metavar="KEY=VALUE", help="Change one value, as in train.epochs=3."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The root seed of everything.")] = None,
    name: Annotated[str | None, typer.Option(help="The experiment's name.")] = None,
    tag: Annotated[
        list[str] | None, typer.Option(metavar="TAG", help="A tag for `kexp ls` (repeatable).")
    ] = None,
    smoke: Annotated[
        bool, typer.Option("--smoke", help="Two steps of everything, end to end, into a temporary folder.")
    ] = False,
    no_data: Annotated[
        bool, typer.Option("--no-data", help="With --smoke: made-up data of the declared shapes.")
    ] = False,
    run_dir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Train in this directory, or go on with this spec's run there."),
    ] = None,
    profiles: Annotated[
        bool, typer.Option("--profile", help="Say where the time goes, and keep a trace of it.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Exit 3 unless `expect` holds.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show nothing but errors.")] = False,
    as_json: JsonOption = False,
    runs: RunsOption = None,
) -> None:
    """Check an experiment, train it, and keep everything in a run directory."""
    clock, started = time.perf_counter(), datetime.now(UTC)
    if no_data and not smoke:
        raise typer.BadParameter("--no-data is for --smoke", param_hint="--no-data")
    streams = streams_of(context)
    if run_dir is not None and smoke:
        raise typer.BadParameter("--smoke trains in a folder of its own", param_hint="--run-dir")
    if profiles and smoke:
        raise typer.BadParameter("two steps of --smoke tell nothing of the time", param_hint="--profile")
    from kexp.cli.resume import Wish, as_before, go_on, owned_at
    from kexp.cli.specs import placed, read_spec, settled, shorthands
    from kexp.record.status import is_begun
    from kexp.spec.references import custom_names

    read = read_spec(spec, [*(assignments or ()), *shorthands(seed, name)])
    experiment = settled(read.experiment, tag or ())
    streams.leaves_at_once = not custom_names(experiment)
    profile = _profile(clock) if profiles else None
    scratch = (
        tempfile.TemporaryDirectory(prefix="kexp-smoke-") if smoke and runs is None else nullcontext(None)
    )
    with scratch as folder, streams.hushed():
        from kexp.cli.display import RunDisplay

        display = RunDisplay(streams, quiet, runs, smoke)

        def order(machine: "Machine", run: "RunDir | None") -> "Order":
            from kexp.train.order import Order

            return Order(
                experiment,
                read.text,
                read.folder,
                Path(folder) if folder else runs_folder(runs),
                machine,
                tuple(sys.argv),
                os.environ,
                started,
                clock,
                read.bases,
                "no-data" if no_data else "smoke" if smoke else "full",
                run,
                profile=profile,
            )

        with display:
            display.warn(read.warnings)
            with nullcontext() if run_dir is None else owned_at(run_dir, read) as target:
                if target is not None and is_begun(target):
                    as_before(read, target)
                    if profile is not None:
                        display.note("no profile: this run goes on, and what it did before is not known")
                    result = go_on(target, display, Wish())
                else:
                    with placed(experiment):
                        result = _begun(experiment, lambda machine: order(machine, target), display, profile)
    from kexp.cli.results import check_promises, tell_result

    if as_json or not smoke:
        tell_result(result, streams, as_json)
    if check and not smoke:
        check_promises(experiment, result.metrics)


def _profile(clock: float) -> "Profile":
    from kexp.train.profile import Profile

    return Profile(clock)


def _begun(
    experiment: "Experiment",
    order: "Callable[[Machine], Order]",
    display: "RunDisplay",
    profile: "Profile | None",
) -> "Result":
    """Import the backend and train."""
    from kexp.train.backend import prepare
    from kexp.train.profile import spanned

    if profile is not None:
        profile.begun("spec")
    with spanned(profile, "import of Keras", "start"):
        machine = prepare(experiment.runtime, experiment.seed or 0)
        from kexp.train.loop import train as train_now

    if machine.note:
        display.note(machine.note)
    try:
        result = train_now(order(machine), display)
        display.finished(result)
    finally:
        if profile is not None:
            from kexp.train.profile_summary import summary

            display.tell(summary(profile, experiment, machine.device))
    return result
