"""The experiment as frozen values: the whole language on one page.

One field is one key of the language; its annotation says what the key takes, and `spec.reader` reads by it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, Union

from kexp.diagnostics import Span
from kexp.document import Document

LANGUAGE_VERSION = 1

# ---------------------------------------------------------------- what a key takes


@dataclass(frozen=True, slots=True)
class Within:
    """A number's range; an exclusive lower end serves shares and rates."""

    least: float
    most: float | None = None
    exclusive: bool = False


@dataclass(frozen=True, slots=True)
class Named:
    """One object from a namespace of the catalogue, or Keras's string for it."""

    namespace: str


@dataclass(frozen=True, slots=True)
class NamedList:
    """A list of objects."""

    namespace: str


@dataclass(frozen=True, slots=True)
class PerOutput:
    """One object (`many`: a list of them), or a map of them by the model's outputs."""

    namespace: str
    many: bool = False


@dataclass(frozen=True, slots=True)
class Arguments:
    """A map of arguments with any values."""


@dataclass(frozen=True, slots=True)
class ModelOrClass:
    """A graph, or a model class of the user's own that receives graphs."""


PositiveInt = Annotated[int, Within(1)]
NotNegative = Annotated[int, Within(0)]
Seed = Annotated[int, Within(0, 2**32 - 1)]
"""numpy takes seeds below 2**32."""

# ---------------------------------------------------------------- objects and values


@dataclass(frozen=True, slots=True)
class Formula:
    """Text with `$name` or `$(…)` whose value needs the data or the graph."""

    text: str
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Component:
    """Any object named in YAML: `Name`, `Name: first` or `Name: {argument: value}`.

    `options` None is the bare name, which a custom function tells from `{}`. `first` is the first argument
    of a custom object, whose parameter's name is known only once its code is read.
    """

    name: str
    namespace: str
    options: "Mapping[str, Value] | None" = None
    first: "tuple[Value] | None" = None
    path: str = field(default="", compare=False)
    span: Span | None = field(default=None, compare=False)

    @property
    def is_custom(self) -> bool:
        return ":" in self.name


Value = Union[
    None, bool, int, float, str, tuple["Value", ...], Mapping[str, "Value"], Component, Formula, "Graph"
]

Objective = str | Component
"""Keras's string for an object (`adam`), or the object."""

# ---------------------------------------------------------------- the graph


@dataclass(frozen=True, slots=True)
class Port:
    """One declared input of a graph; `column` is the data's name for it."""

    name: str
    column: str
    shape: "tuple[int | Formula | None, ...] | None" = None
    dtype: str = "float32"


Operand = Union[str, None, tuple["Operand", ...]]  # noqa: UP007  (recursive)
"""A tensor's name, a gap (`null`), or a list of operands in brackets."""


@dataclass(frozen=True, slots=True)
class Operands:
    """What a step takes. Nothing at all means the step above."""

    positional: tuple[Operand, ...] = ()
    keywords: Mapping[str, Operand] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.positional or self.keywords)


@dataclass(frozen=True, slots=True)
class Reuse:
    """Call an earlier layer or nested model again."""

    name: str
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Use:
    """A block at work; `arguments` are those given, by the block's parameters."""

    block: str
    arguments: "Mapping[str, Value]" = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Group:
    """Steps that share one `repeat`; they see the names around them."""

    steps: "tuple[Step, ...]"


@dataclass(frozen=True, slots=True)
class Expr:
    """A checked expression over named tensors; `names` are those it reads."""

    text: str
    names: tuple[str, ...] = field(default=(), compare=False)

    @property
    def is_name(self) -> bool:
        """Whether the text is one name: it goes back to that tensor and adds no node."""
        return self.names == (self.text.strip(),)


