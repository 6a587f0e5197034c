"""`kexp`: the command line, and the one place that turns errors into exit codes."""

import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from kexp import __version__
from kexp.cli.build import build
from kexp.cli.evaluate import evaluate
from kexp.cli.ls import ls
from kexp.cli.predict import predict
from kexp.cli.show import show
from kexp.cli.streams import Streams
from kexp.cli.train import train
from kexp.diagnostics import render
from kexp.errors import BUG_EXIT_CODE, KexpError

app = typer.Typer(
    name="kexp",
    no_args_is_help=True,
    rich_markup_mode="rich" if sys.stdout.isatty() else None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command, panel in ((train, "Run"), (evaluate, "Run"), (predict, "Run"), (ls, "Look"), (show, "Look")):
    app.command(rich_help_panel=panel)(command)
app.command(rich_help_panel="Specs")(build)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"kexp {__version__}")
        raise typer.Exit


@app.callback()
def top(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Keras experiments from one YAML file: checked, trained, recorded, repeatable."""


def main() -> NoReturn:
    """Run the command line; every exit code of `kexp.errors` comes from here."""
    streams = Streams()
    try:
        app(obj=streams)
    except KexpError as error:
        streams.say(render(error.diagnostics, streams.paint))
        sys.exit(error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        streams.say(_bug_report(error))
        sys.exit(BUG_EXIT_CODE)
    sys.exit(0)


def _bug_report(error: Exception) -> str:
    """Write a log worth pasting and say where it is."""
    handle, name = tempfile.mkstemp(prefix="kexp-bug-", suffix=".log")
    log = f"kexp {__version__}, Python {sys.version}\n{' '.join(sys.argv)}\n\n{traceback.format_exc()}"
    with os.fdopen(handle, "w") as file:
        file.write(log)
    return (
        f"bug: {type(error).__name__}: {error}\nthis is a fault of kexp; please report it with {Path(name)}"
    )
