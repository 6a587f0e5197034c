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
class OneOrMany:
    """One object, or a list of them."""

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
    """The data's name for this input, where it is another one: `from: "petal length (cm)"`."""
    shape: "tuple[int | Formula | None, ...] | None" = None
    """The shape of one sample; `null` for a free size."""
    dtype: str = "float32"
    """The dtype that the model takes."""


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
    """A run directory, a `.keras` or a `.safetensors` file."""
    layer: str | None = None
    """The layer's name there, where it is another one."""


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
    """Constant call arguments, such as `{training: false}`."""
    trainable: bool | None = None
    """Whether the layer, nested model or application learns."""
    repeat: Repeat | None = None
    """A number of turns (`$i` counts from 0), or equally long lists with a value for each turn."""
    trainable_from: str | None = None
    """The first inner layer that learns; all before it are frozen."""
    weights: Weights | None = None
    """Initial values: a run, a `.keras` or `.safetensors` file; `{from: …, layer: …}` for one layer of it."""
    adapt: bool = False
    """Whether this preprocessing layer learns its statistics from the training split."""
    outputs_of: tuple[str, ...] = ()
    """Inner layers whose outputs the step gives."""
    path: str = field(default="", compare=False)
    key: Span | None = field(default=None, compare=False)
    places: Mapping[str, Span] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Graph:
    """Steps between inputs and outputs. `inputs` None: taken from the data, or from the incoming tensors."""

    steps: tuple[Step, ...]
    """The steps, each `[inputs ->] what [-> names]: arguments`; one without inputs takes the step above."""
    inputs: tuple[Port, ...] | None = None
    """Names and shapes of the inputs; taken from the data, or from the incoming tensors, when left out."""
    outputs: tuple[str, ...] | Mapping[str, str] | None = None
    """The tensors that are the result; the last step's when left out."""
    path: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of graph with parameters, used like a layer; `required` are the parameters without default."""

    graph: Graph
    params: "Mapping[str, Value]" = field(default_factory=dict)
    """The block's parameters and their defaults; `null` where a use must give a value."""
    required: frozenset[str] = frozenset()


# ---------------------------------------------------------------- the sections

BackendName = Literal["tensorflow", "jax", "torch"]


@dataclass(frozen=True, slots=True)
class Runtime:
    """How and where a run computes."""

    backend: BackendName = "tensorflow"
    """What computes: Keras's backend. JAX and torch are extras of kexp."""
    device: str = "auto"
    """Where it computes: `auto`, `cpu`, `gpu` or `gpu:1`; `auto` is a GPU where there is one."""
    precision: str = "float32"
    """A Keras dtype policy: `float32`, `mixed_float16`, `mixed_bfloat16`, …"""
    threads: Annotated[int, Within(1, 1024)] | None = None
    """CPU threads; as many as the CPUs this process may use when left out."""
    deterministic: bool = False
    """Whether only operations that repeat bit for bit are used; slower on a GPU."""
    jit_compile: bool | None = None
    """Whether XLA compiles the training step; as Keras decides when left out."""
    steps_per_execution: PositiveInt = 1
    """Training steps in one call of the compiled function."""


Share = Annotated[float | int, Within(0, exclusive=True)]
"""Below 1 a share of the samples, else a count of them."""


@dataclass(frozen=True, slots=True)
class Fold:
    """Cross-validation: which of `k` equal parts of what is no test is validated on."""

    k: Annotated[int, Within(2)]
    """Into how many parts the samples are cut."""
    index: NotNegative
    """Which part is validated on, counted from 0."""


@dataclass(frozen=True, slots=True)
class Split:
    """What is cut off for validation and test."""

    val: Share | None = None
    """What is cut off for validation: below 1 a share of the samples, else a count; none when left out."""
    test: Share | None = None
    """What is cut off for the test: below 1 a share of the samples, else a count; none when left out."""
    stratify: bool = False
    """Whether every split keeps the shares of the classes."""
    group: str | None = None
    """A column: rows of one group stay together in one split."""
    order: str | None = None
    """A column of times or numbers: trained on what is first, tested on what is last."""
    fold: Fold | None = None
    """Cross-validation: one of `k` equal parts of what is no test is validated on."""
    shuffle: bool = True
    """Whether rows are drawn at random; otherwise splits are cut in the order of the rows."""
    seed: NotNegative = 0
    """Draws the splits, independent of the experiment's `seed`, so that seeds share their test rows."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that the split reads."""
        return tuple(name for name in (self.group, self.order) if name is not None)


Cache = Literal["auto", "memory", "disk", "none"]
"""Where decoded rows are kept: `auto` is memory where they fit."""


@dataclass(frozen=True, slots=True)
class Data:
    """`options` are the source's own keys, with the source's signature as their schema."""

    source: str
    """A built-in source, or `file.py:function`, which returns `(x, y)` or a map of splits to such pairs."""
    options: Mapping[str, Value] = field(default_factory=dict)
    split: Split = field(default_factory=Split)
    """What is cut off for validation and test."""
    cache: Cache = "auto"
    """Where decoded rows are kept: `auto` is memory where they fit."""


