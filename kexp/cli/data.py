"""`kexp data`: what an experiment's data holds, without training on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kexp.cli.options import JsonOption, streams_of
from kexp.cli.output import check_output, write_output
from kexp.cli.streams import Streams
from kexp.errors import KexpError, UsageError

if TYPE_CHECKING:
    from kexp.data.load import Datasets
    from kexp.data.sheets import Sheet
    from kexp.preview.look import Preview
    from kexp.protocols import DataFacts
    from kexp.spec.types import Experiment

_NO_SEED = "the spec has no `seed`: a training draws other changes than those shown"


@dataclass(frozen=True, slots=True)
class Description:
    """What is told of the data; `fault` is why `preprocess` and `augment` are not."""

    name: str
    facts: "DataFacts"
    sheets: "tuple[Sheet, ...]"
    fault: KexpError | None = None


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
        Path | None, typer.Option("--png", metavar="FILE", help="Write sheets of the images.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Describe the data of a spec: splits, columns, classes, leaks, examples, what layers make of them."""
    streams = streams_of(context)
    files = [file for file in (html, png) if file is not None]
    for file in files:
        check_output(file, force)
    if png is not None and png.suffix.lower() != ".png":
        raise typer.BadParameter(
            f"`{png}` does not end in .png, and that is what is written", param_hint="--png"
        )
    from kexp.cli.specs import placed, read_spec
    from kexp.report.data import doubts_of

    read = read_spec(spec, assignments or ())
    with streams.hushed(), placed(read.experiment):
        described = _described(read.experiment, read.folder, rows, bool(files), streams)
    if png is not None:
        write_output(png, _sheets(described))
    if html is not None:
        write_output(html, _page(described))
    if files and not as_json:
        for line in doubts_of(described.facts):
            streams.say(line)
    for file in files:
        streams.say(f"wrote {file}")
    _tell(described, streams, as_json, is_text=not files)
    if described.fault is not None:
        raise described.fault


def _described(
    experiment: "Experiment", folder: Path, rows: int, is_drawn: bool, streams: Streams
) -> Description:
    from kexp.data.contact_sheet import contact_sheet, image_inputs
    from kexp.data.experiment import load_data
    from kexp.data.facts import data_facts

    datasets = load_data(experiment, folder)
    facts = data_facts(datasets, experiment.data.source, rows)
    train, classes = datasets.splits["train"], datasets.info.classes
    names = image_inputs(train) if is_drawn else ()
    sheets = tuple(contact_sheet(train, name, classes) for name in names)
    described = Description(experiment.name, facts, sheets)
    if not experiment.preprocess and not experiment.augment:
        return described
    try:
        with _waiting(streams):
            made = _previewed(experiment, datasets, folder, rows)
    except KexpError as error:
        located = error if experiment.document is None else experiment.document.located(error)
        return replace(described, fault=located)
    notes = facts.notes if experiment.seed is not None or not made.augment else (*facts.notes, _NO_SEED)
    facts = replace(facts, preprocess=made.preprocess, augment=made.augment, notes=notes)
    return replace(described, facts=facts, sheets=(*sheets, *made.sheets))


def _previewed(experiment: "Experiment", datasets: "Datasets", folder: Path, rows: int) -> "Preview":
    """Run the layers on the CPU, where they do not disturb a training."""
    from kexp.train.backend import prepare

    prepare(replace(experiment.runtime, device="cpu"), experiment.seed or 0)
    from kexp.preview.look import preview

    return preview(experiment, datasets, folder, rows)


@contextmanager
def _waiting(streams: Streams) -> Iterator[None]:
    """Say on a terminal what takes its seconds, as long as it does."""
    if not streams.err.isatty():
        yield
        return
    with streams.console().status("importing Keras and running `preprocess` and `augment`"):
        yield


def _sheets(described: Description) -> bytes:
    """Return all pictures in one.

    Raises: UsageError (no-images-to-show).
    """
    if not described.sheets:
        raise described.fault or UsageError.because("no-images-to-show", "no input of this data is an image")
    from kexp.data.sheets import stacked_png

    return stacked_png(described.sheets)


def _page(described: Description) -> bytes:
    from kexp.data.sheets import sheet_png
    from kexp.report.data_page import Picture, data_page

    pictures = [Picture(sheet.title, sheet.note, sheet_png(sheet)) for sheet in described.sheets]
    return data_page(described.name, described.facts, pictures).encode()


def _tell(described: Description, streams: Streams, as_json: bool, is_text: bool) -> None:
    if as_json:
        from kexp.report.data import as_mapping

        streams.tell_json(as_mapping(described.facts))
    elif is_text:
        from kexp.report.data import data_text

        streams.tell(data_text(described.facts))
