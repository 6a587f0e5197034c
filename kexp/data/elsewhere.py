"""Data that lies at another place than its spec says."""

import dataclasses
import os.path
from pathlib import Path

from kexp.errors import SpecError
from kexp.spec.catalogue import catalogue
from kexp.spec.references import with_data_files
from kexp.spec.types import Data


def with_data_at(data: Data, place: str) -> Data:
    """Return the data with its file or folder at another place, or in the folder `place` under its name.

    Of several, `place` is the common folder.

    Raises: SpecError (no-data-path).
    """
    signature = catalogue().signature("sources", data.source)
    if signature is None or signature.param("path") is None:
        message = f"the source `{data.source}` takes no `path`, so its data cannot lie elsewhere"
        raise SpecError.because("no-data-path", message, path="data.source")
    named = _paths(data)
    if not named:
        named_elsewhere = {k: v for k, v in data.options.items() if k != "dataset"}
        return dataclasses.replace(data, options={**named_elsewhere, "path": place})
    if len(named) == 1:
        inside = Path(place, Path(named[0]).name)
        return with_data_files(data, lambda path: str(inside) if inside.is_file() else place)
    whole = [path for path in named if Path(path).is_absolute()]
    common = os.path.commonpath([Path(path).parent for path in whole or named])

    def below(path: str) -> str:
        """Keep a relative path among whole ones: it began at the folder of the spec."""
        return path if whole and path not in whole else os.path.relpath(path, common)

    return with_data_files(data, lambda path: str(Path(place, below(path))))


def _paths(data: Data) -> list[str]:
    found: list[str] = []

    def note(path: str) -> str:
        found.append(path)
        return path

    with_data_files(data, note)
    return found
