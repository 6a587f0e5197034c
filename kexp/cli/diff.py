"""`kexp diff`: in what two runs differ."""

from dataclasses import asdict
from typing import Annotated

import typer

from kexp.cli.options import JsonOption, RunsOption, found_run, streams_of
from kexp.diagnostics import unambiguous


def diff(
    context: typer.Context,
    first: Annotated[str, typer.Argument(metavar="RUN", help="A run, as in `kexp evaluate`.")],
    second: Annotated[str, typer.Argument(metavar="RUN", help="Another one.")],
    as_json: JsonOption = False,
    runs: RunsOption = None,
) -> None:
    """Say in what two runs differ: spec, code, environment, data, result."""
    streams = streams_of(context)
    from kexp.record.differences import differences
    from kexp.report.differences import differences_text

    one, other = found_run(first, runs), found_run(second, runs)
    found = differences(one, other)
    if as_json:
        record = {"schema": 1, "runs": [one.id, other.id], "differences": [asdict(d) for d in found]}
        streams.tell_json(record)
        return
    streams.say(unambiguous(f"{one.id} → {other.id}"))
    streams.tell(differences_text(found))
