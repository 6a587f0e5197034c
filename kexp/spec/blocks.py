"""`blocks`: parameterised pieces of graph, read before the model that uses them."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from kexp.document import Entries, Scalar
from kexp.spec.components import read_value
from kexp.spec.reader import Cursor, Unreadable, complain_of_key, describe
from kexp.spec.types import Block, Graph, Group, Step, Use, Value

_RESERVED = ("reuse", "model", "layers", "expr", "prev", "input", "null")
_KEYS = ("params", "inputs", "layers", "outputs")


def read_blocks(root: Cursor, blocks: dict[str, Block]) -> None:
    """Put every block into `blocks`, first its parameters, so that blocks may use one another.

    Raises: Unreadable after any fault in them.
    """
    given = root.node.get("blocks") if isinstance(root.node, Entries) else None
    if given is None:
        return
    before = len(root.reading.faults)
    entries = Cursor(given, "blocks", root.reading).entries("`blocks`")
    for name, cursor, key in entries:
        with root.reading.gather():
            _check_name(cursor, key, name)
            params, required = _read_params(cursor)
            blocks[name] = Block(Graph(()), params, required)
    for name, cursor, _ in entries:
        if name in blocks:
            with root.reading.gather():
                blocks[name] = replace(blocks[name], graph=_read_body(cursor, blocks[name]))
    for name, _, key in entries:
        path = _cycle(name, blocks) if name in blocks else ()
        if path:
            message = f"the block uses itself: {' -> '.join(path)}"
            root.fault("block-cycle", message, key.span, path=f"blocks.{name}")
    if len(root.reading.faults) > before:
        raise Unreadable


def _check_name(cursor: Cursor, key: Scalar, name: str) -> None:
    if not name.isidentifier() or name in _RESERVED or not name[0].islower():
        message = f"`{name}` cannot be the name of a block: a small letter first, and no word of the language"
        raise cursor.refuse("bad-name", message, key.span)


def _read_params(cursor: Cursor) -> tuple[Mapping[str, Value], frozenset[str]]:
    node = cursor.node.get("params") if isinstance(cursor.node, Entries) else None
    if node is None:
        return {}, frozenset()
    params: dict[str, Value] = {}
    required = set()
    for name, child, key in Cursor(node, f"{cursor.path}.params", cursor.reading).entries("`params`"):
        if name in cursor.reading.variables or name == "i":
            message = f"`${name}` has a value already under `vars`" if name != "i" else "`$i` counts turns"
            raise child.refuse("bad-name", message, key.span, help="choose another name")
        params[name] = read_value(child, name)
        if params[name] is None:
            required.add(name)
    return params, frozenset(required)


def _read_body(cursor: Cursor, block: Block) -> Graph:
    if not isinstance(cursor.node, Entries):
        raise cursor.refuse("wrong-type", f"`{cursor.path}` must be a map, found {describe(cursor.node)}")
    rest = tuple((key, value) for key, value in cursor.node.entries if key.value != "params")
    for key, _ in rest:
        if key.value not in _KEYS:
            complain_of_key(cursor, key, list(_KEYS), f"`{cursor.path}`")
    kept = tuple((key, value) for key, value in rest if key.value in _KEYS)
    inner = replace(cursor, given=Entries(kept, cursor.node.span)).within(block.params)
    graph: Graph = cursor.reading.readers[Graph](inner, Graph)
    return graph


def _cycle(name: str, blocks: Mapping[str, Block], above: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the way from a block back to itself, if there is one."""
    if name in above:
        return (*above, name) if name == above[0] else ()
    used = (use for use in _uses(blocks[name].graph.steps) if use in blocks)
    found = (_cycle(use, blocks, (*above, name)) for use in dict.fromkeys(used))
    return next((path for path in found if path), ())


def _uses(steps: tuple[Step, ...]) -> Iterator[str]:
    for step in steps:
        match step.what:
            case Use(block=block):
                yield block
            case Group(steps=inner) | Graph(steps=inner):
                yield from _uses(inner)
