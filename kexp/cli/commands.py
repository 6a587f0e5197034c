"""The commands of `kexp`, under the headings of its help."""

import sys
from typing import Annotated

import typer

from kexp import __version__
from kexp.cli.build import build
from kexp.cli.evaluate import evaluate
from kexp.cli.imports import import_model
from kexp.cli.ls import ls
from kexp.cli.predict import predict
from kexp.cli.show import show
from kexp.cli.train import train

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
app.command("import", rich_help_panel="Specs")(import_model)


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
