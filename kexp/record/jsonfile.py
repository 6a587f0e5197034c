"""JSON objects on disk, each with the schema it follows."""

import gc
import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from kexp.errors import KexpError, RunRefused
from kexp.record.files import read_regular, write_atomically

SCHEMA = 1
MAX_BYTES = 4 << 20
"""Of a file that is read whole: in memory it takes some twenty times as much."""

_NOT_ASCII = re.compile("[^\n\x20-\x7e]")
_MOST_SHOWN = 40
_MOST_DIGITS = 100
"""What a float holds, and Python prints, is more."""


def finite(value: object) -> object:
    """Return the value with None for every float that JSON cannot hold, and lists for tuples."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return value


def told(values: Mapping[str, object]) -> tuple[dict[str, object], list[str]]:
    """Return the values as JSON can hold them, and the names of those that were not finite."""
    held = {name: finite(value) for name, value in values.items()}
    return held, [name for name, value in held.items() if value is None]


def json_text(record: object, indent: int | None = None) -> str:
    """Return JSON without NaN; characters that could steer a terminal are escaped."""
    text = json.dumps(finite(record), indent=indent, ensure_ascii=False, allow_nan=False)
    return _NOT_ASCII.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    character: str = found[0]
    return character if character.isprintable() else json.dumps(character)[1:-1]


def write_object(path: Path, record: Mapping[str, object]) -> None:
    write_atomically(path, object_bytes(record))


def object_bytes(record: Mapping[str, object]) -> bytes:
    """Return the file that `write_object` writes."""
    text = json.dumps(finite(record), indent=2, ensure_ascii=False, sort_keys=False, allow_nan=False)
    # A name that is not UTF-8 holds surrogates; their escapes are JSON's own.
    return f"{text}\n".encode("utf-8", "backslashreplace")


def parsed(data: bytes) -> object:
    """Return what JSON says, with None for every number that is not finite.

    Raises: ValueError, RecursionError
    """
    with _no_collections():
        return json.loads(
            data, parse_constant=lambda name: None, parse_float=_finite_number, parse_int=_whole_number
        )


@contextmanager
def _no_collections() -> Iterator[None]:
    """Keep Python from looking for cycles among millions of new lists again and again: JSON has none."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _whole_number(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"a number has {len(text):,} digits")
    return int(text)


def _finite_number(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def read_object(path: Path, most_bytes: int = MAX_BYTES) -> dict[str, object] | None:
    """Read what `write_object` wrote; None where there is no such file.

    Raises: file-broken, another-version
    """
    try:
        record = parsed(read_regular(path, most_bytes))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise broken(path, f"it cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise broken(path, "it is not JSON") from None
    if not isinstance(record, dict):
        raise broken(path, "it is not a JSON object")
    if record.get("schema", SCHEMA) != SCHEMA:
        found = json.dumps(record["schema"])[:_MOST_SHOWN]
        raise RunRefused.because(
            "another-version",
            f"another version of kexp wrote `{path.name}`: its schema is {found}, this one reads {SCHEMA}",
            help="read it with the version that wrote it; `manifest.json` names it",
        )
    return record


def broken(path: Path, why: str) -> KexpError:
    run = next((folder for folder in path.parents if (folder / "spec.yaml").is_file()), path.parent)
    return RunRefused.because(
        "file-broken",
        f"`{path.relative_to(run).as_posix()}` of run `{run.name}` is broken: {why}",
        help="restore the file from a copy of the run, or move the run away",
    )
