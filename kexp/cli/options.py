"""Options that several commands share."""

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kexp.cli.streams import Streams

if TYPE_CHECKING:
    from kexp.record.rundir import RunDir

RunsOption = Annotated[
    str | None, typer.Option("--runs", metavar="DIR", help="Folder of the runs [$KEXP_RUNS, or ./runs].")
]
RunArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="A path, an id, its tail or a unique prefix, latest[:NAME], best:METRIC, tag:X."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Write the result as JSON to stdout.")]

TrustOption = Annotated[
    bool, typer.Option("--trust", help="Run the code, and read the files, that someone else's run names.")
]


class Which(StrEnum):
    best = "best"
    last = "last"


CheckpointOption = Annotated[Which, typer.Option(help="The best epoch's weights, or the last state.")]


class Backend(StrEnum):
    tensorflow = "tensorflow"
    jax = "jax"
    torch = "torch"


BackendOption = Annotated[
    Backend | None,
    typer.Option("--backend", metavar="NAME", help="tensorflow, jax or torch.  [default: as in training]"),
]


class Split(StrEnum):
    train = "train"
    val = "val"
    test = "test"


SplitOption = Annotated[Split, typer.Option(help="Which of the data's splits.")]


def streams_of(context: typer.Context) -> Streams:
    """Return the streams that `main` made."""
    found = context.find_object(Streams)
    return found if found is not None else Streams()


def runs_folder(option: str | None) -> Path:
    from kexp.record.query import runs_root

    return runs_root(option, os.environ)


def found_run(reference: str, option: str | None) -> "RunDir":
    """Return the run that a reference names.

    Raises: NotFound (run-not-found, run-ambiguous).
    """
    from kexp.record.query import find_run

    return find_run(reference, runs_folder(option))
