"""Body -> Graph: steps in the language, with names only where something refers to them."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from kexp.graph.given_names import is_automatic, says_nothing, says_part
from kexp.graph.links import Again, Body, Inlet, Link, Ref, flat
from kexp.graph.operations import rewritten
from kexp.graph.wording import class_of, kind_of
from kexp.spec.catalogue import catalogue
from kexp.spec.expression import parse_expression
from kexp.spec.types import Block, Component, Expr, Graph, Operand, Operands, Port, Repeat, Reuse, Step, Use

_WORDS = ("reuse", "model", "layers", "expr", "prev", "input", "null", "_")
_ROLES = {"Add": "shortcut", "Multiply": "gate", "Concatenate": "branch"}
"""What a tensor is called after the layer that takes it, where its own layer's name says nothing."""
_ROLES_OF_SHARED = {"Multiply": "features", "Concatenate": "skip"}
"""The same, for a tensor that something else takes too."""
_STATES = {
    "LSTM": ("h", "c"),
    "GRU": ("state",),
    "SimpleRNN": ("state",),
    "MultiHeadAttention": ("scores",),
    "Attention": ("scores",),
    "AdditiveAttention": ("scores",),
}
"""What layers give besides their output."""


def graph_of(body: Body, blocks: Mapping[str, Body]) -> Graph:
    """Return the steps of a graph; `blocks` are those that may be used in it."""
    return _Namer(body, blocks, generic=False).graph()


def block_of(body: Body, blocks: Mapping[str, Body]) -> Block:
    """Return a block, whose names stand for what is different at every use."""
    required = frozenset(name for name, default in body.params.items() if default is None)
    return Block(_Namer(body, blocks, generic=True).graph(), body.params, required)