Layers = Annotated[tuple[Component, ...], OneOrMany("layers")]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Layers that run one after another before the model, on the training data and on all other."""

    layers: Layers
    """The layers; those with `adapt` learn from the training split alone."""
    takes: tuple[str, ...] = ()
    """Written `from`: columns of the data, or entries with a `from`; left out, the column of this name."""


@dataclass(frozen=True, slots=True)
class Best:
    """What makes a checkpoint the best."""

    monitor: str | None = None
    """A value of each epoch, such as `val_accuracy`; `val_loss` when left out, else `loss`."""
    mode: Literal["min", "max"] | None = None
    """Whether less or more is better; needed where Keras cannot know it."""


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of training with its unit, as in `500 steps`."""

    count: int
    unit: Literal["steps", "epochs", "seconds", "minutes", "hours"]

    def __str__(self) -> str:
        return f"{self.count} {self.unit if self.count != 1 else self.unit.removesuffix('s')}"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    every: Duration = Duration(1, "epochs")
    """After how much training the whole state is saved: `500 steps`, `5 minutes`, `1 epoch`."""
    keep: PositiveInt = 2
    """How many of the newest states are kept."""
    best: Best = field(default_factory=Best)
    """What makes an epoch's weights the best, which are the result: a value, or `monitor` and `mode`."""


Metrics = Annotated[
    tuple[Objective, ...] | Mapping[str, tuple[Objective, ...]], PerOutput("metrics", many=True)
]


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of a training that goes on from the one before; what it leaves out it inherits from `train`."""

    name: str
    """What the stage is called in the history."""
    epochs: PositiveInt | None = None
    """How many epochs this stage takes."""
    optimizer: Annotated[Objective | None, Named("optimizers")] = None
    """An optimizer of this stage's own."""
    loss: Annotated[Objective | Mapping[str, Objective | None] | None, PerOutput("losses")] = None
    """A loss of this stage's own, or a map of them by output."""
    metrics: Annotated[
        tuple[Objective, ...] | Mapping[str, tuple[Objective, ...]] | None, PerOutput("metrics", many=True)
    ] = None
    """Metrics of this stage's own, or a map of them by output."""
    loss_weights: Mapping[str, float] | None = None
    """By output, how much its loss counts in this stage."""
    batch_size: PositiveInt | None = None
    """Samples in one step of this stage."""
    class_weight: Mapping[str, float] | None = None
    """By class, how much its samples count in this stage."""
    callbacks: Annotated[tuple[Component, ...] | None, NamedList("callbacks")] = None
    """Callbacks of this stage's own."""
    freeze: tuple[str, ...] = ()
    """Layers that stop learning, here and in the stages after."""
    unfreeze: tuple[str, ...] = ()
    """Layers that learn again, here and in the stages after."""


@dataclass(frozen=True, slots=True)
class Training:
    """How the model is trained."""

    optimizer: Annotated[Objective | None, Named("optimizers")] = None
    """Keras's string (`adam`), or an optimizer such as `Adam: 1e-3`."""
    loss: Annotated[Objective | Mapping[str, Objective | None] | None, PerOutput("losses")] = None
    """Keras's string (`mse`), a loss such as `Huber: 1.0`, or a map of them by output."""
    metrics: Metrics = ()
    """What is measured beside the loss: one or a list, or a map of them by output."""
    weighted_metrics: Metrics = ()
    """Metrics that sample and class weights count in."""
    loss_weights: Mapping[str, float] | None = None
    """By output, how much its loss counts."""
    epochs: PositiveInt = 1
    """How often the training split is gone through."""
    batch_size: PositiveInt = 32
    """Samples in one step."""
    shuffle: bool = True
    """Whether every epoch takes the samples in another order."""
    class_weight: Mapping[str, float] | None = None
    """By class, how much its samples count."""
    callbacks: Annotated[tuple[Component, ...], NamedList("callbacks")] = ()
    """Keras's callbacks, such as `EarlyStopping: {patience: 5}`, or your own."""
    checkpoint: Checkpoint = field(default_factory=Checkpoint)
    """When the state of the training is saved, and which epoch's weights are the result."""
    validation_freq: PositiveInt = 1
    """After how many epochs the val split is measured."""
    steps_per_epoch: PositiveInt | None = None
    """Steps of an epoch, where it shall not go through the whole training split."""
    terminate_on_nan: bool = True
    """Whether a loss that is no number ends the run."""
    stages: tuple[Stage, ...] = ()
    """Parts of the training one after another, each with its own settings."""
    compile: "Annotated[Mapping[str, Value], Arguments()]" = field(default_factory=dict)
    """Further arguments for the `compile` of a model class of your own."""


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
    """One YAML file."""

    data: Data
    """Where the samples come from, and how they are split."""
    model: Annotated[Graph | Component, ModelOrClass()]
    """The graph (`inputs`, `layers`, `outputs`), or a model class of your own."""
    train: Training
    """Optimizer, loss, metrics, and how long."""
    blocks: Mapping[str, Block] = field(default_factory=dict)
    """Pieces of graph with parameters, used like layers."""
    preprocess: Mapping[str, Pipeline] = field(default_factory=dict)
    """By input of the model, or target: layers run on the data before the model, kept with the run."""
    augment: Mapping[str, Layers] = field(default_factory=dict)
    """By input, or several as in `"image, mask"`: random layers for training batches only."""
    kexp: int = LANGUAGE_VERSION
    """The version of this language."""
    name: str = ""
    """What runs are called; the file's stem when left out."""
    description: str = ""
    """What the experiment is about."""
    tags: tuple[str, ...] = ()
    """Words to find runs by."""
    seed: Seed | None = None
    """One integer for everything random; one is drawn and recorded when left out."""
    runtime: Runtime = field(default_factory=Runtime)
    """Backend, device, precision, threads."""
    trackers: tuple[str, ...] = ()
    """Where the numbers of a run are mirrored, such as `[tensorboard]`."""
    expect: tuple[Promise, ...] = ()
    """Promises such as `test_accuracy: ">= 0.93"`, checked by `kexp train --check`."""
    document: Document | None = field(default=None, compare=False, repr=False)

    @property
    def graph(self) -> Graph | None:
        """The model where it is a graph; None for a model class."""
        return self.model if isinstance(self.model, Graph) else None
