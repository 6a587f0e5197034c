"""The commands of `kexp`, under the headings of its help."""

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from kexp import __version__
from kexp.cli.build import build
from kexp.cli.data import data
from kexp.cli.diff import diff
from kexp.cli.evaluate import evaluate
from kexp.cli.explain import explain
from kexp.cli.imports import import_model
from kexp.cli.init import init
from kexp.cli.keep import gc, note, restore, rm, tag
from kexp.cli.ls import ls
from kexp.cli.predict import predict
from kexp.cli.resume import resume
from kexp.cli.schema import schema
from kexp.cli.show import show
from kexp.cli.train import train
from kexp.cli.validate import validate

app = typer.Typer(
    name="kexp",
    no_args_is_help=True,
    rich_markup_mode="rich" if sys.stdout.isatty() else None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_PANELS: dict[str, dict[str, Callable[..., None]]] = {
    "Run": {"train": train, "resume": resume, "evaluate": evaluate, "predict": predict},
    "Look": {"ls": ls, "show": show, "diff": diff},
    "Specs": {
        "init": init,
        "validate": validate,
        "explain": explain,
        "schema": schema,
        "data": data,
        "build": build,
        "import": import_model,
    },
    "Keep": {"tag": tag, "note": note, "rm": rm, "restore": restore, "gc": gc},
}
for panel, commands in _PANELS.items():
    for name, command in commands.items():
        app.command(name, rich_help_panel=panel)(command)


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
