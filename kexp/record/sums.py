"""The hashes of a run's files, in the format of GNU `sha256sum`."""

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from kexp.errors import RunRefused
from kexp.record.files import is_temporary, read_regular, sha256_of
from kexp.record.jsonfile import broken

MAX_BYTES = 16 << 20

_LINE = re.compile(r"(\\?)([0-9a-f]{64}) [ *](.+)\Z")
_ESCAPES = {"\\\\": "\\", "\\n": "\n", "\\r": "\r"}


def sums_of(folder: Path, without: frozenset[str]) -> bytes:
    """List each regular file below a folder, but those named and temporaries."""
    names = sorted(set(_regular_files(folder)) - without)
    return b"".join(sum_line(folder / name, name) for name in names)


def sum_line(file: Path, name: str) -> bytes:
    """Return the line that lists a file."""
    return _line(sha256_of(file), name)


def line_of(data: bytes, name: str) -> bytes:
    """Return the line that lists a file with this content."""
    return _line(hashlib.sha256(data).hexdigest(), name)


def with_line(text: bytes, line: bytes) -> bytes:
    """Return a list with a line in place of what it says of that name."""
    listed = os.fsdecode(_name_of(line[:-1]))
    return without(text, lambda name: name == listed) + line


def without(text: bytes, is_out: Callable[[str], bool]) -> bytes:
    """Return a list less the lines of some names."""
    return b"".join(
        line + b"\n" for line in text.split(b"\n") if line and not is_out(os.fsdecode(_name_of(line)))
    )


def sums_text(path: Path) -> bytes | None:
    """Return a list of hashes as it stands in its file; None where there is none.

    Raises: file-broken
    """
    try:
        return read_regular(path, MAX_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise broken(path, f"it cannot be read: {error.strerror}") from None


def read_sums(path: Path) -> dict[str, frozenset[str]] | None:
    """Return hashes by relative path, several of a file that was being replaced; None where there is no list.

    Raises: file-broken
    """
    data = sums_text(path)
    if data is None:
        return None
    text = data.decode("utf-8", "surrogateescape")
    sums: dict[str, frozenset[str]] = {}
    for line in text.removesuffix("\n").split("\n") if text else []:
        match = _LINE.match(line)
        if match is None:
            raise broken(path, "it is not a list of hashes and names")
        name = re.sub(r"\\.", lambda m: _ESCAPES.get(m[0], m[0]), match[3]) if match[1] else match[3]
        sums[name] = sums.get(name, frozenset()) | {match[2]}
    return sums


def check_sum(name: str, sums: Mapping[str, frozenset[str]], digest: Callable[[], str] | None = None) -> None:
    """Refuse a file, `name` in its run, that `sums` do not name, or describe otherwise.

    Raises: file-not-listed, file-differs
    """
    if name not in sums:
        raise RunRefused.because(
            "file-not-listed",
            f"`{name}` is not among the files that `SHA256SUMS` of its run names",
            help="it was added after kexp wrote the run; remove it, or ask for the run again",
        )
    if digest is not None and digest() not in sums[name]:
        raise RunRefused.because(
            "file-differs",
            f"`{name}` is not the file that `SHA256SUMS` of its run describes",
            help="it was changed after kexp wrote the run; ask for the run again",
        )


def _name_of(line: bytes) -> bytes:
    return line.partition(b" ")[2][1:]


def _line(digest: str, name: str) -> bytes:
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    mark = "" if escaped == name else "\\"
    return f"{mark}{digest}  {escaped}\n".encode("utf-8", "surrogateescape")


def _regular_files(folder: Path) -> Iterator[str]:
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            if path.is_file() and not path.is_symlink() and not is_temporary(path):
                yield path.relative_to(folder).as_posix()
