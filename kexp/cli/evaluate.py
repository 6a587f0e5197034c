"""`kexp evaluate`."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kexp.cli.options import (
    BackendOption,
    CheckpointOption,
    JsonOption,
    RunArgument,
    RunsOption,
    Split,
    SplitOption,
    TrustOption,
    Which,
    found_run,
    streams_of,
)
from kexp.diagnostics import unambiguous
from kexp.errors import RunRefused

if TYPE_CHECKING:
    from kexp.record.rundir import RunDir
    from kexp.spec.types import Experiment


def evaluate(
    context: typer.Context,
    run: RunArgument,
    split: SplitOption = Split.test,
    checkpoint: CheckpointOption = Which.best,
    backend: BackendOption = None,
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="PATH", help="Where the run's data lies here, a file or a folder."),
    ] = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="Measure data that changed since training.")
    ] = False,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Rows at a time.  [default: as in training]")
    ] = None,
    trust: TrustOption = False,
    as_json: JsonOption = False,
    runs: RunsOption = None,
) -> None:
    """Measure a run's model on one of its splits, and record it in the run."""
    streams = streams_of(context)
    found = found_run(run, runs)
    from kexp.cli.bounds import Bounds
    from kexp.cli.specs import computing

    bounds = Bounds.of(found, trust)
    with streams.hushed(), computing(_asked(found, data, trust), backend and backend.value) as experiment:
        from kexp.data.experiment import load_data
        from kexp.evaluate import check_data, choose_split, rebuild
        from kexp.record.files import sha256_of
        from kexp.record.jsonfile import told
        from kexp.train.measuring import measure

        with bounds.computing() if data is None else nullcontext():
            datasets = load_data(experiment, found.path)
        samples = choose_split(datasets, split)
        if not accept:
            check_data(found, datasets, split)
        with bounds.building():
            rebuilt = rebuild(found, checkpoint.value, trust)
        rows = batch_size or rebuilt.batch_size
        bounds.check(rebuilt.assembly.model, min(rows, len(samples)))
        with bounds.computing():
            metrics = measure(rebuilt.assembly, rebuilt.prepared(samples), rows)
        finite, lost = told(metrics)
        result = {
            "schema": 1,
            "run": found.id,
            "split": split,
            "checkpoint": checkpoint.value,
            "metrics": finite,
            "samples": len(samples),
            **({"nonfinite": lost} if lost else {}),
        }
        evidence = {
            "backend": experiment.runtime.backend,
            "batch_size": rows,
            "checkpoint_file": rebuilt.checkpoint.relative_to(found.path).as_posix(),
            "checkpoint_sha256": sha256_of(rebuilt.checkpoint),
            "data_sha256": datasets.fingerprint.content_sha256[split],
        }
    if as_json:
        streams.tell_json(result)
    else:
        streams.say(
            f"{unambiguous(found.id)}: {checkpoint.value} checkpoint, {len(samples):,} {split} samples"
        )
        for name, value in metrics.items():
            streams.tell(f"{split}_{unambiguous(name)} {value!r}")
    _record(found, split, {**result, **evidence})


def _asked(run: "RunDir", data: str | None, trust: bool) -> "Experiment":
    """Return the run's experiment, with its data where `--data` says.

    Raises: what `runnable_experiment`, `check_readable` and `with_data_at` raise.
    """
    from kexp.cli.specs import placed
    from kexp.data.elsewhere import with_data_at
    from kexp.record.experiment import check_readable, runnable_experiment

    experiment = runnable_experiment(run, trust)
    with placed(experiment):
        if data is not None:
            return replace(experiment, data=with_data_at(experiment.data, str(Path(data).absolute())))
        check_readable(experiment, run, trust)
    return experiment


def _record(run: "RunDir", split: str, record: Mapping[str, object]) -> None:
    """Keep the evaluation in the run.

    Raises: RunRefused (run-locked, run-not-writable, file-broken), saying what is missing for it.
    """
    try:
        with run.lock():
            run.write_evaluation(split, datetime.now(UTC), record)
    except RunRefused as error:
        (fault,) = error.diagnostics
        unsaid = f"this result is not recorded in the run: {fault.message}"
        raise error.with_diagnostics([replace(fault, message=unsaid)]) from None
    except OSError as error:
        message = f"this result is not recorded in the run: {error.strerror}"
        raise RunRefused.because("run-not-writable", message) from None
