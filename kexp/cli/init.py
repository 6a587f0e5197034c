"""`kexp init`."""

import sys
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from kexp.cli.options import streams_of
from kexp.cli.output import check_output, write_output
from kexp.cli.schema import MODELINE, SCHEMA_FILE, write_schema
from kexp.errors import UsageError, did_you_mean

_TEMPLATES = resources.files("kexp.cli") / "templates"
_SUFFIX = ".yaml"
_STDOUT = "-"


def init(
    context: typer.Context,
    template: Annotated[
        str, typer.Argument(metavar="TEMPLATE", help="What to start from; --list names them.")
    ] = "classification",
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to write [TEMPLATE.yaml]; - for stdout."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE where it exists.")] = False,
    only_list: Annotated[bool, typer.Option("--list", help="Name the templates and exit.")] = False,
) -> None:
    """Write a commented spec to start from, with the schema that lets editors complete and check it."""
    streams = streams_of(context)
    files = {path.name.removesuffix(_SUFFIX): path for path in _TEMPLATES.iterdir()}
    known = {name: file.read_text(encoding="utf-8") for name, file in files.items()}
    if only_list:
        streams.tell(_listed(known))
        return
    if template not in known:
        help = did_you_mean(template, known) or "`kexp init --list` names the templates"
        raise UsageError.because("unknown-template", f"there is no template `{template}`", help=help)
    if output is None:
        output = template + _SUFFIX if sys.stdout.isatty() else _STDOUT
    spec = "SPEC" if output == _STDOUT else Path(output).name
    text = known[template].replace(template + _SUFFIX, spec)
    if output == _STDOUT:
        streams.tell(text.rstrip("\n"))
    else:
        schema = _written(Path(output), text, force)
        streams.say(f"{output}, and {schema} for editors")
    streams.say(f"next     kexp validate {'SPEC' if output == _STDOUT else output}")


def _listed(known: Mapping[str, str]) -> str:
    """Return the templates with what their first lines say."""
    width = max(map(len, known))
    heads = {name: text.partition("\n")[0].removeprefix("# ") for name, text in known.items()}
    return "\n".join(f"{name:{width}}  {heads[name]}" for name in sorted(known))


def _written(path: Path, text: str, force: bool) -> Path:
    """Write the spec and the schema that its first line names, and return the schema's path."""
    schema = path.with_name(SCHEMA_FILE)
    check_output(path, force)
    write_schema(schema, force)
    write_output(path, (MODELINE.format(schema=schema.name) + text).encode())
    return schema
