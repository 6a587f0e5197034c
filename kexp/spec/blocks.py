"""`blocks`: parameterised pieces of graph, read before the model that uses them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from kexp.diagnostics import Related
from kexp.document import Entries, Scalar
from kexp.errors import did_you_mean
from kexp.spec.components import looks_like_object, read_value
from kexp.spec.reader import Cursor, Unreadable, complain_of_key, describe
from kexp.spec.spellings import SIBLINGS
from kexp.spec.types import Block, Graph, Group, Step, Use, Value
from kexp.spec.values import taken

_RESERVED = ("reuse", "model", "layers", "expr", "prev", "input", "null", *SIBLINGS)
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
        root.reading.refused_blocks.add(name)
        with root.reading.gather():
            _check_name(cursor, key, name)
            params, required = _read_params(cursor)
            blocks[name] = Block(Graph(()), params, required)
            root.reading.refused_blocks.remove(name)
    for name, cursor, _ in entries:
        if name in blocks:
            with root.reading.gather():
                _read_body(cursor, blocks[name])
    drafts = {graph.path: graph for _, graph in root.reading.graphs}  # also of a block with a fault in it
    for name in blocks:
        blocks[name] = replace(blocks[name], graph=drafts.get(f"blocks.{name}", Graph(())))
    keys = {name: key for name, _, key in entries}
    for cycle in _cycles(blocks):
        message = f"the block uses itself: {' -> '.join(cycle)}"
        root.fault("block-cycle", message, keys[cycle[0]].span, path=f"blocks.{cycle[0]}")
    if len(root.reading.faults) > before:
        raise Unreadable


def _check_name(cursor: Cursor, key: Scalar, name: str) -> None:
    if not name.isidentifier() or name in _RESERVED or not name[0].islower():
        message = f"`{name}` cannot be the name of a block: a small letter first, and no word of the language"
        other = re.sub(r"\W+", "_", name).lower()
        help = f"write `{other}`" if other != name else "choose another name"
        raise cursor.refuse("bad-name", message, key.span, help=help)


def _read_params(cursor: Cursor) -> tuple[Mapping[str, Value], frozenset[str]]:
    node = cursor.node.get("params") if isinstance(cursor.node, Entries) else None
    if node is None:
        return {}, frozenset()
    params: dict[str, Value] = {}
    required = set()
    for name, child, key in Cursor(node, f"{cursor.path}.params", cursor.reading).entries("`params`"):
        message = taken(name, cursor.reading.variables, frozenset())
        if message is not None:
            held = cursor.reading.variables.get(name)
            related = (Related("its value there", held.span),) if held is not None else ()
            child.fault("bad-name", message, key.span, help="choose another name", related=related)
        params[name] = read_value(child, name)
        if params[name] is None:
            required.add(name)
    return params, frozenset(required)


def _read_body(cursor: Cursor, block: Block) -> None:
    if not isinstance(cursor.node, Entries):
        raise cursor.refuse("wrong-type", f"`{cursor.path}` must be a map, found {describe(cursor.node)}")
    rest = tuple((key, value) for key, value in cursor.node.entries if key.value != "params")
    for key, _ in rest:
        if key.value not in _KEYS:
            complain_of_key(cursor, key, list(_KEYS), f"`{cursor.path}`")
    kept = tuple((key, value) for key, value in rest if key.value in _KEYS)
    inner = replace(cursor, given=Entries(kept, cursor.node.span)).within(block.params)
    cursor.reading.readers[Graph](inner, Graph)


def _cycles(blocks: Mapping[str, Block]) -> Iterator[tuple[str, ...]]:
    """Yield every way from a block back to itself that a walk along their uses meets."""
    finished: set[str] = set()
    for start in blocks:
        way = {start: _uses(blocks[start].graph.steps)} if start not in finished else {}
        while way:
            name = next(reversed(way))
            used = next(way[name], None)
            if used is None:
                finished.add(name)
                way.pop(name)
            elif used in way:
                names = [*way]
                yield (*names[names.index(used) :], used)
            elif used in blocks and used not in finished:
                way[used] = _uses(blocks[used].graph.steps)


def _uses(steps: tuple[Step, ...]) -> Iterator[str]:
    for step in steps:
        match step.what:
            case Use(block=block):
                yield block
            case Group(steps=inner) | Graph(steps=inner):
                yield from _uses(inner)


def used_blocks(steps: tuple[Step, ...], blocks: Mapping[str, Block]) -> set[str]:
    """Return the blocks that steps use, and those that these use in turn."""
    found: set[str] = set()
    waiting = [*_uses(steps)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _uses(blocks[name].graph.steps) if name in blocks else ()
    return found


def use_of(cursor: Cursor, name: Scalar, argument: Cursor | None) -> Use:
    """Read how a step uses the block that it names."""
    block = str(name.value)
    arguments = {} if argument is None else _read_arguments(argument, block)
    missing = [p for p in cursor.reading.blocks[block].params if p not in arguments]
    missing = [p for p in missing if p in cursor.reading.blocks[block].required]
    if missing:
        listed = ", ".join(f"`{p}`" for p in missing)
        values = ", ".join(f"{p}: …" for p in missing)
        help = f"add `{values}`" if arguments else f"write `{block}: {{{values}}}`"
        raise cursor.refuse("missing-argument", f"the block `{block}` needs {listed}", name.span, help=help)
    return Use(block, arguments)


def _read_arguments(cursor: Cursor, block: str) -> dict[str, Value]:
    """Read a block's arguments: a map by parameter, or the value of the first one."""
    params = list(cursor.reading.blocks[block].params)
    node = cursor.node
    if isinstance(node, Scalar) and node.value is None:
        return {}
    if not isinstance(node, Entries) or looks_like_object(node):
        if not params:
            message = f"the block `{block}` has no parameters"
            raise cursor.refuse("unknown-argument", message, help=f"write `{block}` alone")
        return {params[0]: read_value(cursor, params[0])}
    arguments: dict[str, Value] = {}
    failed = False
    for key, child, scalar in cursor.entries(f"`{block}`"):
        if key in params:
            with cursor.reading.gather():
                arguments[key] = read_value(child, key)
            failed = failed or key not in arguments
            continue
        failed = True
        listed = ", ".join(f"`{name}`" for name in params) or "none"
        message = f"the block `{block}` has no parameter `{key}`"
        help = did_you_mean(key, params) or f"its parameters: {listed}"
        cursor.fault("unknown-argument", message, scalar.span, path=f"{cursor.path}.{key}", help=help)
    if failed:
        raise Unreadable
    return arguments
