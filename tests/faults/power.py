"""What a power cut leaves: of what was not synced, nothing, the names alone, or any part."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from faults.disk import Event

SURVIVORS = ("nothing", "names", "anything")
"""What of the unsynced is on the disk: no name and no byte; every name, but no byte; by chance."""


@dataclass(slots=True, eq=False)
class File:
    mode: int
    data: bytes = b""
    synced: bytes = b""


@dataclass(slots=True, eq=False)
class Folder:
    """`names` are what a process sees; `synced` those that are on the disk."""

    names: "dict[str, File | Folder]" = field(default_factory=dict)
    synced: "dict[str, File | Folder]" = field(default_factory=dict)


class Memory:
    """A folder as the changes to it leave it, with what of it is on the disk."""

    def __init__(self, root: Path) -> None:
        self.root, self.top = root, Folder()
        self.moves: list[tuple[Folder, str, Folder, str]] = []

    def make(self, events: Iterable[Event]) -> "Memory":
        for name, path, *more in events:
            getattr(self, f"_{name}")(Path(path), *more)
        return self

    def _folder(self, path: Path) -> Folder:
        found = self._at(path)
        assert isinstance(found, Folder)
        return found

    def _at(self, path: Path) -> File | Folder:
        node: File | Folder = self.top
        for name in path.relative_to(self.root).parts:
            assert isinstance(node, Folder)
            node = node.names[name]
        return node

    def _file(self, path: Path) -> File:
        found = self._at(path)
        assert isinstance(found, File)
        return found

    def _mkdir(self, path: Path) -> None:
        self._folder(path.parent).names[path.name] = Folder()

    def _open(self, path: Path, mode: int) -> None:
        self._folder(path.parent).names.setdefault(path.name, File(mode))

    def _write(self, path: Path, data: bytes) -> None:
        self._file(path).data += data

    def _truncate(self, path: Path, size: int) -> None:
        file = self._file(path)
        file.data = file.data[:size]

    def _fsync(self, path: Path) -> None:
        found = self._at(path)
        if isinstance(found, File):
            found.synced = found.data
            return
        found.synced = dict(found.names)
        for move in [move for move in self.moves if found in (move[0], move[2])]:
            self._settle(move)

    def _settle(self, move: "tuple[Folder, str, Folder, str]") -> None:
        """Put a move from folder to folder on the disk: file systems make it one entry of their journal."""
        source, name, target, place = move
        target.synced[place] = target.names[place]
        source.synced.pop(name, None)
        self.moves.remove(move)

    def _replace(self, path: Path, place: str) -> None:
        if path.parent != Path(place).parent:
            folders = self._folder(path.parent), self._folder(Path(place).parent)
            self.moves.append((folders[0], path.name, folders[1], Path(place).name))
        self._link(path, place)
        self._unlink(path)

    def _link(self, path: Path, place: str) -> None:
        self._folder(Path(place).parent).names[Path(place).name] = self._at(path)

    def _unlink(self, path: Path) -> None:
        del self._folder(path.parent).names[path.name]

    # ---------------------------------------------------------------- after the cut

    def leave(self, place: Path, survivors: str, chance: random.Random) -> None:
        """Write into `place` what is on the disk after a cut."""
        for move in [*self.moves]:
            if survivors == "names" or (survivors == "anything" and chance.random() < 0.5):
                self._settle(move)
            else:
                move[0].names[move[1]] = move[2].names.pop(move[3])
        self._leave(self.top, place, survivors, chance)

    def _leave(self, folder: Folder, place: Path, survivors: str, chance: random.Random) -> None:
        place.mkdir()
        for name, node in _names(folder, survivors, chance).items():
            if isinstance(node, Folder):
                self._leave(node, place / name, survivors, chance)
            else:
                (place / name).write_bytes(_bytes(node, survivors, chance))
                (place / name).chmod(node.mode)


def _names(folder: Folder, survivors: str, chance: random.Random) -> "dict[str, File | Folder]":
    if survivors != "anything":
        return folder.names if survivors == "names" else folder.synced
    left = {}
    for name in {**folder.synced, **folder.names}:
        node = chance.choice([folder.synced, folder.names]).get(name)
        if node is not None:
            left[name] = node
    return left


def _bytes(file: File, survivors: str, chance: random.Random) -> bytes:
    """Return what was synced, and by chance a part of what was added since."""
    if survivors != "anything" or not file.data.startswith(file.synced):
        return file.synced
    return file.data[: chance.randint(len(file.synced), len(file.data))]
