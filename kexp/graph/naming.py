"""Body -> Graph: steps in the language, with names only where something refers to them."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from kexp.graph.links import Again, Body, Inlet, Link, Ref, flat
from kexp.graph.operations import rewritten
from kexp.spec.catalogue import catalogue
from kexp.spec.expression import parse_expression
from kexp.spec.types import Block, Component, Expr, Graph, Operand, Operands, Port, Reuse, Step, Use
from kexp.spec.wiring import snake_case

_WORDS = ("reuse", "model", "layers", "expr", "prev", "input", "null", "_")
_ROLES = {"Add": "shortcut", "Multiply": "gate", "Concatenate": "branch"}
"""What a tensor is called after the layer that takes it, where its own layer's name says nothing."""


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
        for index, link in enumerate(self.body.links):
            steps.append(self._step(link, previous, index == 0))
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
            several = len(link.gives) > 1
            for tensor in link.gives:
                wanted = tensor in needed or (is_shared and tensor == link.gives[0])
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
        own = None if self.generic else _identifier(link.name)
        if own is None or re.fullmatch(rf"{snake_case(_kind(link))}(_\d+)?", own):
            taker = self.takers.get(tensor)
            role = _ROLES.get(_class(taker)) if taker is not None else None
            if role == "branch" and self.used[tensor] > 1:
                role = "skip"
            own = role or (own if not self.generic and own else snake_case(_kind(link)))
        return self._unused(own)

    def _unused(self, wanted: str) -> str:
        name, number = wanted, 1
        while name in self.taken or catalogue().find(name, ("layers", "applications")):
            number += 1
            name = f"{wanted}_{number}"
        self.taken.add(name)
        return name

    # ------------------------------------------------------------ steps

    def _step(self, link: Link, previous: int | None, is_first: bool) -> Step:
        what, takes = self._what(link), self._takes(link, previous, is_first)
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

    def _takes(self, link: Link, previous: int | None, is_first: bool) -> Operands:
        takes = () if previous is not None and link.takes == (previous,) else link.takes
        if not takes and not link.keywords:
            return Operands()
        return Operands(
            tuple(self._operand(ref, previous) for ref in takes),
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


def _kind(link: Link) -> object:
    return Graph(()) if isinstance(link.what, Body) else link.what


def _class(link: Link) -> str:
    return link.what.name if isinstance(link.what, Component) else ""


def _port_name(inlet: Inlet) -> str:
    """Return an input's own name, or one that says more than Keras's count."""
    own = _identifier(inlet.name)
    if own is not None and not re.fullmatch(r"(input|input_layer|keras_tensor)(_\d+)?", own):
        return own
    is_image = inlet.shape is not None and len(inlet.shape) == 3 and inlet.shape[-1] in (1, 3, 4)
    return "image" if is_image else "x"


def _identifier(name: str) -> str | None:
    """Return a layer's own name as one of the language, if there is a resemblance."""
    text = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
    return text if re.match(r"[A-Za-z]", text) and text not in _WORDS else None
