"""Every seam of kexp on one page: what crosses it, and what a plug-in provides.

Array-likes are numpy arrays; the types are named here without importing numpy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from kexp.diagnostics import Diagnostic

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]
    Generator = np.random.Generator


# ---------------------------------------------------------------- data


class Column(Protocol):
    """What an input or target holds, row by row: a numpy array, or a `kexp.data.lazy.LazyColumn`."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> "np.dtype[Any]": ...

    @property
    def nbytes(self) -> int: ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any, /) -> Any: ...


@dataclass(frozen=True, slots=True)
class Samples:
    """Named columns with one common first axis: arrays, or columns that are read when asked for.

    Shapes: inputs and targets (n, ...); weights and keys (n,).
    """

    inputs: Mapping[str, Column]
    targets: Mapping[str, Column]
    weights: "Array | None" = None
    keys: "Mapping[str, Array]" = field(default_factory=dict)
    """Columns that are no input: what a split groups or orders by."""

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))


@dataclass(frozen=True, slots=True)
class Table:
    """What a source read: one part named `all`, or parts named `train`, `val`, `test`."""

    parts: Mapping[str, Samples]
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    fills: Mapping[str, Mapping[int, str | float]] = field(default_factory=dict)
    """By input and column: what stands for a missing value. A value is already in its place; `median` and
    `mean` in a column of numbers stand for NaN, and are computed on the training split alone."""
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By input that stacks columns: their names in order."""
    notes: tuple[str, ...] = ()
    """What the user should know of what was read, such as samples left out."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where a source reads: relative paths start at `folder`.

    `columns` are the inputs that the spec names, `keys` the columns its split groups or orders by.
    """

    folder: Path
    seed: int
    columns: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


class Source(Protocol):
    """Read samples. The keyword arguments after `site` are the source's options in YAML.

    Raises: NotFound, DataError, with paths such as `data.target`.
    """

    def __call__(self, site: Site, /, **options: Any) -> Table: ...


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One input or target without its batch axis; `dtype` is numpy's name."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class Units:
    """What turns a target that the model sees back: value * scale + offset, along the last axis."""

    scale: tuple[float, ...]
    offset: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class DataInfo:
    """What the graph must know of the data, and all that a run keeps of it."""

    inputs: tuple[TensorInfo, ...]
    targets: tuple[TensorInfo, ...]
    classes: Mapping[str, tuple[str, ...]]
    num_classes: Mapping[str, int]
    """By target: how many classes its whole numbers span; absent for values."""
    sizes: Mapping[str, int]
    """Samples by split."""
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By input that stacks columns: their names in order."""
    fills: Mapping[str, Mapping[str, str | float]] = field(default_factory=dict)
    """By input and column name: what stood for a missing value; a text in a column of text."""
    vocabulary_sizes: Mapping[str, int] = field(default_factory=dict)
    """By entry of `preprocess`: how many numbers its layers tell things apart by."""
    units: Mapping[str, Units] = field(default_factory=dict)
    """By target that `preprocess` changes."""


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """One column of one split; a column of an input that stacks several has that input's name before a dot.

    `low`, `mean` and `high` are None for text; `num_distinct` counts texts, or None.
    """

    name: str
    role: str
    shape: tuple[int | None, ...]
    dtype: str
    low: float | None = None
    mean: float | None = None
    high: float | None = None
    num_distinct: int | None = None
    filled: str | float | None = None
    """What stood for a missing value."""


@dataclass(frozen=True, slots=True)
class SplitFacts:
    """`classes` counts the samples of every class, by target."""

    name: str
    size: int
    columns: tuple[ColumnFacts, ...]
    classes: Mapping[str, Mapping[str, int]]
    rows: tuple[Mapping[str, str], ...]
    """The first samples, as text."""


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Samples of one split whose inputs another split holds too; `example` is a row of each."""

    first: str
    second: str
    count: int
    example: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Learnt:
    """Something that a layer learnt, such as its vocabulary: how many values, and the first of them."""

    name: str
    size: int
    first: tuple[str | float, ...]


@dataclass(frozen=True, slots=True)
class Version:
    """A sample after layers, as text by column; `epoch` and `step` of `augment` count from 1."""

    values: Mapping[str, str]
    epoch: int | None = None
    step: int | None = None


@dataclass(frozen=True, slots=True)
class Passed:
    """A sample of the training split before layers, and each time that it went through them."""

    row: int
    before: Mapping[str, str]
    after: tuple[Version, ...]


@dataclass(frozen=True, slots=True)
class Passage:
    """What an entry of `preprocess` or `augment` makes of columns; `layers` with what each of them learnt.

    Images have no rows of text: `is_drawn` tells that there are pictures of them.
    """

    name: str
    layers: tuple[tuple[str, tuple[Learnt, ...]], ...]
    before: tuple[ColumnFacts, ...]
    after: tuple[ColumnFacts, ...]
    rows: tuple[Passed, ...]
    is_drawn: bool = False


@dataclass(frozen=True, slots=True)
class DataFacts:
    """What `kexp data` tells of a data set; `augment` compares the samples of the training's first step."""

    source: str
    splits: tuple[SplitFacts, ...]
    duplicates: tuple[Duplicates, ...]
    notes: tuple[str, ...]
    preprocess: tuple[Passage, ...] = ()
    augment: tuple[Passage, ...] = ()


# ---------------------------------------------------------------- trackers


class Tracker(Protocol):
    """Mirror the rows of `metrics.jsonl` somewhere else."""

    def log(self, step: int, row: Mapping[str, float]) -> None:
        """Mirror one epoch's numbers."""

    def close(self) -> None: ...


# ---------------------------------------------------------------- display


@dataclass(frozen=True, slots=True)
class Plan:
    """What will run, said before the first step."""

    run_id: str
    run_path: Path
    name: str
    data: str
    sizes: Mapping[str, int]
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    num_parameters: int
    num_trainable: int
    backend: str
    device: str
    threads: int
    precision: str
    seed: int
    epochs: int
    batch_size: int
    steps_per_epoch: int
    notes: tuple[str, ...] = ()
    """What the user should know of the data and how the model is fed."""


class Display(Protocol):
    """Show a training as it goes; the loop only reports."""

    def plan(self, plan: Plan, log: Path) -> None:
        """Show what will run; from now on what is shown goes to `log` too."""

    def epoch_begins(self, epoch: int) -> None: ...

    def step(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Show the steps of this epoch done so far; called after every one."""

    def epoch_ends(self, row: Mapping[str, Any], is_best: bool) -> None: ...

    def note(self, text: str) -> None: ...

    def warn(self, warnings: Sequence[Diagnostic]) -> None:
        """Show what is legal and probably wrong."""
