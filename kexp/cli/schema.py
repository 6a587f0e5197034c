"""`kexp schema`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from kexp.cli.options import streams_of
from kexp.cli.output import check_output, write_output
from kexp.cli.streams import Streams

SCHEMA_FILE = "kexp.schema.json"
MODELINE = "# yaml-language-server: $schema={schema}\n"
"""The first line of a spec by which editors find the schema, relative to the spec."""


def schema(
    context: typer.Context,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write [stdout].")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a FILE that is no schema of kexp's.")
    ] = False,
    manifest: Annotated[
        bool, typer.Option("--manifest", help="The schema of a run's manifest.json instead.")
    ] = False,
) -> None:
    """Write the language as a JSON Schema, by which editors complete, explain and check specs."""
    streams = streams_of(context)
    if manifest:
        _write_manifest_schema(streams, output, force)
        return
    if output is None:
        streams.tell(schema_text().rstrip("\n"))
        return
    write_schema(output, force)
    line = MODELINE.format(schema=output.name).rstrip("\n")
    streams.say(f"{output}: the first line `{line}` lets a spec beside it use it")


def _write_manifest_schema(streams: Streams, output: Path | None, force: bool) -> None:
    from kexp.record.manifest_schema import manifest_schema

    text = json.dumps(manifest_schema(), indent=2)
    if output is None:
        streams.tell(text)
        return
    check_output(output, force)
    write_output(output, f"{text}\n".encode())
    streams.say(f"wrote {output}")


def write_schema(path: Path, force: bool) -> None:
    """Write the schema, also over one of another kexp.

    Raises: UsageError (file-exists, not-writable).
    """
    check_output(path, force or is_schema(path))
    write_output(path, schema_text().encode())


def schema_text() -> str:
    from kexp.spec.schema.root import json_schema

    return json.dumps(json_schema(), ensure_ascii=False, separators=(",", ":")) + "\n"


def is_schema(path: Path) -> bool:
    """Tell whether a file is a schema that some kexp wrote."""
    from kexp.spec.schema.root import DESCRIPTION

    try:
        return DESCRIPTION in path.read_text(encoding="utf-8")[:200]
    except (OSError, UnicodeDecodeError):
        return False
