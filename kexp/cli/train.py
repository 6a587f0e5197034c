"""`kexp train`."""

import json
import math
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kexp.cli.options import JsonOption, RunsOption, runs_folder, streams_of
from kexp.diagnostics import Diagnostic
from kexp.document import Document, load_document, parse_document
from kexp.errors import KexpError, PromiseBroken, Stopped
from kexp.spec.bases import extend
from kexp.spec.overrides import override
from kexp.spec.parse import parse_experiment
from kexp.spec.types import Experiment

if TYPE_CHECKING:
    from kexp.train.order import Result

_SEED_BITS = 31


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
    document, text = read_spec(spec)
    extended = extend(document)
    document = override(extended.document, [*(assignments or ()), *_shorthands(seed, name)])
    experiment = _settled(parse_experiment(document), tag or ())
    scratch = (
        tempfile.TemporaryDirectory(prefix="kexp-smoke-") if smoke and runs is None else nullcontext(None)
    )
    with scratch as folder, streams.hushed(), placed(experiment):
        from kexp.cli.display import RunDisplay
        from kexp.train.backend import prepare

        display = RunDisplay(streams, quiet, runs, smoke)
        machine = prepare(experiment.runtime, experiment.seed or 0)
        from kexp.train.loop import train as train_now
        from kexp.train.order import Order

        order = Order(
            experiment,
            text,
            document.folder,
            Path(folder) if folder else runs_folder(runs),
            machine,
            tuple(sys.argv),
            os.environ,
            started,
            clock,
            extended.bases,
            "no-data" if no_data else "smoke" if smoke else "full",
        )
        if machine.note:
            display.note(machine.note)
        try:
            result = train_now(order, display)
            display.finished(result)
        finally:
            display.close()
        with result.run.lock():
            result.run.write_sums()  # what `finished` says is in train.log too
    if as_json:
        streams.tell(json.dumps(result_as_json(result), ensure_ascii=False))
    elif not smoke and not streams.out.isatty():
        streams.tell(str(result.run.path))
    if check and not smoke:
        check_promises(experiment, result.metrics)


def read_spec(spec: str) -> tuple[Document, bytes]:
    """Return the document and its bytes; `-` reads standard input."""
    if spec == "-":
        text = sys.stdin.buffer.read()
        return parse_document(text, "<stdin>", Path.cwd()), text
    document = load_document(Path(spec))
    return document, document.source.text.encode()


def _shorthands(seed: int | None, name: str | None) -> list[str]:
    given = {"seed": seed, "name": None if name is None else json.dumps(name)}
    return [f"{key}={value}" for key, value in given.items() if value is not None]


def _settled(experiment: Experiment, tags: Sequence[str]) -> Experiment:
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


def result_as_json(result: "Result") -> dict[str, Any]:
    """Return the contract of `train --json`: a number that is not finite is null and listed."""
    finite = {name: value if math.isfinite(value) else None for name, value in result.metrics.items()}
    lost = [name for name, value in finite.items() if value is None]
    return {
        "schema": 1,
        "run": result.run.id,
        "path": str(result.run.path),
        "state": result.state,
        "epochs": result.epochs,
        "metrics": finite,
        "best": result.best,
        "weights_sha256": result.weights_sha256,
        "wall_seconds": result.wall_seconds,
        **({"nonfinite": lost} if lost else {}),
    }


def check_promises(experiment: Experiment, metrics: "Any") -> None:
    """Raise PromiseBroken (promise-broken) for every line of `expect` that the run does not keep."""
    broken = []
    for promise in experiment.expect:
        value = metrics.get(promise.metric)
        if value is None:
            message = f"`{promise.metric}` was promised {promise}, and the run has no such metric"
        elif not promise.holds(value):
            message = f"`{promise.metric}` was promised {promise}, and is {value:.6g}"
        else:
            continue
        path = f"expect.{promise.metric}"
        span = experiment.document.locate(path) if experiment.document else None
        broken.append(Diagnostic("promise-broken", message, path, span))
    if broken:
        raise PromiseBroken(*broken)
