"""The user's own key, and what it vouches for: a run whose MAC verifies was written by this user.

The key is made on first use. Whoever copies it to another machine is the same user there.
"""

import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kexp.record.files import make_folder, open_regular, read_regular, write_atomically, write_once

KEY_BYTES = 32
_MOST_MAC_BYTES = 4096

Subject = Literal["begun", "whole"]
"""What a MAC is of: what was asked for, before the first step; or the list of all files."""


@dataclass(frozen=True, slots=True)
class Key:
    """`problem` says why there is no secret."""

    secret: bytes = b""
    problem: str = ""

    def mac(self, subject: Subject, text: bytes) -> str:
        return hmac.new(self.secret, subject.encode() + b"\0" + text, hashlib.sha256).hexdigest()


def config_folder(environ: Mapping[str, str]) -> Path:
    """Return where the user's key is kept: `$KEXP_CONFIG`, or the user's configuration folder."""
    given = environ.get("KEXP_CONFIG")
    if given:
        return Path(given)
    return Path(environ.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser()) / "kexp"


def local_key(folder: Path | None = None) -> Key:
    """Return this user's key, made on first use; two processes that make it at once get the same."""
    try:
        path = (folder or config_folder(os.environ)) / "key"
        if not path.exists():
            make_folder(path.parent, mode=0o700)
            write_once(path, secrets.token_bytes(KEY_BYTES), mode=0o600)
        return _read(path)
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        return Key(problem=f"your key cannot be kept: {reason or error}")


def _read(path: Path) -> Key:
    with open_regular(path.resolve()) as file:
        found = os.fstat(file.fileno())
        if found.st_uid != os.geteuid():
            return Key(problem=f"`{path}` belongs to another user")
        if stat.S_IMODE(found.st_mode) & 0o077:
            return Key(problem=f"others may read `{path}`: remove it, or `chmod 600` it")
        secret = file.read(KEY_BYTES + 1)
    if len(secret) != KEY_BYTES:
        return Key(problem=f"`{path}` is not a key of {KEY_BYTES} bytes")
    return Key(secret)


# ---------------------------------------------------------------- the MACs beside SHA256SUMS


def write_macs(path: Path, macs: tuple[tuple[Subject, str], ...]) -> None:
    write_atomically(path, "".join(f"{subject} {mac}\n" for subject, mac in macs).encode())


def is_vouched(path: Path, key: Key, subject: Subject, text: bytes) -> bool:
    """Tell whether one of the MACs is this key's of the text."""
    if not key.secret:
        return False
    try:
        lines = read_regular(path, _MOST_MAC_BYTES).split(b"\n")
    except OSError:
        return False
    wanted = f"{subject} {key.mac(subject, text)}".encode()
    return any([hmac.compare_digest(line, wanted) for line in lines])