Repeat = int | Formula | Mapping[str, Value]
"""A number of turns, or equally long lists with a value for each turn."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Initial values: a run directory, a `.keras` or a `.safetensors` file; `layer` is its name there."""

    source: str
    layer: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """`[takes ->] what [-> gives]: arguments`, and the siblings on the lines below.

    `key` is the span of the step's key, `path` where the step stands (`model.layers[3].Dense`), `places`
    where its siblings' values stand (`repeat.filters`), and the text of an expression that is on one line.
    """

    what: "Component | Reuse | Graph | Use | Group | Expr"
    takes: Operands = field(default_factory=Operands)
    gives: tuple[str, ...] = ()
    layer_name: str | None = None
    call: "Mapping[str, Value]" = field(default_factory=dict)
    trainable: bool | None = None
    repeat: Repeat | None = None
    trainable_from: str | None = None
    weights: Weights | None = None
    adapt: bool = False
    outputs_of: tuple[str, ...] = ()
    path: str = field(default="", compare=False)
    key: Span | None = field(default=None, compare=False)
    places: Mapping[str, Span] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Graph:
    """Steps between inputs and outputs. `inputs` None: taken from the data, or from the incoming tensors."""

    steps: tuple[Step, ...]
    inputs: tuple[Port, ...] | None = None
    outputs: tuple[str, ...] | Mapping[str, str] | None = None
    path: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of graph with parameters, used like a layer; `required` are the parameters without default."""

    graph: Graph
    params: "Mapping[str, Value]" = field(default_factory=dict)
    required: frozenset[str] = frozenset()


# ---------------------------------------------------------------- the sections


@dataclass(frozen=True, slots=True)
class Runtime:
    """`threads` None: as many as the CPUs this process may use. `jit_compile` None: as Keras decides."""

    backend: Literal["tensorflow"] = "tensorflow"
    device: str = "auto"
    precision: str = "float32"
    threads: PositiveInt | None = None
    deterministic: bool = False
    jit_compile: bool | None = None
    steps_per_execution: PositiveInt = 1


Share = Annotated[float | int, Within(0, exclusive=True)]
"""Below 1 a share of the samples, else a count of them."""


@dataclass(frozen=True, slots=True)
class Split:
    """What is cut off for validation and test; None: no such split."""

    val: Share | None = None
    test: Share | None = None
    stratify: bool = False
    shuffle: bool = True
    seed: NotNegative = 0


Cache = Literal["auto", "memory", "disk", "none"]
"""Where decoded rows are kept: `auto` is memory where they fit."""


@dataclass(frozen=True, slots=True)
class Data:
    """`options` are the source's own keys, with the source's signature as their schema."""

    source: str
    options: Mapping[str, Value] = field(default_factory=dict)
    split: Split = field(default_factory=Split)
    cache: Cache = "auto"


@dataclass(frozen=True, slots=True)
class Best:
    """What makes a checkpoint the best; None: `val_loss`, else `loss`, and the direction Keras knows."""

    monitor: str | None = None
    mode: Literal["min", "max"] | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    best: Best = field(default_factory=Best)


Metrics = Annotated[
    tuple[Objective, ...] | Mapping[str, tuple[Objective, ...]], PerOutput("metrics", many=True)
]


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of a training that goes on from the one before; what is None it inherits from `train`.

    `freeze` and `unfreeze` name layers; they hold for the stages after, too.
    """

    name: str
    epochs: PositiveInt | None = None
    optimizer: Annotated[Objective | None, Named("optimizers")] = None
    loss: Annotated[Objective | Mapping[str, Objective | None] | None, PerOutput("losses")] = None
    metrics: Annotated[
        tuple[Objective, ...] | Mapping[str, tuple[Objective, ...]] | None, PerOutput("metrics", many=True)
    ] = None
    loss_weights: Mapping[str, float] | None = None
    batch_size: PositiveInt | None = None
    class_weight: Mapping[str, float] | None = None
    callbacks: Annotated[tuple[Component, ...] | None, NamedList("callbacks")] = None
    freeze: tuple[str, ...] = ()
    unfreeze: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Training:
    """`compile` holds further arguments for the `compile` of a model class of the user's own."""

    optimizer: Annotated[Objective | None, Named("optimizers")] = None
    loss: Annotated[Objective | Mapping[str, Objective | None] | None, PerOutput("losses")] = None
    metrics: Metrics = ()
    weighted_metrics: Metrics = ()
    loss_weights: Mapping[str, float] | None = None
    epochs: PositiveInt = 1
    batch_size: PositiveInt = 32
    shuffle: bool = True
    class_weight: Mapping[str, float] | None = None
    callbacks: Annotated[tuple[Component, ...], NamedList("callbacks")] = ()
    checkpoint: Checkpoint = field(default_factory=Checkpoint)
    validation_freq: PositiveInt = 1
    steps_per_epoch: PositiveInt | None = None
    terminate_on_nan: bool = True
    stages: tuple[Stage, ...] = ()
    compile: "Annotated[Mapping[str, Value], Arguments()]" = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Promise:
    """`test_accuracy: ">= 0.93"`."""

    metric: str
    relation: Literal[">=", "<=", ">", "<"]
    bound: float

    def holds(self, value: float) -> bool:
        match self.relation:
            case ">=":
                return value >= self.bound
            case "<=":
                return value <= self.bound
            case ">":
                return value > self.bound
            case "<":
                return value < self.bound

    def __str__(self) -> str:
        return f"{self.relation} {self.bound!r}"


@dataclass(frozen=True, slots=True)
class Experiment:
    """`seed` None: one is drawn when the run begins, and recorded. `name` defaults to the file's stem."""

    data: Data
    model: Annotated[Graph | Component, ModelOrClass()]
    train: Training
    blocks: Mapping[str, Block] = field(default_factory=dict)
    kexp: int = LANGUAGE_VERSION
    name: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    seed: Seed | None = None
    runtime: Runtime = field(default_factory=Runtime)
    trackers: tuple[str, ...] = ()
    expect: tuple[Promise, ...] = ()
    document: Document | None = field(default=None, compare=False, repr=False)

    @property
    def graph(self) -> Graph | None:
        """The model where it is a graph; None for a model class."""
        return self.model if isinstance(self.model, Graph) else None
