"""`kexp evaluate`."""

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from kexp.cli.options import (
    CheckpointOption,
    JsonOption,
    RunArgument,
    RunsOption,
    Split,
    SplitOption,
    Which,
    found_run,
    streams_of,
)


def evaluate(
    context: typer.Context,
    run: RunArgument,
    split: SplitOption = Split.test,
    checkpoint: CheckpointOption = Which.best,
    accept: Annotated[
        bool, typer.Option("--accept", help="Measure data that changed since training.")
    ] = False,
    as_json: JsonOption = False,
    runs: RunsOption = None,
) -> None:
    """Measure a run's model on one of its splits, and record it in the run."""
    streams = streams_of(context)
    found = found_run(run, runs)
    from kexp.cli.specs import prepared

    with streams.hushed(), prepared(found) as experiment:
        from kexp.evaluate import check_data, choose_split, load_data, measure, rebuild
        from kexp.record.files import sha256_of

        datasets = load_data(experiment, found.path)
        samples = choose_split(datasets, split)
        if not accept:
            check_data(found, datasets, split)
        rebuilt = rebuild(found, checkpoint.value)
        metrics = measure(rebuilt.assembly, samples, rebuilt.batch_size)
        result = {
            "schema": 1,
            "run": found.id,
            "split": split,
            "checkpoint": checkpoint.value,
            "metrics": metrics,
            "samples": len(samples),
        }
        evidence = {
            "checkpoint_file": rebuilt.checkpoint.relative_to(found.path).as_posix(),
            "checkpoint_sha256": sha256_of(rebuilt.checkpoint),
            "data_sha256": datasets.fingerprint.content_sha256[split],
        }
        with found.lock():
            found.write_evaluation(split, datetime.now(UTC), {**result, **evidence})
            found.write_sums()
    if as_json:
        streams.tell(json.dumps(result, ensure_ascii=False))
        return
    streams.say(f"{found.id}: {checkpoint.value} checkpoint, {len(samples):,} {split} samples")
    for name, value in metrics.items():
        streams.tell(f"{split}_{name} {value!r}")
