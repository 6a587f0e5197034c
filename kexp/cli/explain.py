"""`kexp explain`."""

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from kexp.cli.options import JsonOption, streams_of
from kexp.diagnostics import Diagnostic
from kexp.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from kexp.spec.explanations.page import Page


def explain(
    context: typer.Context,
    topics: Annotated[
        list[str] | None,
        typer.Argument(metavar="TOPIC", help="A diagnostic's id, a key, a layer, any name of Keras's."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Explain diagnostics, keys and Keras's objects; without a topic, list them all."""
    streams = streams_of(context)
    from kexp.cli.pages import Printer
    from kexp.spec.explanations.topics import groups

    if not topics and as_json:
        streams.tell_json({"schema": 1, "topics": groups()})
    elif not topics:
        Printer(streams.out).show_groups(groups())
    elif as_json:
        streams.tell_json({"schema": 1, "pages": [dataclasses.asdict(page) for page in _pages(topics)]})
    else:
        Printer(streams.out).show(_pages(topics))


def _pages(topics: Iterable[str]) -> list["Page"]:
    """Return the pages of all topics.

    Raises: UsageError (unknown-topic).
    """
    from kexp.spec.elsewhere import said_otherwise
    from kexp.spec.explanations.topics import all_names, find
    from kexp.spec.spellings import object_here

    found = {topic: find(topic) for topic in topics}
    faults = [
        Diagnostic(
            "unknown-topic",
            f"nothing is called `{topic}`",
            help=said_otherwise(topic)
            or object_here(topic.rpartition(".")[2])
            or did_you_mean(topic, sorted(all_names(), key=lambda name: (abs(len(name) - len(topic)), name)))
            or "`kexp explain` lists all topics",
        )
        for topic, pages in found.items()
        if not pages
    ]
    if faults:
        raise UsageError(*faults)
    return [page for pages in found.values() for page in pages]
