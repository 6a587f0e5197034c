"""The manifest: what a run was, of what, on what, in one JSON object that its types describe."""

from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypedDict

from kexp.record.environment import Environment
from kexp.record.jsonfile import SCHEMA
from kexp.record.level import Level, claim


class Spec(TypedDict):
    """What was asked for. `identity` leaves out names, threads and places; `code` has the sha256 of each file
    that is kept below `code/`, `code_elsewhere` what is not; `unheld` is what no checkpoint can hold."""

    identity: str
    resolved_sha256: str
    seed: int
    name: str
    scope: Literal["full", "smoke", "no-data"]
    code: dict[str, str]
    code_elsewhere: list[str]
    unheld: list[str]


class Backend(TypedDict):
    """What computed, as resolved: versions, devices, threads; a backend adds keys of its own."""

    name: str
    keras: str
    device: str
    threads: int
    floatx: str
    dtype_policy: str
    op_determinism: bool
    jit_compile: bool | str | None
    engine: dict[str, Any]


class Model(TypedDict):
    """`values` are those of `$name` in formulas; `initial_weights` has the sha256 of each file begun from."""

    parameters: int
    trainable_parameters: int
    outputs: list[str]
    values: dict[str, Any]
    initial_weights: dict[str, str]


class Tensor(TypedDict):
    """Without its batch axis."""

    name: str
    shape: list[int | None]
    dtype: str


class Units(TypedDict):
    """What turns a target back: value * scale + offset."""

    scale: list[float]
    offset: list[float]


class Info(TypedDict):
    """What the graph was told of the data, by input, target or split."""

    inputs: list[Tensor]
    targets: list[Tensor]
    classes: dict[str, list[str]]
    num_classes: dict[str, int]
    sizes: dict[str, int]
    columns: dict[str, list[str]]
    fills: dict[str, dict[str, str | float]]
    vocabulary_sizes: dict[str, int]
    units: dict[str, Units]


class File(TypedDict):
    """One file, or the hash over very many."""

    path: str
    size_bytes: int
    sha256: str


class Data(TypedDict):
    """`content_sha256` and `index_sha256` are by split, `class_counts` by split, target and class."""

    info: Info
    files: list[File]
    content_sha256: dict[str, str]
    index_sha256: dict[str, str]
    class_counts: dict[str, dict[str, dict[str, int]]]
    notes: list[str]


class Promise(TypedDict):
    """The highest level that the run can claim, and the reasons against those above."""

    claims: Level | None
    why_not: list[str]


class Changed(TypedDict):
    """What was not as before when the run was gone on with after `step`; `repeats`: a run from the start
    with the settings of now would be the same."""

    time: str
    step: int
    settings: list[str]
    repeats: bool
    drift: list[str]


class Sections(TypedDict):
    """What only the training knows."""

    spec: Spec
    backend: Backend
    model: Model
    data: Data


class Manifest(Environment, Sections):
    """What a run of kexp was trained of, with what, and on what."""

    schema: Literal[1]
    level: Promise
    reproduces: NotRequired[str]
    changed: NotRequired[list[Changed]]


def manifest(
    environment: Environment, sections: Sections, reproduces: str | None = None
) -> dict[str, object]:
    """Return the record with the level that it allows; `reproduces` is the run that is trained again."""
    again = {} if reproduces is None else {"reproduces": reproduces}
    return with_claim({"schema": SCHEMA, **environment, **sections, **again})


def with_claim(record: Mapping[str, Any]) -> dict[str, object]:
    """Return a manifest with the level that it allows as it is now."""
    return {**record, "level": claim(record).as_json()}
