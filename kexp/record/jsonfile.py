"""JSON objects on disk, each with the schema it follows."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

from kexp.errors import KexpError, RunRefused
from kexp.record.files import read_regular, write_atomically

SCHEMA = 1


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


def write_object(path: Path, record: Mapping[str, object]) -> None:
    text = json.dumps(finite(record), indent=2, ensure_ascii=False, sort_keys=False, allow_nan=False)
    # A name that is not UTF-8 holds surrogates; their escapes are JSON's own.
    write_atomically(path, f"{text}\n".encode("utf-8", "backslashreplace"))


def read_object(path: Path) -> dict[str, object] | None:
    """Read what `write_object` wrote; None where there is no such file.

    Raises: file-broken, another-version
    """
    try:
        record = finite(json.loads(read_regular(path)))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise broken(path, f"it cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise broken(path, "it is not JSON") from None
    if not isinstance(record, dict):
        raise broken(path, "it is not a JSON object")
    if record.get("schema", SCHEMA) != SCHEMA:
        found = json.dumps(record["schema"])
        raise RunRefused.because(
            "another-version",
            f"another version of kexp wrote `{path.name}`: its schema is {found}, this one reads {SCHEMA}",
            help="read it with the version that wrote it; `manifest.json` names it",
        )
    return record


def broken(path: Path, why: str) -> KexpError:
    return RunRefused.because(
        "file-broken",
        f"`{path.name}` of run `{path.parent.name}` is broken: {why}",
        help="restore the file from a copy of the run, or move the run away",
    )
