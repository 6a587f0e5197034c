"""`kexp validate`."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kexp.cli.options import streams_of
from kexp.cli.streams import Streams
from kexp.diagnostics import Diagnostic, Source, Span, render
from kexp.errors import KexpError, NotFound, SpecError, UsageError

if TYPE_CHECKING:
    from kexp.cli.specs import Spec


class Format(StrEnum):
    full = "full"
    concise = "concise"
    json = "json"
    github = "github"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found in one spec, and the exit code of its errors; 0 without any."""

    spec: str
    diagnostics: tuple[Diagnostic, ...]
    exit_code: int = 0


def validate(
    context: typer.Context,
    specs: Annotated[
        list[str], typer.Argument(metavar="SPEC", help="YAML files, folders of *.yaml, or - for stdin.")
    ],
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", "-s", metavar="KEY=VALUE", help="Change one value in every spec."),
    ] = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Also load the data, build the model and compare them.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 2 on warnings too.")] = False,
    format: Annotated[
        Format, typer.Option(help="For people, one line each, for programs, for pull requests.")
    ] = Format.full,
) -> None:
    """Find every fault of a spec, at its place, without importing Keras."""
    streams = streams_of(context)
    verdicts = [*_verdicts(list(dict.fromkeys(specs)), assignments or (), deep, streams)]
    found = list(dict.fromkeys(d for verdict in verdicts for d in verdict.diagnostics))
    text = _written(found if format is Format.full else [*_in_files(verdicts)], format, streams)
    if text:
        streams.tell(text)
    from kexp.report.diagnostics import summary

    streams.say(summary(len(verdicts), found))
    if format is Format.full:
        streams.teach(found)
    failed = next((verdict.exit_code for verdict in verdicts if verdict.exit_code), 0)
    if failed or (strict and found):
        raise typer.Exit(failed or UsageError.exit_code)


def _verdicts(
    named: Sequence[str], assignments: Sequence[str], deep: bool, streams: Streams
) -> Iterator[Verdict]:
    from kexp.cli.specs import read_spec

    with streams.hushed() if deep else nullcontext():
        for name in named:
            try:
                specs = _files(name)
            except KexpError as error:
                yield Verdict(name, error.diagnostics, error.exit_code)
                continue
            for spec in specs:
                try:
                    read = read_spec(spec, assignments)
                except KexpError as error:
                    yield Verdict(spec, error.diagnostics, error.exit_code)
                    continue
                missing = _missing_files(read)
                if missing:
                    yield Verdict(spec, (*read.warnings, *missing), SpecError.exit_code)
                else:
                    yield _deep_verdict(spec, read, streams) if deep else Verdict(spec, read.warnings)


def _missing_files(read: "Spec") -> tuple[Diagnostic, ...]:
    """Return the faults of Python files that the spec names and that are not there, at their places."""
    from kexp.document import texts

    document = read.experiment.document
    assert document is not None
    scalars = [scalar for scalar in texts(document.root) if ":" in str(scalar.value)]
    if not scalars:
        return ()
    from kexp.custom import missing_files
    from kexp.spec.references import custom_names

    found = []
    for reference, fault in missing_files(custom_names(read.experiment), read.folder):
        spans = (scalar.span for scalar in scalars if reference in str(scalar.value))
        span = next(spans, None)
        found.append(fault if span is None else replace(fault.at(span), path=document.path_of(span)))
    return tuple(found)


def _files(named: str) -> list[str]:
    """Return the specs that a name stands for: a folder's are its `*.yaml`, not those of folders in it.

    Raises: NotFound (no-specs).
    """
    if named == "-" or not Path(named).is_dir():
        return [named]
    from kexp.document.reading import is_spec_file

    found = sorted(str(path) for path in Path(named).glob("*.yaml") if is_spec_file(path))
    if not found:
        raise NotFound.because("no-specs", f"the folder `{named}` holds no `*.yaml`")
    return found


def _deep_verdict(spec: str, read: "Spec", streams: Streams) -> Verdict:
    """Go as far as `kexp train` goes before it makes a run."""
    from kexp.cli.specs import placed, settled

    if streams.err.isatty():
        streams.say(f"{spec}: loading its data and building its model")
    experiment = settled(read.experiment, ())
    try:
        with placed(experiment):
            from kexp.train.backend import prepare, settle

            prepare(replace(experiment.runtime, device="auto", threads=None, deterministic=False), 0)
            settle(experiment.runtime, experiment.seed or 0)
            from kexp.train.ready import make_ready

            ready = make_ready(experiment, read.folder)
    except KexpError as error:
        return Verdict(spec, (*read.warnings, *error.diagnostics), error.exit_code)
    return Verdict(spec, (*read.warnings, *ready.warnings))


def _in_files(verdicts: Sequence[Verdict]) -> Iterator[Diagnostic]:
    """Yield every diagnostic once, one without a place at its spec's beginning."""
    from kexp.diagnostics import in_order

    found: dict[Diagnostic, None] = {}
    for verdict in verdicts:
        start = Span(Source(verdict.spec, ""), 1, 1, 1, 1)
        found |= dict.fromkeys(d if d.span else d.at(start) for d in in_order(verdict.diagnostics))
    return iter(found)


def _written(found: Sequence[Diagnostic], format: Format, streams: Streams) -> str:
    from kexp.report.diagnostics import as_json, concise, github

    match format:
        case Format.full:
            return render(found, streams.out_paint)
        case Format.concise:
            return concise(found, streams.out_paint)
        case Format.json:
            return as_json(found)
        case Format.github:
            return github(found)