class _Namer:
    def __init__(self, body: Body, blocks: Mapping[str, Body], generic: bool) -> None:
        self.body, self.blocks, self.generic = body, blocks, generic
        self.taken: set[str] = {*_WORDS, *blocks}
        self.ports = [self._unused(_port_name(inlet)) for inlet in body.inputs]
        words = self.ports if body.declares or len(self.ports) > 1 else ["input"]
        self.names = {inlet.tensor: word for inlet, word in zip(body.inputs, words, strict=True)}
        self.takers: dict[int, Link] = {}
        self.layers: dict[int, str] = {}
        self.used = Counter(tensor for link in body.links for tensor in link.taken) + Counter(body.outputs)

    def graph(self) -> Graph:
        for tensor, link in self._named():
            self.names.setdefault(tensor, self._name(tensor, link))
        previous = self.body.inputs[0].tensor if len(self.body.inputs) == 1 else None
        steps = []
        for link in self.body.links:
            steps.append(self._step(link, previous))
            previous = _first(link, self.used)
        return Graph(tuple(steps), self._inputs(), self._outputs())

    # ------------------------------------------------------------ which tensors have names

    def _named(self) -> Iterator[tuple[int, Link]]:
        """Yield what must have a name, in the order of the steps."""
        needed = set()
        for tensor, taker in self._referred():
            needed.add(tensor)
            if taker is not None:
                self.takers.setdefault(tensor, taker)
        for link in self.body.links:
            is_shared = link.layer >= 0 and not isinstance(link.what, Again)
            is_own_model = isinstance(link.what, Body) and self._says_something(link.name, link)
            several = len(link.gives) > 1
            for tensor in link.gives:
                wanted = tensor in needed or ((is_shared or is_own_model) and tensor == link.gives[0])
                if wanted or (several and tensor in self.used):
                    yield tensor, link

    def _referred(self) -> Iterator[tuple[int, Link | None]]:
        previous = self.body.inputs[0].tensor if len(self.body.inputs) == 1 else None
        for link in self.body.links:
            yield from ((tensor, link) for tensor in link.taken if tensor != previous)
            previous = _first(link, self.used)
        if not self._ends_with_output():
            yield from ((tensor, None) for tensor in self.body.outputs)

    def _ends_with_output(self) -> bool:
        """Tell whether the last step's output is all that the graph gives."""
        links, outputs = self.body.links, self.body.outputs
        is_last = bool(links) and outputs == (_first(links[-1], self.used),)
        return is_last and self.body.keys is None

    def _name(self, tensor: int, link: Link) -> str:
        place = link.gives.index(tensor)
        own = link.names[place] if link.names else link.name
        states = _STATES.get(class_of(link), ())
        if 0 < place <= len(states):
            return self._unused(states[place - 1])
        if not self._says_something(own, link):
            own = (self._role(tensor) if len(link.gives) == 1 else None) or kind_of(link)
        return self._unused(_identifier(own) or kind_of(link), link.repeat)

    def _says_something(self, name: str, link: Link) -> bool:
        empty = name in self.blocks or says_nothing(name, kind_of(link))
        return not empty and (not self.generic or says_part(name))

    def _role(self, tensor: int) -> str | None:
        taker = self.takers.get(tensor)
        if taker is None:
            return None
        usual = _ROLES.get(class_of(taker))
        return _ROLES_OF_SHARED.get(class_of(taker), usual) if self.used[tensor] > 1 else usual

    def _unused(self, wanted: str, repeat: Repeat | None = None) -> str:
        """Return a name that is free; the layers of a repeated step are called after it and their turn."""
        name, number = wanted, 1
        while self.taken.intersection(_names_of(name, repeat)) or _is_class(name):
            number += 1
            name = f"{wanted}_{number}"
        self.taken.update(_names_of(name, repeat))
        return name

    # ------------------------------------------------------------ steps

    def _step(self, link: Link, previous: int | None) -> Step:
        what, takes = self._what(link), self._takes(link, previous)
        if isinstance(what, Expr):
            words = [self._word(tensor, previous) for tensor in flat(link.takes)]
            what = parse_expression(rewritten(what.text, words), catalogue().operations)
            takes = Operands(what.names)
        gives = self._gives(link)
        return Step(
            what,
            takes,
            gives,
            call=link.call,
            trainable=link.trainable,
            repeat=link.repeat,
            weights=link.weights,
            adapt=link.adapt,
        )

    def _what(self, link: Link) -> Component | Reuse | Graph | Expr | Use:
        match link.what:
            case Again():
                return Reuse(self.layers[link.layer])
            case Body():
                return graph_of(link.what, self.blocks)
            case what:
                return what

    def _takes(self, link: Link, previous: int | None) -> Operands:
        takes = () if previous is not None and link.takes == (previous,) else link.takes
        if not takes and not link.keywords:
            return Operands()
        # what a repeated call takes first is its own output from the second turn on
        first = ("prev",) if link.repeat is not None else ()
        return Operands(
            (*first, *(self._operand(ref, previous) for ref in takes[len(first) :])),
            {name: self._operand(ref, previous) for name, ref in link.keywords.items()},
        )

    def _operand(self, ref: Ref, previous: int | None) -> Operand:
        if isinstance(ref, tuple):
            return tuple(self._operand(item, previous) for item in ref)
        return None if ref is None else self._word(ref, previous)

    def _word(self, tensor: int, previous: int | None) -> str:
        return self.names.get(tensor) or ("prev" if tensor == previous else "")

    def _gives(self, link: Link) -> tuple[str, ...]:
        names = tuple(self.names.get(tensor, "_") for tensor in link.gives)
        if not any(name != "_" for name in names):
            return ()
        if link.layer >= 0 and not isinstance(link.what, Again):
            self.layers[link.layer] = next(name for name in names if name != "_")
        return names

    # ------------------------------------------------------------ inputs and outputs

    def _inputs(self) -> tuple[Port, ...] | None:
        body = self.body
        if self.generic:
            return tuple(Port(name, name) for name in self.ports) if len(self.ports) > 1 else None
        if not body.declares and len(self.ports) == 1:
            return None
        pairs = zip(self.ports, body.inputs, strict=True)
        return tuple(Port(name, name, inlet.shape, inlet.dtype) for name, inlet in pairs)

    def _outputs(self) -> tuple[str, ...] | Mapping[str, str] | None:
        names = [self.names.get(tensor, "") for tensor in self.body.outputs]
        if self.body.keys is not None:
            return dict(zip(self.body.keys, names, strict=True))
        return None if self._ends_with_output() else tuple(names)


def _first(link: Link, used: Collection[int]) -> int | None:
    """Return the tensor that the next step may call `prev`."""
    return next((t for t in link.gives if t in used or len(link.gives) == 1), None)


def _is_class(name: str) -> bool:
    return catalogue().find(name, ("layers", "applications")) is not None


def _names_of(name: str, repeat: Repeat | None) -> list[str]:
    """Return the names that a step takes: its own, and those of the layers of its turns."""
    lists = tuple(repeat.values()) if isinstance(repeat, Mapping) else ()
    turns = len(lists[0]) if lists and isinstance(lists[0], tuple) else repeat
    return [name, *(f"{name}_{turn}" for turn in range(turns if isinstance(turns, int) else 0))]


def _port_name(inlet: Inlet) -> str:
    """Return an input's own name, or one that says more than Keras's count."""
    own = _identifier(inlet.name)
    if own is not None and not is_automatic(inlet.name):
        return own
    is_image = inlet.shape is not None and len(inlet.shape) == 3 and inlet.shape[-1] in (1, 3, 4)
    return "image" if is_image else "x"


def _identifier(name: str) -> str | None:
    """Return a layer's own name as one of the language, if there is a resemblance."""
    text = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
    return text if re.match(r"[A-Za-z]", text) and text not in _WORDS else None
