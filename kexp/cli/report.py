"""`kexp report`: what a run recorded, for a paper."""

from pathlib import Path
from typing import Annotated

import typer

from kexp.cli.options import RunArgument, RunsOption, found_run, runs_folder, streams_of
from kexp.cli.output import check_output, write_output


def report(
    context: typer.Context,
    run: RunArgument,
    checklist: Annotated[
        bool, typer.Option("--checklist", help="A conference's reproducibility checklist, as Markdown.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write [stdout].")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE.")] = False,
    runs: RunsOption = None,
) -> None:
    """Fill in the checklist that conferences ask for from what a run recorded."""
    if not checklist:
        raise typer.BadParameter("say what to report: --checklist", param_hint="report")
    streams, found = streams_of(context), found_run(run, runs)
    if output is not None:
        check_output(output, force)
    from kexp.record.provenance import read_manifest
    from kexp.record.repeats import repeats
    from kexp.record.settings import settings_with_origin
    from kexp.record.status import read_status
    from kexp.report.checklist import Recorded
    from kexp.report.checklist import checklist as checklist_text

    settings, others = settings_with_origin(found), repeats(found, runs_folder(runs))
    text = checklist_text(Recorded(found.id, read_manifest(found), read_status(found), settings, others))
    if output is None:
        streams.tell(text)
    else:
        write_output(output, f"{text}\n".encode())
        streams.say(f"wrote {output}")
