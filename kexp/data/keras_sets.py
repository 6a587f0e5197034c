"""The data sets of `keras.datasets`, read from Keras's cache or downloaded into it."""

import io
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kexp.diagnostics import Diagnostic
from kexp.errors import DataError, KexpError, NotFound, SpecError, did_you_mean
from kexp.protocols import Samples, Site, Table

NETWORK_TIMEOUT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class _Dataset:
    """What a set's input is called, the files Keras keeps in its cache, and the names of its classes."""

    input: str
    files: tuple[str, ...]
    classes: tuple[str, ...] = ()


_DIGITS = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
_CLOTHES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
_CIFAR10 = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
_IDX = (
    *("train-labels-idx1-ubyte.gz", "train-images-idx3-ubyte.gz"),
    *("t10k-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz"),
)
_DATASETS = {
    "mnist": _Dataset("image", ("mnist.npz",), _DIGITS),
    "fashion_mnist": _Dataset("image", tuple(f"fashion-mnist/{name}" for name in _IDX), _CLOTHES),
    "cifar10": _Dataset("image", ("cifar-10-batches-py-target_archive",), _CIFAR10),
    "cifar100": _Dataset("image", ("cifar-100-python-target_archive",)),
    "imdb": _Dataset("tokens", ("imdb.npz",), ("negative", "positive")),
    "reuters": _Dataset("tokens", ("reuters.npz",)),
    "california_housing": _Dataset("features", ("california_housing.npz",)),
    "boston_housing": _Dataset("features", ("boston_housing.npz",)),
}


def load(site: Site, /, *, dataset: str, pad: int | None = None, num_words: int | None = None) -> Table:
    """Read one of the data sets of `keras.datasets`; it brings its own test split.

    dataset: mnist, fashion_mnist, cifar10, cifar100, imdb, reuters, california_housing or boston_housing
    pad: for imdb and reuters, the length to which sequences are padded or cut, both in front
    num_words: for imdb and reuters, how many of the most frequent words are kept

    Raises: unknown-dataset, missing-option, option-not-used, dataset-not-cached, dataset-damaged.
    """
    if dataset not in _DATASETS:
        help = (
            did_you_mean(dataset, _DATASETS) or f"the datasets are {', '.join(f'`{n}`' for n in _DATASETS)}"
        )
        message = f"`keras.datasets` has no `{dataset}`"
        raise SpecError(Diagnostic("unknown-dataset", message, path="data.dataset", help=help))
    entry = _DATASETS[dataset]
    _check_options(dataset, entry, pad, num_words)
    folder = _cache_folder()
    options = {} if num_words is None else {"num_words": num_words}
    (x_train, y_train), (x_test, y_test) = _read(dataset, entry, folder, options)
    parts = {"train": _samples(entry, x_train, y_train, pad), "test": _samples(entry, x_test, y_test, pad)}
    return Table(
        parts,
        classes={"target": entry.classes} if entry.classes else {},
        files=tuple(folder / file for file in entry.files),
    )


def _check_options(dataset: str, entry: _Dataset, pad: int | None, num_words: int | None) -> None:
    if entry.input == "tokens":
        if pad is None:
            raise SpecError.because(
                "missing-option",
                f"the sequences of `{dataset}` have different lengths, and `pad` is not given",
                path="data",
                help="add `pad: 200`, or the length that suits your model",
            )
        return
    for option, value in (("pad", pad), ("num_words", num_words)):
        if value is not None:
            message = f"`{option}` is for sequences; `{dataset}` has none"
            raise SpecError.because("option-not-used", message, path=f"data.{option}")


def _cache_folder() -> Path:
    """Return the folder in which Keras looks. Source: keras/src/backend/config.py."""
    if "KERAS_HOME" in os.environ:
        return Path(os.environ["KERAS_HOME"], "datasets")
    home = Path.home()
    return (home if os.access(home, os.W_OK) else Path("/tmp")) / ".keras" / "datasets"


def _read(dataset: str, entry: _Dataset, folder: Path, options: dict[str, int]) -> Any:
    from keras import datasets

    loader = getattr(datasets, dataset).load_data
    missing = [folder / file for file in entry.files if not (folder / file).is_file()]
    try:
        with _brief_and_silent():
            return loader(**options)
    except Exception as error:
        raise (
            _not_cached(dataset, missing, error) if missing else _damaged(dataset, entry, folder, error)
        ) from None


@contextmanager
def _brief_and_silent() -> Iterator[None]:
    """Keep Keras from waiting long for a network and from drawing a progress bar."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(NETWORK_TIMEOUT_SECONDS)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        socket.setdefaulttimeout(before)


def _not_cached(dataset: str, missing: list[Path], error: Exception) -> KexpError:
    return NotFound.because(
        "dataset-not-cached",
        f"`{dataset}` is not on this machine and could not be downloaded",
        path="data.dataset",
        detail="\n".join([*(f"expected: {file}" for file in missing), f"{type(error).__name__}: {error}"]),
        help="let Keras download it on a machine with a network and copy it there,"
        " or use files of your own: `data: {source: npz, path: ...}`",
    )


def _damaged(dataset: str, entry: _Dataset, folder: Path, error: Exception) -> KexpError:
    return DataError.because(
        "dataset-damaged",
        f"the files of `{dataset}` in Keras's cache cannot be read",
        path="data.dataset",
        detail="\n".join(
            [*(f"file: {folder / file}" for file in entry.files), f"{type(error).__name__}: {error}"]
        ),
        help="delete them, and download or copy them again",
    )


def _samples(entry: _Dataset, x: Any, y: Any, pad: int | None) -> Samples:
    is_value = entry.input == "features"
    target: NDArray[Any] = np.asarray(y).reshape(-1).astype(np.float32 if is_value else np.int32)
    if entry.input == "tokens":
        from keras.utils import pad_sequences

        return Samples({"tokens": pad_sequences(x, maxlen=pad)}, {"target": target})
    return Samples({entry.input: x.astype(np.float32) if is_value else x}, {"target": target})
