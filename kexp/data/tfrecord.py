"""TensorFlow's record files of `tf.train.Example`s, read by the places of their records."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kexp.data.choices import check_choice, is_shape
from kexp.data.files import nearby
from kexp.data.lazy import LazyColumn
from kexp.data.order import Indices
from kexp.data.records import Records, index_records
from kexp.errors import DataError, KexpError, NotFound, SpecError
from kexp.extras import require
from kexp.protocols import Column, Samples, Site, Table

_TYPES = {"int64": "int64", "int32": "int64", "float32": "float32", "text": "string", "uint8": "string"}
_CODES = ("raw", "image")
_NODES = re.compile(r"\{\{.*?\}\}|\[Op:.*?\]|\bname: ?\S*$|Name: <unknown>, ")
"""What TensorFlow says of its own graph, not of the records."""


def load(
    site: Site,
    /,
    *,
    features: Mapping[str, Any],
    target: str | tuple[str, ...],
    path: str | None = None,
    train: str | None = None,
    val: str | None = None,
    test: str | None = None,
    on_error: Literal["error", "skip"] = "error",
) -> Table:
    """Read examples from TFRecord files; only the records that are needed are decoded.

    features: by name a dtype (int64, float32, text), or `{dtype: uint8, shape: [28, 28, 1], code: image}`
    target: the feature to predict, or a list of features
    path: one file, or a pattern such as `data/*.tfrecord`
    train: the files of the training split
    val: the files of the validation split
    test: the files of the test split
    on_error: error, or skip to leave out damaged records

    Raises: MissingExtra, NotFound, SpecError (bad-shape, …); record-damaged, feature-missing.
    """
    require("google_crc32c", "tfrecord", "the source `tfrecord`", "data.source")
    example = _example(features, target if isinstance(target, tuple) else (target,))
    parts: dict[str, Samples] = {}
    files: list[Path] = []
    notes: list[str] = []
    for part, given in _given(path, train, val, test).items():
        found = _matching(site.folder, given, f"data.{'path' if part == 'all' else part}")
        records, damaged = index_records(found, skip=on_error == "skip")
        parts[part] = example.samples(records)
        files += found
        notes += [f"left out {damaged:,} damaged records of {given}"] if damaged else []
    return Table(parts, files=tuple(files), notes=tuple(notes))


@dataclass(frozen=True, slots=True)
class Feature:
    """How one feature of an example is stored and read."""

    name: str
    dtype: str
    shape: tuple[int, ...] = ()
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """What a record holds, and which of it is predicted."""

    features: Mapping[str, Feature]
    targets: tuple[str, ...]

    def samples(self, records: Records) -> Samples:
        columns = {name: _column(records, feature) for name, feature in self.features.items()}
        inputs = {name: column for name, column in columns.items() if name not in self.targets}
        return Samples(inputs, {name: columns[name] for name in self.targets})


def _example(features: Mapping[str, Any], targets: tuple[str, ...]) -> Example:
    declared = {name: _feature(name, value) for name, value in features.items()}
    for name in targets:
        if name not in declared:
            message = f"`features` declares no `{name}`"
            help = f"it declares {', '.join(f'`{feature}`' for feature in declared)}"
            raise SpecError.because("unknown-column", message, path="data.target", help=help)
    return Example(declared, targets)


def _feature(name: str, value: Any) -> Feature:
    path = f"data.features.{name}"
    given = value if isinstance(value, Mapping) else {"dtype": value}
    for key in given:
        check_choice("features", key, ("dtype", "shape", "code"), path=f"{path}.{key}")
    check_choice("dtype", given.get("dtype", "float32"), tuple(_TYPES), path=f"{path}.dtype")
    if given.get("code") is not None:
        check_choice("code", given["code"], _CODES, path=f"{path}.code")
    shape = given.get("shape", ())
    if not is_shape(shape):
        found = list(shape) if isinstance(shape, tuple) else shape
        raise SpecError.because(
            "bad-shape",
            f"the shape of `{name}` must be a list of whole numbers of at least 1, found `{found}`",
            path=f"{path}.shape",
            help=f"write `{name}: {{dtype: {given.get('dtype', 'float32')}, shape: [28, 28]}}`",
        )
    feature = Feature(name, given.get("dtype", "float32"), shape, given.get("code"))
    if feature.dtype == "uint8" and (not feature.shape or feature.code is None):
        raise SpecError.because(
            "missing-option",
            f"the bytes of `{name}` need a `shape`, and a `code` that says how they are stored",
            path=path,
            help=f"write `{name}: {{dtype: uint8, shape: [28, 28, 1], code: raw}}`, or `code: image`",
        )
    return feature


def _given(path: str | None, train: str | None, val: str | None, test: str | None) -> dict[str, str]:
    named = {"all": path, "train": train, "val": val, "test": test}
    given = {part: file for part, file in named.items() if file is not None}
    if not given.keys() & {"all", "train"}:
        message = "`data` names no file to train on"
        raise SpecError.because("missing-option", message, path="data", help="add `path` or `train`")
    if "all" in given and len(given) > 1:
        message = f"`path` and `{list(given)[1]}` are both given"
        raise SpecError.because("conflicting-options", message, path="data.path")
    return given


def _matching(folder: Path, pattern: str, path: str) -> list[Path]:
    whole = folder / pattern
    found = [whole] if whole.is_file() else sorted(f for f in whole.parent.glob(whole.name) if f.is_file())
    if not found:
        message = f"there is no file `{whole}`"
        raise NotFound.because("data-file-missing", message, path=path, help=nearby(whole))
    return found


class ExampleColumn(LazyColumn):
    """One feature of every record. Shapes: (n, *feature.shape)."""

    def __init__(self, records: Records, feature: Feature) -> None:
        super().__init__(
            (len(records.start), *feature.shape), object if feature.dtype == "text" else feature.dtype
        )
        self.records, self.feature = records, feature

    def read(self, rows: Indices) -> NDArray[Any]:
        import tensorflow as tf

        feature = self.feature
        stored = getattr(tf, _TYPES[feature.dtype])
        spec = tf.io.FixedLenFeature(() if feature.code else feature.shape, stored)
        try:
            parsed = tf.io.parse_example(self.records.read(rows), {feature.name: spec})[feature.name]
            return self._decoded(tf, parsed)
        except (tf.errors.InvalidArgumentError, ValueError) as error:
            raise _no_feature(feature, str(error)) from None

    def _decoded(self, tf: Any, parsed: Any) -> NDArray[Any]:
        if self.feature.code == "raw":
            parsed = tf.reshape(tf.io.decode_raw(parsed, tf.uint8), (-1, *self.feature.shape))
        elif self.feature.code == "image":
            channels = self.feature.shape[-1]
            images = [tf.io.decode_image(item, channels, expand_animations=False) for item in parsed]
            parsed = tf.ensure_shape(tf.stack(images), (None, *self.feature.shape))
        array: NDArray[Any] = parsed.numpy()
        if self.feature.dtype == "text":
            texts = [item.decode() for item in array.flat]
            return np.array(texts, dtype=object).reshape(array.shape)
        return array.astype(self.dtype, copy=False)


def _no_feature(feature: Feature, reason: str) -> KexpError:
    lines = (_NODES.sub("", line).strip() for line in reason.splitlines())
    first = next(filter(None, lines), "")
    return DataError.because(
        "feature-missing",
        f"`{feature.name}` cannot be read as {feature.dtype} of shape {list(feature.shape)}",
        path=f"data.features.{feature.name}",
        detail=first[:200],
    )


def _column(records: Records, feature: Feature) -> Column:
    """Return a feature that is read when asked for; single values are read at once."""
    column = ExampleColumn(records, feature)
    if feature.shape:
        return column
    values = column[:]
    return values.astype(np.str_) if feature.dtype == "text" else values
