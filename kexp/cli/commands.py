"""The commands of `kexp`, under the headings of its help."""

import importlib
import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from kexp import __version__
from kexp.cli.plain import PlainCommand, PlainGroup

_PANELS = {
    "Run": {
        "train": "kexp.cli.train:train",
        "resume": "kexp.cli.resume:resume",
        "evaluate": "kexp.cli.evaluate:evaluate",
        "predict": "kexp.cli.predict:predict",
        "reproduce": "kexp.cli.reproduce:reproduce",
    },
    "Look": {
        "ls": "kexp.cli.ls:ls",
        "show": "kexp.cli.show:show",
        "diff": "kexp.cli.diff:diff",
        "report": "kexp.cli.report:report",
    },
    "Specs": {
        "init": "kexp.cli.init:init",
        "validate": "kexp.cli.validate:validate",
        "explain": "kexp.cli.explain:explain",
        "schema": "kexp.cli.schema:schema",
        "data": "kexp.cli.data:data",
        "build": "kexp.cli.build:build",
        "import": "kexp.cli.imports:import_model",
    },
    "Keep": {
        "tag": "kexp.cli.keep:tag",
        "note": "kexp.cli.keep:note",
        "rm": "kexp.cli.keep:rm",
        "restore": "kexp.cli.keep:restore",
        "gc": "kexp.cli.keep:gc",
    },
}


def app_for(arguments: Sequence[str] = ()) -> typer.Typer:
    """Return the app, which has only the command that the first argument names, where it names one."""
    known = {name for commands in _PANELS.values() for name in commands}
    wanted = known.intersection(arguments[:1]) or known
    app = typer.Typer(
        name="kexp",
        cls=PlainGroup,
        no_args_is_help=True,
        rich_markup_mode="rich" if sys.stdout.isatty() else None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_top)
    for panel, commands in _PANELS.items():
        for name, reference in commands.items():
            if name in wanted:
                app.command(name, cls=PlainCommand, rich_help_panel=panel)(_imported(reference))
    return app


def _imported(reference: str) -> Callable[..., None]:
    module, _, name = reference.partition(":")
    command: Callable[..., None] = getattr(importlib.import_module(module), name)
    return command


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"kexp {__version__}")
        raise typer.Exit


def _top(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Keras experiments from one YAML file: checked, trained, recorded, repeatable."""
