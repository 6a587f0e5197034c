"""`kexp build`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kexp.cli.options import streams_of
from kexp.cli.output import check_output, write_output
from kexp.errors import UsageError
from kexp.export import FORMATS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kexp.export.built import Built
    from kexp.protocols import Column
    from kexp.spec.types import Experiment

_STDOUT = "-"


def build(
    context: typer.Context,
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="The experiment's YAML file, or - for stdin.")],
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", metavar="FILE", help="model.keras, model.json or model.py; - for the script."
        ),
    ],
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", "-s", metavar="KEY=VALUE", help="Change one value, as in train.epochs=3."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file where it exists.")] = False,
) -> None:
    """Build a spec's model without training it: Keras's file, its architecture, or a plain Keras script."""
    streams = streams_of(context)
    suffix = _suffix(output, force)
    from kexp.cli.specs import placed, read_spec
    from kexp.custom import load_reference

    read = read_spec(spec, assignments or ())
    folder = Path.cwd() if output == _STDOUT else Path(output).parent
    with streams.hushed(), placed(read.experiment):
        built = _built(read.experiment, read.folder, suffix)
        data = load_reference(FORMATS[suffix])(built, folder)
        parameters = built.model.count_params() if built.model.built else None
    if output == _STDOUT:
        streams.tell(data.decode().rstrip("\n"))
        return
    write_output(Path(output), data)
    if read.experiment.preprocess and suffix != ".keras":
        streams.say("its inputs are what `preprocess` makes; only a .keras file takes raw values")
    size = "" if parameters is None else f", {parameters:,} parameters"
    streams.say(f"{read.experiment.name}{size}: {output}")


def _suffix(output: str, force: bool) -> str:
    """Return the kind of file that is asked for.

    Raises: UsageError (unknown-suffix), and what `check_output` raises.
    """
    suffix = ".py" if output == _STDOUT else Path(output).suffix
    if suffix not in FORMATS:
        listed = ", ".join(f"`{known}`" for known in FORMATS)
        raise UsageError.because(
            "unknown-suffix",
            f"`{output}` ends in no format that `kexp build` writes",
            help=f"end it in one of {listed}; `-o -` writes the script to stdout",
        )
    if output != _STDOUT:
        check_output(Path(output), force)
    return suffix


def _built(experiment: "Experiment", folder: Path, suffix: str) -> "Built":
    """Build on the declared inputs or on what the data is like; Keras's file has what layers start from."""
    from kexp.train.backend import prepare

    prepare(experiment.runtime, experiment.seed or 0)
    from kexp.data.experiment import load_data
    from kexp.export.built import build_declared, build_on, declared
    from kexp.graph.initial import begin_layers
    from kexp.preparation import prepare_data
    from kexp.spec.references import adapts

    begins, inputs = suffix == ".keras", declared(experiment)
    columns: Mapping[str, Column] = {}
    if inputs is None or (begins and adapts(experiment)):
        made = prepare_data(experiment, load_data(experiment, folder), folder)
        built = build_on(experiment, made.datasets.info, folder, made.preprocessing)
        columns = made.datasets.splits["train"].inputs
    else:
        built = build_declared(experiment, inputs, folder)
    if begins:
        begin_layers(built.beginnings, columns, folder)
    return built
