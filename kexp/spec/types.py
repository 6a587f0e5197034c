"""The experiment as frozen values. One field is one key of the language."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Union

from kexp.diagnostics import Span
from kexp.document import Document

LANGUAGE_VERSION = 1


@dataclass(frozen=True, slots=True)
class Formula:
    """Text with `$name` or `$(…)` whose value needs the data or the graph."""

    text: str


@dataclass(frozen=True, slots=True)
class Component:
    """Any object named in YAML: `Name`, `Name: first` or `Name: {argument: value}`.

    `options` is None for the bare name, which custom functions tell from `{}`; `first` is the first
    argument of a custom object, whose parameter's name is known only once its code is read.
    """

    name: str
    options: "Mapping[str, Value] | None" = None
    first: "tuple[Value] | None" = None
    path: str = field(default="", compare=False)
    span: Span | None = field(default=None, compare=False)

    @property
    def is_custom(self) -> bool:
        return ":" in self.name and not self.name.startswith("keras.")


@dataclass(frozen=True, slots=True)
class Port:
    """One declared input of a graph. `column` is the data's name for it where that differs."""

    name: str
    shape: "tuple[int | Formula | None, ...] | None" = None
    dtype: str = "float32"
    column: str | None = None


Operand = Union[str, None, tuple["Operand", ...]]
"""A tensor's name, a gap (`null`), or a list of operands in brackets."""


@dataclass(frozen=True, slots=True)
class Operands:
    """What a step takes; empty means the step above."""

    positional: tuple[Operand, ...] = ()
    keywords: Mapping[str, Operand] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.positional or self.keywords)


@dataclass(frozen=True, slots=True)
class Reuse:
    """Call an earlier layer or nested model again."""

    name: str


@dataclass(frozen=True, slots=True)
class Step:
    """`[takes ->] what [-> name]: arguments`, and the siblings on the lines below."""

    what: "Component | Reuse | Graph"
    takes: Operands = field(default_factory=Operands)
    gives: tuple[str, ...] = ()
    layer_name: str | None = None
    call: "Mapping[str, Value]" = field(default_factory=dict)
    trainable: bool | None = None
    path: str = field(default="", compare=False)
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Graph:
    """Steps between inputs and outputs. `inputs` None: taken from the data, or from the incoming tensors."""

    steps: tuple[Step, ...]
    inputs: tuple[Port, ...] | None = None
    outputs: tuple[str, ...] | Mapping[str, str] | None = None


Value = Union[None, bool, int, float, str, tuple["Value", ...], Mapping[str, "Value"], Component, Formula, Graph]

Backend = Literal["tensorflow", "jax", "torch"]


@dataclass(frozen=True, slots=True)
class Runtime:
    """`threads` None: as many as the CPUs this process may use."""

    backend: Backend = "tensorflow"
    device: str = "auto"
    precision: str = "float32"
    threads: int | None = None
    deterministic: bool = False
    jit_compile: bool | None = None
    steps_per_execution: int = 1


@dataclass(frozen=True, slots=True)
class Split:
    """A share below 1 or a count of samples; None: no such split is cut."""

    val: float | int | None = None
    test: float | int | None = None
    stratify: bool = False
    shuffle: bool = True
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Data:
    source: str
    options: Mapping[str, Value] = field(default_factory=dict)
    split: Split = field(default_factory=Split)


PerOutput = Union["Objective", tuple["Objective", ...], Mapping[str, "Objective | None"]]
Objective = str | Component
"""A loss or metric: Keras's string for it, or an object."""


@dataclass(frozen=True, slots=True)
class Best:
    """What makes a checkpoint the best; `mode` None: as Keras knows it for this metric."""

    monitor: str | None = None
    mode: Literal["min", "max"] | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    best: Best = field(default_factory=Best)


@dataclass(frozen=True, slots=True)
class Training:
    optimizer: Objective = "adam"
    loss: "Objective | Mapping[str, Objective | None] | None" = None
    metrics: "tuple[Objective, ...] | Mapping[str, tuple[Objective, ...]]" = ()
    weighted_metrics: "tuple[Objective, ...] | Mapping[str, tuple[Objective, ...]]" = ()
    loss_weights: Mapping[str, float] | None = None
    epochs: int = 1
    batch_size: int = 32
    shuffle: bool = True
    class_weight: Mapping[str, float] | None = None
    callbacks: tuple[Component, ...] = ()
    checkpoint: Checkpoint = field(default_factory=Checkpoint)
    validation_freq: int = 1
    steps_per_epoch: int | None = None
    terminate_on_nan: bool = True


@dataclass(frozen=True, slots=True)
class Promise:
    """`test_accuracy: ">= 0.93"`."""

    metric: str
    relation: Literal[">=", "<=", ">", "<"]
    value: float


@dataclass(frozen=True, slots=True)
class Experiment:
    name: str
    seed: int
    data: Data
    model: Graph
    train: Training
    description: str = ""
    tags: tuple[str, ...] = ()
    runtime: Runtime = field(default_factory=Runtime)
    trackers: tuple[Component, ...] = ()
    expect: tuple[Promise, ...] = ()
    document: Document | None = field(default=None, compare=False, repr=False)
