"""Who wrote a run: its list of hashes, and this user's MACs that vouch for it.

A MAC of what was asked for is written before the first step, so that a killed run is known to be the user's
own; the MAC of the whole list is written at the end, where the first still holds.
"""

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kexp.errors import RunRefused
from kexp.record.files import sha256_of, write_atomically
from kexp.record.sums import sum_line, sums_of, sums_text
from kexp.record.trust import Key, Subject, is_vouched, write_macs

Origin = Literal["own", "foreign", "unverified"]
"""This user's key vouches for the run; it does not; there is no list of hashes at all."""

MAX_ENTRIES = 100_000
_MOST_BYTES = 256 << 20
"""Of what was asked for, hashed to tell whose a killed run is."""


@dataclass(frozen=True, slots=True)
class Seal:
    """`sums` and `macs` lie in the run's folder; `asked` are the files and folders that never change."""

    sums: Path
    macs: Path
    asked: tuple[str, ...]

    def begin(self, key: Key) -> None:
        """Vouch for what was asked for."""
        if key.secret:
            write_macs(self.macs, (("begun", key.mac("begun", self._asked_text())),))

    def write(self, without: frozenset[str], key: Key) -> None:
        """List all files; vouch for them where what was asked for is still what it was."""
        text = sums_of(self.sums.parent, without)
        self._vouch(key, "begun", self._asked_text(), text)
        write_atomically(self.sums, text)

    def add(self, file: Path, key: Key) -> None:
        """List one more file; without a list none is begun, since nothing vouches for the other files.

        Raises: file-broken
        """
        text = sums_text(self.sums)
        if text is None:
            return
        longer = text + sum_line(file, file.relative_to(self.sums.parent).as_posix())
        # Both are vouched for until the list is replaced, so that no kill makes the run a stranger's.
        self._vouch(key, "whole", text, text, longer)
        write_atomically(self.sums, longer)

    def origin(self, key: Key) -> Origin:
        """Tell whose the run is.

        Raises: file-broken
        """
        text = sums_text(self.sums)
        if text is not None:
            return "own" if is_vouched(self.macs, key, "whole", text) else "foreign"
        if not self.macs.is_file():
            return "unverified"
        return "own" if is_vouched(self.macs, key, "begun", self._asked_text()) else "unverified"

    def _vouch(self, key: Key, held: Subject, text: bytes, *lists: bytes) -> None:
        """Vouch for lists of hashes where a MAC vouches for `text` now."""
        if not is_vouched(self.macs, key, held, text):
            return
        asked = self._asked_text()
        macs = [key.mac("whole", each) for each in lists]
        begun = [key.mac("begun", asked)] if is_vouched(self.macs, key, "begun", asked) else []
        write_macs(self.macs, (*(("begun", mac) for mac in begun), *(("whole", mac) for mac in macs)))

    def _asked_text(self) -> bytes:
        """List what was asked for with its hashes; what is no plain file, or too large, never has one."""
        folder, room = self.sums.parent, _MOST_BYTES
        lines = []
        for path in sorted(p for name in self.asked for p in walk(folder / name)):
            found = path.lstat()
            room -= found.st_size
            is_hashed = stat.S_ISREG(found.st_mode) and room >= 0
            lines.append(f"{sha256_of(path) if is_hashed else '?'}  {path.relative_to(folder).as_posix()}\n")
        return "".join(lines).encode("utf-8", "surrogateescape")


def walk(path: Path) -> Iterator[Path]:
    """Yield what is at a path or below it, but for folders; no link is followed.

    Raises: too-many-files
    """
    waiting, number = [path], 0
    while waiting:
        place = waiting.pop()
        try:
            is_folder = stat.S_ISDIR(place.lstat().st_mode)
        except FileNotFoundError:
            continue
        number += 1
        if number > MAX_ENTRIES:
            message = f"`{path}` holds more than {MAX_ENTRIES:,} files"
            raise RunRefused.because("too-many-files", message)
        if is_folder:
            waiting += place.iterdir()
        else:
            yield place
