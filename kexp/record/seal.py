"""Who wrote a run: its list of hashes, and this user's MACs that vouch for it.

A MAC of what was asked for is written before the first step, so that a killed run is known to be the user's
own; the MAC of the whole list is written at the end, where the first still holds.
"""

import hashlib
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import ClassVar, Literal

from kexp.errors import KexpError, RunRefused
from kexp.record.files import is_temporary, read_regular, remove, sha256_of, write_atomically
from kexp.record.jsonfile import broken
from kexp.record.sums import check_sum, line_of, read_sums, sum_line, sums_of, sums_text, with_line, without
from kexp.record.trust import Subject, is_vouched, local_key, write_macs

Origin = Literal["own", "foreign", "unverified"]
"""This user's key vouches for the run; it does not; there is no list of hashes at all."""

SUMS, MACS = "SHA256SUMS", "SHA256SUMS.mac"
MAX_ENTRIES = 100_000
_MOST_BYTES = 256 << 20
"""Hashed at most to tell whose a run is, or whether it is whole."""
_LARGE_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class SealedFolder:
    """A folder with a list of its files' hashes, and with this user's MACs beside that.

    `ASKED` are the files and folders that never change, `UNLISTED` those that the list leaves out, `MIRRORS`
    folders that others write, and nobody reads.
    """

    path: Path

    ASKED: ClassVar[tuple[str, ...]] = ()
    UNLISTED: ClassVar[frozenset[str]] = frozenset()
    MIRRORS: ClassVar[frozenset[str]] = frozenset()

    @property
    def id(self) -> str:
        return self.path.absolute().name

    @property
    def sums(self) -> Path:
        return self.path / SUMS

    @property
    def sums_mac(self) -> Path:
        return self.path / MACS

    # ---------------------------------------------------------------- saying

    def vouch(self) -> None:
        """Say under this user's key that what was asked for is theirs; whoever changes it vouches anew."""
        key = local_key()
        if key.secret:
            write_macs(self.sums_mac, (("begun", key.mac("begun", self._asked_text())),))

    def replace_asked(self, files: Mapping[str, bytes], is_own: bool) -> None:
        """Replace files of what was asked for, one by one; `is_own`: it is vouched for, between them too."""
        names, key = list(files), local_key()
        texts = [self._asked_text({n: files[n] for n in names[:count]}) for count in range(len(names) + 1)]
        if key.secret and is_own:
            write_macs(self.sums_mac, tuple(("begun", key.mac("begun", text)) for text in texts))
        for name, data in files.items():
            write_atomically(self.path / name, data)
        if is_own:
            self.vouch()

    def write_sums(self) -> None:
        """Write down the sha256 of each file as it is now; vouch for it where the start is vouched for."""
        text = sums_of(self.path, self.UNLISTED)
        self._vouch("begun", self._asked_text(), text)
        write_atomically(self.sums, text)

    def add_sum(self, file: Path) -> None:
        """Write down the sha256 of a file as it is now, beside those of others; the caller owns the folder.

        Raises: file-broken
        """
        text = sums_text(self.sums)
        if text is None:
            return
        changed = with_line(text, sum_line(file, file.relative_to(self.path).as_posix()))
        if changed != text:
            self._relist(text, changed)

    def write_listed(self, path: Path, data: bytes) -> None:
        """Write or replace a file, which the list meanwhile describes as it was and as it will be.

        Raises: file-broken
        """
        text = sums_text(self.sums)
        if text is not None:
            self._relist(text, text + line_of(data, path.relative_to(self.path).as_posix()))
        try:
            write_atomically(path, data)
        except OSError:
            with suppress(OSError):
                self.drop_unwritten(path.parent)
            raise
        self.add_sum(path)

    def drop_unwritten(self, folder: Path) -> None:
        """Take from the list what it names in a folder and what a kill, or a full disk, kept from there.

        Raises: file-broken
        """
        text = sums_text(self.sums)
        prefix = f"{folder.relative_to(self.path).as_posix()}/"
        if folder == self.path or text is None:
            return
        changed = without(text, lambda name: name.startswith(prefix) and not (self.path / name).exists())
        if changed != text:
            self._relist(text, changed)

    def _relist(self, text: bytes, changed: bytes) -> None:
        # Both are vouched for before the list is replaced, so that no kill makes the run a stranger's.
        self._vouch("whole", text, text, changed)
        write_atomically(self.sums, changed)

    def remove_sums(self) -> None:
        """Withdraw what was said of files that are about to change; what was asked for stays vouched for."""
        remove(self.sums)

    def _vouch(self, held: Subject, text: bytes, *lists: bytes) -> None:
        """Vouch for lists of hashes where a MAC vouches for `text` now."""
        key = local_key()
        if not is_vouched(self.sums_mac, key, held, text):
            return
        asked = self._asked_text()
        macs = [key.mac("whole", each) for each in lists]
        begun = [key.mac("begun", asked)] if is_vouched(self.sums_mac, key, "begun", asked) else []
        write_macs(self.sums_mac, (*(("begun", mac) for mac in begun), *(("whole", mac) for mac in macs)))

    def _asked_text(self, replaced: Mapping[str, bytes] = MappingProxyType({})) -> bytes:
        """List what was asked for with its hashes; what is no plain file, or too large, spoils the list.

        Files `replaced` are taken as they will be.
        """
        room, text = _MOST_BYTES, b""
        for path in sorted(p for name in self.ASKED for p in walk(self.path / name) if not is_temporary(p)):
            name, found = path.relative_to(self.path).as_posix(), path.lstat()
            room -= found.st_size
            if not stat.S_ISREG(found.st_mode) or room < 0:
                return text + b"?\n"
            text += line_of(replaced[name], name) if name in replaced else sum_line(path, name)
        return text

    # ---------------------------------------------------------------- checking

    def origin(self) -> Origin:
        """Tell whether this user's key vouches for the folder.

        Raises: file-broken, too-many-files
        """
        text, key = sums_text(self.sums), local_key()
        if text is not None:
            return "own" if is_vouched(self.sums_mac, key, "whole", text) else "foreign"
        if not self.sums_mac.is_file():
            return "unverified"
        return "own" if is_vouched(self.sums_mac, key, "begun", self._asked_text()) else "unverified"

    def check_whole(self) -> None:
        """Refuse what the list does not name or describes otherwise, and all that is no plain file.

        What is large is looked at when it is read.

        Raises: not-a-plain-file, too-many-files, file-not-listed, file-differs, file-broken
        """
        folder, room = self.path.resolve(), _MOST_BYTES
        listed = read_sums(self.sums) or {}
        for path in walk(folder):
            name, found = path.relative_to(folder).as_posix(), path.lstat()
            if not stat.S_ISREG(found.st_mode):
                raise _not_plain(name, folder.name, found.st_mode)
            if name in self.UNLISTED or is_temporary(path) or name.partition("/")[0] in self.MIRRORS:
                continue
            room -= found.st_size if found.st_size <= _LARGE_BYTES else 0
            is_hashed = found.st_size <= _LARGE_BYTES and room >= 0
            check_sum(name, listed, partial(sha256_of, path) if is_hashed else None)

    def verify(self, relative: str) -> bool:
        """Return True for a file that is as SHA256SUMS says, and False where there is no SHA256SUMS.

        Raises: path-outside-run, file-not-listed, file-differs, file-broken
        """
        path = self.inside(self.path, relative)
        return self._check(path, lambda: sha256_of(path) if path.is_file() else "")

    def read(self, relative: str, most_bytes: int) -> bytes:
        """Return what a file holds, as SHA256SUMS says where there is one.

        Raises: what `verify` raises
        """
        path = self.inside(self.path, relative)
        try:
            data = read_regular(path, most_bytes)
        except OSError as error:
            raise broken(path, f"it cannot be read: {error.strerror}") from None
        self._check(path, lambda: hashlib.sha256(data).hexdigest())
        return data

    def _check(self, path: Path, digest: Callable[[], str]) -> bool:
        listed = read_sums(self.sums)
        if listed is not None:
            check_sum(path.relative_to(self.path).as_posix(), listed, digest)
        return listed is not None

    def inside(self, folder: Path, relative: str) -> Path:
        """Return the path below `folder` that is reached through no link.

        Raises: path-outside-run
        """
        plain = PurePosixPath(relative)
        path = folder / plain
        within = [p for p in (path, *path.parents) if self.path in p.parents]
        if plain.is_absolute() or ".." in plain.parts or any(p.is_symlink() for p in within):
            raise RunRefused.because(
                "path-outside-run",
                f"`{relative}` leads out of run `{self.id}`; expected a plain path below it",
            )
        return path


def _not_plain(name: str, run: str, mode: int) -> KexpError:
    kinds = {stat.S_IFLNK: "a link", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    kind = kinds.get(stat.S_IFMT(mode), "a device")
    message = f"`{name}` of run `{run}` is {kind}, and a run from others holds files alone"
    help = "ask for the run again, or `--trust` it"
    return RunRefused.because("not-a-plain-file", message, help=help)


def walk(path: Path) -> Iterator[Path]:
    """Yield what is at a path or below it, but for folders; no link is followed.

    Raises: too-many-files, file-broken
    """
    waiting, number = [path], 0
    while waiting:
        place = waiting.pop()
        number += 1
        if number > MAX_ENTRIES:
            message = f"`{path}` holds more than {MAX_ENTRIES:,} files"
            raise RunRefused.because("too-many-files", message)
        try:
            is_folder = stat.S_ISDIR(place.lstat().st_mode)
            waiting += place.iterdir() if is_folder else ()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise broken(place, f"it cannot be read: {error.strerror}") from None
        if not is_folder:
            yield place
