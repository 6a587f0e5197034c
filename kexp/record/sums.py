"""The hashes of a run's files, in the format of GNU `sha256sum`."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from kexp.errors import RunRefused
from kexp.record.files import append_line, is_temporary, read_regular, sha256_of, write_atomically
from kexp.record.jsonfile import broken

_LINE = re.compile(r"(\\?)([0-9a-f]{64}) [ *](.+)\Z")
_ESCAPES = {"\\\\": "\\", "\\n": "\n", "\\r": "\r"}


def write_sums(path: Path, without: frozenset[str]) -> None:
    """List each regular file below the folder of `path`, but those named and temporaries."""
    names = sorted(set(_regular_files(path.parent)) - without)
    lines = (f"{_line(sha256_of(path.parent / name), name)}\n" for name in names)
    write_atomically(path, "".join(lines).encode("utf-8", "surrogateescape"))


def add_sum(path: Path, file: Path) -> None:
    """List one more file; where there is no list, none is begun, since nothing vouches for the other files.

    The line is appended: other lines stay as they are, and two processes may add at once.

    Raises: file-broken
    """
    if read_sums(path) is not None:
        append_line(path, _line(sha256_of(file), file.relative_to(path.parent).as_posix()))


def read_sums(path: Path) -> dict[str, str] | None:
    """Return hash by relative path; None where there is no such list.

    Raises: file-broken
    """
    try:
        text = read_regular(path).decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise broken(path, f"it cannot be read: {error.strerror}") from None
    sums = {}
    for line in text.removesuffix("\n").split("\n") if text else []:
        match = _LINE.match(line)
        if match is None:
            raise broken(path, "it is not a list of hashes and names")
        name = re.sub(r"\\.", lambda m: _ESCAPES.get(m[0], m[0]), match[3]) if match[1] else match[3]
        sums[name] = match[2]
    return sums


def check_sum(path: Path, name: str, sums: dict[str, str]) -> None:
    """Refuse a file, `name` in its run, that is not as `sums` say.

    Raises: file-not-listed, file-differs
    """
    if name not in sums:
        raise RunRefused.because(
            "file-not-listed",
            f"`{name}` is not among the files that `SHA256SUMS` of its run names",
            help="it was added after kexp wrote the run; remove it, or ask for the run again",
        )
    if not path.is_file() or sha256_of(path) != sums[name]:
        raise RunRefused.because(
            "file-differs",
            f"`{name}` is not the file that `SHA256SUMS` of its run describes",
            help="it was changed after kexp wrote the run; ask for the run again",
        )


def _line(digest: str, name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return f"{'' if escaped == name else chr(92)}{digest}  {escaped}"


def _regular_files(folder: Path) -> Iterator[str]:
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            if path.is_file() and not path.is_symlink() and not is_temporary(path):
                yield path.relative_to(folder).as_posix()
