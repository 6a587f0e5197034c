"""The command line in this process: what it wrote, how it ended, how long it took."""

import io
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import typer
from typer.main import get_command

from kexp.cli.commands import app_for
from kexp.cli.streams import Streams
from kexp.errors import KexpError


@dataclass(frozen=True, slots=True)
class Answer:
    code: int
    out: str
    error: str
    seconds: float
    """Of the processor: the clock on the wall depends on what else runs."""


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def kexp(folder: Path, *arguments: str) -> Answer:
    """Run a command in `folder`; what is no refusal of kexp's is raised."""
    streams = Streams()
    streams.out, streams.err = io.StringIO(), io.StringIO()
    began = time.process_time()
    code, error = 0, ""
    with inside(folder):
        try:
            code = get_command(app_for()).main(list(arguments), obj=streams, standalone_mode=False) or 0
        except KexpError as refusal:
            code, error = refusal.exit_code, str(refusal)
        except typer.Exit as end:
            code = end.exit_code
    said = streams.err.getvalue() if isinstance(streams.err, io.StringIO) else ""
    return Answer(code, streams.out.getvalue(), said + error, time.process_time() - began)
