"""A graph as calls on numbered tensors: what reading, folding and naming hand on to one another."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Union

from kexp.spec.types import Component, Expr, Repeat, Use, Value, Weights

Ref = Union[int, None, tuple["Ref", ...]]  # noqa: UP007  (recursive)
"""A tensor's number, a gap, or a list of them."""


@dataclass(frozen=True, slots=True)
class Again:
    """A layer or nested model that was called before."""


@dataclass(frozen=True, slots=True)
class Inlet:
    """One input of a graph; `shape` None: that of the tensor that comes in."""

    tensor: int
    name: str
    shape: tuple[int | None, ...] | None = None
    dtype: str = "float32"


@dataclass(frozen=True, slots=True)
class Link:
    """One call. `layer` numbers the layer, whose own name is `name`; `full` are all its arguments.

    `names` are what the outputs of a block were called where it was no block yet.
    """

    what: "Component | Again | Body | Expr | Use"
    takes: tuple[Ref, ...]
    gives: tuple[int, ...]
    keywords: Mapping[str, Ref] = field(default_factory=dict)
    call: Mapping[str, Value] = field(default_factory=dict)
    trainable: bool | None = None
    weights: Weights | None = None
    adapt: bool = False
    repeat: Repeat | None = None
    layer: int = -1
    name: str = ""
    names: tuple[str, ...] = ()
    full: Mapping[str, Value] = field(default_factory=dict, compare=False)

    @property
    def taken(self) -> Iterator[int]:
        """The tensors that the call needs, in order."""
        return flat((*self.takes, *self.keywords.values()))


@dataclass(frozen=True, slots=True)
class Body:
    """`keys` are the names of dict outputs, `params` those of a block with what they are by default."""

    inputs: tuple[Inlet, ...]
    links: tuple[Link, ...]
    outputs: tuple[int, ...]
    keys: tuple[str, ...] | None = None
    params: Mapping[str, Value] = field(default_factory=dict)
    declares: bool = False
    """Whether the inputs must be written down."""


def flat(refs: Iterable[Ref]) -> Iterator[int]:
    for ref in refs:
        if isinstance(ref, tuple):
            yield from flat(ref)
        elif ref is not None:
            yield ref


def last_uses(body: Body) -> dict[int, int]:
    """Return the position of the last call that takes each tensor; that of an output is past the end."""
    last = {tensor: index for index, link in enumerate(body.links) for tensor in link.taken}
    return {**last, **dict.fromkeys(body.outputs, len(body.links))}
