"""What a drawing is made of: boxes, arrows, and drawings inside boxes."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["input", "layer", "block", "reuse", "expr", "model", "group"]


@dataclass(frozen=True, slots=True)
class Node:
    """One box. `name` is what the spec calls it, `output` the name under which it leaves the graph."""

    id: str
    kind: Kind
    title: str
    detail: str = ""
    name: str = ""
    output: str | None = None
    inside: "Drawing | None" = None


@dataclass(frozen=True, slots=True)
class Edge:
    """An arrow; `label` is the call argument that it goes to, where it has a name."""

    source: str
    target: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    """Nodes stand below those that they take from. `parts` are the blocks, or the graphs of a model class."""

    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    parts: "tuple[Drawing, ...]" = ()
