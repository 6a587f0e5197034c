"""`kexp show`: a run, or what a spec comes to."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kexp.cli.options import JsonOption, RunsOption, found_run, streams_of
from kexp.diagnostics import printable


class GraphForm(StrEnum):
    text = "text"
    mermaid = "mermaid"
    svg = "svg"


def show(
    context: typer.Context,
    target: Annotated[
        str, typer.Argument(metavar="RUN|SPEC", help="A run as in `kexp evaluate`, or a YAML file.")
    ],
    resolved: Annotated[bool, typer.Option("--resolved", help="The spec with every default.")] = False,
    env: Annotated[bool, typer.Option("--env", help="The environment: the manifest.")] = False,
    metrics: Annotated[bool, typer.Option("--metrics", help="Every epoch's metrics, as CSV.")] = False,
    graph: Annotated[GraphForm | None, typer.Option("--graph", help="The model, drawn.")] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where the drawing goes instead of stdout."),
    ] = None,
    as_json: JsonOption = False,
    runs: RunsOption = None,
) -> None:
    """Describe a run or a spec, without importing Keras."""
    streams = streams_of(context)
    if output is not None and graph is None:
        raise typer.BadParameter("-o is for --graph", param_hint="-o")
    from kexp.cli.described import describe, draw, experiment_of, record_of, text_of

    if graph is not None:
        draw(streams, experiment_of(target, runs), graph.value, output)
        return
    if Path(target).suffix in (".yaml", ".yml"):
        from kexp.spec.canonical import canonical

        streams.tell(printable(canonical(experiment_of(target, runs), defaults=resolved).rstrip()))
        return
    run = found_run(target, runs)
    if resolved:
        streams.tell(text_of(run.resolved))
    elif env:
        from kexp.record.provenance import read_manifest

        streams.tell_json(read_manifest(run), indent=2)
    elif metrics:
        streams.tell(text_of(run.metrics_csv))
    elif as_json:
        streams.tell_json(record_of(run))
    else:
        describe(streams, run)
