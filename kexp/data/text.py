"""Text in files: in a folder per class, or running text cut into windows for a language model."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kexp.data.class_folders import class_folders, split_folders
from kexp.data.files import part_files
from kexp.data.windows import WindowColumn, windows
from kexp.errors import DataError, SpecError
from kexp.protocols import Samples, Site, Table
from kexp.spec.types import PositiveInt

SUFFIXES = (".txt", ".text", ".md", "")


def load(
    site: Site,
    /,
    *,
    path: str | None = None,
    train: str | None = None,
    val: str | None = None,
    test: str | None = None,
    target: str | None = None,
    class_names: tuple[str, ...] | None = None,
    window: PositiveInt | None = None,
    stride: PositiveInt | None = None,
    level: Literal["char", "byte"] = "char",
    predict: Literal["sequence", "last"] = "sequence",
    encoding: str = "utf-8",
) -> Table:
    """Read text files: with `window` as running text, otherwise one text a file in a folder per class.

    path: a folder with a folder per class, or with `window` a file
    train: the folder or file of the training split
    val: the folder or file of the validation split
    test: the folder or file of the test split
    target: what the label is called: `label`, with `window` `next`
    class_names: the folders that are classes, in the order of their numbers; by default sorted
    window: how many characters a sample of running text has
    stride: how many characters lie between the starts of two windows; by default as many as in a window
    level: char, or byte
    predict: sequence, the next character at every place of a window, or last, the one after its end
    encoding: of the files

    Raises: what `class_folders` and `part_files` raise; bad-encoding, text-too-short.
    """
    if window is None:
        folders = split_folders(site, {"path": path, "train": train, "val": val, "test": test})
        return _by_class(folders, class_names, target or "label", encoding)
    files = part_files(site, path, train, val, test)
    texts = {part: _characters(file, level, encoding) for part, file in files.items()}
    vocabulary, tokens = numbered(texts)
    name = target or "next"
    parts = {
        part: _windows(files[part], codes, (window, stride or window), predict, name)
        for part, codes in tokens.items()
    }
    return Table(parts, {name: vocabulary}, tuple(files.values()))


def numbered(
    texts: Mapping[str, NDArray[np.uint32]],
) -> tuple[tuple[str, ...], dict[str, NDArray[Any]]]:
    """Return the characters that occur, sorted, and the texts as numbers of theirs in the smallest type."""
    known = np.unique(np.concatenate([np.unique(codes) for codes in texts.values()]))
    dtype = np.min_scalar_type(max(0, len(known) - 1))
    return tuple(map(chr, known)), {
        part: np.searchsorted(known, codes).astype(dtype) for part, codes in texts.items()
    }


def _windows(file: Path, codes: NDArray[Any], sizes: tuple[int, int], predict: str, target: str) -> Samples:
    window, stride = sizes
    starts = windows(len(codes), window + 1, stride)
    if not len(starts):
        raise DataError.because(
            "text-too-short",
            f"`{file}` has {len(codes):,} characters, and a window of {window} takes one more than that",
            path="data.window",
        )
    after = starts + (1 if predict == "sequence" else window)
    length = window if predict == "sequence" else 1
    return Samples(
        {"tokens": WindowColumn(codes, starts, window)}, {target: WindowColumn(codes, after, length)}
    )


def _by_class(
    folders: Mapping[str, Path], class_names: Sequence[str] | None, target: str, encoding: str
) -> Table:
    found = class_folders(folders, class_names, SUFFIXES)
    parts = {
        part: Samples(
            {"text": np.array([_text(file, encoding) for file in files.files], dtype=object)},
            {target: files.labels},
        )
        for part, files in found.parts.items()
    }
    read = tuple(file for files in found.parts.values() for file in files.files)
    return Table(parts, {target: found.names}, read)


def _characters(file: Path, level: str, encoding: str) -> NDArray[np.uint32]:
    if level == "byte":
        return np.frombuffer(file.read_bytes(), np.uint8).astype(np.uint32)
    return np.frombuffer(_text(file, encoding).encode("utf-32-le"), np.uint32)


def _text(file: Path, encoding: str) -> str:
    try:
        return file.read_text(encoding=encoding)
    except LookupError:
        raise SpecError.because(
            "bad-encoding", f"there is no encoding `{encoding}`", path="data.encoding", help="write `utf-8`"
        ) from None
    except UnicodeDecodeError as error:
        line = file.read_bytes().count(b"\n", 0, error.start) + 1
        raise DataError.because(
            "bad-encoding",
            f"line {line} of `{file}` is not {encoding}: {error.reason} at byte {error.start}",
            path="data.encoding",
            help="save the file as UTF-8, or say its `encoding`, such as `latin-1`",
        ) from None
