"""`kexp data`: what an experiment's data holds, without training on it."""

from pathlib import Path
from typing import Annotated

import typer

from kexp.cli.options import JsonOption, streams_of
from kexp.cli.streams import Streams
from kexp.errors import UsageError


def data(
    context: typer.Context,
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="A YAML file, or - for standard input.")],
    assignments: Annotated[
        list[str] | None, typer.Option("--set", "-s", metavar="KEY=VALUE", help="Change a key of the spec.")
    ] = None,
    rows: Annotated[int, typer.Option(min=0, help="How many samples to show.")] = 3,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write one page for a browser.")
    ] = None,
    png: Annotated[
        Path | None, typer.Option("--png", metavar="FILE", help="Write a contact sheet of the images.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Describe the data of a spec: splits, columns, classes, leaks, examples."""
    streams = streams_of(context)
    from kexp.cli.specs import placed, read_spec

    experiment = read_spec(spec, assignments or ()).experiment
    folder = Path.cwd() if spec == "-" else Path(spec).parent
    with streams.hushed(), placed(experiment):
        from kexp.data.contact_sheet import contact_sheet, image_inputs
        from kexp.data.facts import data_facts
        from kexp.evaluate import load_data

        datasets = load_data(experiment, folder)
        facts = data_facts(datasets, experiment.data.source, rows)
        train = datasets.splits["train"]
        sheets = {name: contact_sheet(train, name) for name in image_inputs(train)} if png or html else {}
    if png is not None:
        if not sheets:
            raise UsageError.because("no-images-to-show", "no input of this data is an image")
        _write(png, next(iter(sheets.values())), streams)
    if html is not None:
        from kexp.report.data_page import data_page

        _write(html, data_page(experiment.name, facts, sheets).encode(), streams)
    if as_json:
        from kexp.report.data import as_mapping

        streams.tell_json(as_mapping(facts))
    elif html is None and png is None:
        from kexp.report.data import data_text

        streams.tell(data_text(facts))


def _write(file: Path, content: bytes, streams: Streams) -> None:
    """Write a result beside the others.

    Raises: UsageError (not-writable).
    """
    from kexp.record.files import write_atomically

    try:
        write_atomically(file, content)
    except OSError as error:
        message = f"`{file}` cannot be written: {error.strerror}"
        raise UsageError.because("not-writable", message) from None
    streams.say(f"wrote {file}")
