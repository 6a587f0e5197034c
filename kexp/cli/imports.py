"""`kexp import`: a Keras model as a spec."""

from os.path import relpath
from pathlib import Path
from typing import Annotated

import typer

from kexp import __version__
from kexp.cli.options import streams_of
from kexp.cli.output import check_output, write_output
from kexp.diagnostics import printable

_DATA = "# Put your data here: this is a placeholder."
_TRAIN = "# The model was saved without its training; this is a placeholder."


def import_model(
    context: typer.Context,
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A .keras file.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="SPEC", help="Where to write [stdout].")
    ] = None,
    code: Annotated[
        Path | None,
        typer.Option("--code", metavar="FILE.py", help="Defines the layers that are not Keras's."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite SPEC.")] = False,
) -> None:
    """Write the spec that builds a Keras model."""
    if output is not None:
        check_output(output, force)
    streams = streams_of(context)
    with streams.hushed():
        from kexp.spec.canonical import canonical
        from kexp.spec.references import with_custom_names
        from kexp.spec.types import Runtime
        from kexp.train.backend import prepare

        prepare(Runtime(device="cpu"), seed=0)
        from kexp.graph.imports import experiment_of
        from kexp.graph.opened import open_keras_file

        folder = output.parent if output is not None else Path()
        imported = experiment_of(open_keras_file(model, code), model.stem, relpath(model, folder))
        experiment = imported.experiment
        if code is not None:
            place = relpath(code.parent, folder)
            experiment = with_custom_names(experiment, lambda name: _placed(name, place))
    text = _commented(canonical(experiment, short=True), model.name, imported.is_compiled)
    if output is None:
        streams.tell(printable(text.rstrip()))
        return
    write_output(output, text.encode())
    streams.say(f"{output}: {text.count(chr(10))} lines, {len(experiment.blocks)} blocks")


def _placed(name: str, place: str) -> str:
    """Return how the spec names code in a file beside or near it."""
    return name if ".py:" not in name or place == "." else f"{place}/{name}"


def _commented(text: str, model: str, is_compiled: bool) -> str:
    """Say where the spec comes from and what in it is no more than a placeholder."""
    text = text.replace("\ndata:", f"\n{_DATA}\ndata:", 1)
    if not is_compiled:
        text = text.replace("\ntrain:", f"\n{_TRAIN}\ntrain:", 1)
    return f"# Imported from {model} by kexp {__version__}.\n{text}"
