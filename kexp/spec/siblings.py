"""What stands on the lines below a step: `repeat`, `call`, `trainable`, `weights`, …"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from kexp.document import Entries, Items, Node, Scalar
from kexp.errors import did_you_mean
from kexp.spec.calls import Halt
from kexp.spec.components import read_value
from kexp.spec.formula import has_formula
from kexp.spec.reader import Cursor, Unreadable, complain_of_key, read, read_each
from kexp.spec.spellings import SIBLINGS
from kexp.spec.statics import formulas_in
from kexp.spec.turns import turns
from kexp.spec.types import Expr, Formula, Group, Reuse, Step, Use, Value, Weights, Within
from kexp.spec.values import taken

_WITHOUT: dict[type, tuple[str, str]] = {
    Use: ("a block", "put it below a step of the block, or make the block a nested `model`"),
    Group: ("a group", "put it below the steps of the group, or make the group a nested `model`"),
    Expr: ("an expression", "remove it"),
}
"""What has no layer of its own, and what to do instead."""
MISPLACED = {
    "name": "the name stands in the key: `{what} -> {value}`",
    "inputs": "the inputs stand in the key: `{value} -> {what}`",
    "input": "the inputs stand in the key: `{value} -> {what}`",
    "outputs": "the names stand in the key: `{what} -> {value}`",
    "output": "the names stand in the key: `{what} -> {value}`",
}


def within_repeat(cursor: Cursor, siblings: Sequence[tuple[Scalar, Node]]) -> Cursor:
    """Return the cursor where `$i` and the names of a step's `repeat` stand for values."""
    node = next((value for key, value in siblings if key.value == "repeat"), None)
    if node is None:
        return cursor
    names = ["i"]
    for name, key, _ in node if isinstance(node, Entries) else ():
        message = taken(name, cursor.reading.variables, cursor.reading.symbols)
        if message is not None:
            path = f"{cursor.path}.repeat.{name}"
            cursor.fault("bad-name", message, key.span, path=path, help="choose another name")
        names.append(name)
    return cursor.within(names)


def with_sibling(cursor: Cursor, step: Step, what: str, key: Scalar, node: Node) -> Step:
    word = str(key.value)
    child = Cursor(node, f"{cursor.path}.{word}", cursor.reading, key.span).settled()
    if word in SIBLINGS:
        _refuse_without_layer(child, step, what, word)
    if word == "call":
        entries = child.entries("`call`")
        values = read_each(entries, lambda entry: read_value(entry[1], entry[0]))
        return replace(step, call=dict(zip((name for name, _, _ in entries), values, strict=True)))
    if word == "trainable":
        return replace(step, trainable=read(child, bool))
    if word == "repeat":
        return _with_repeat(child, step)
    if word == "trainable_from":
        places = {**step.places, "trainable_from": child.span}
        return replace(step, trainable_from=read(child, str), places=places)
    if word == "weights":
        return replace(step, weights=_read_weights(child))
    if word == "adapt":
        return replace(step, adapt=read(child, bool))
    if word == "outputs_of":
        names = read(child, tuple[str, ...])
        spans = {f"outputs_of[{n}]": item.span for n, item in enumerate(child.items("`outputs_of`"))}
        return replace(step, outputs_of=names, places={**step.places, **spans})
    if word in MISPLACED:
        help: str | None = MISPLACED[word].format(what=what, value=_names(node))
        raise cursor.refuse(
            "misplaced-key", f"`{word}` is no key of a step", key.span, path=child.path, help=help
        )
    help = did_you_mean(word, SIBLINGS) or f"beside a step stand {', '.join(f'`{s}`' for s in SIBLINGS)}"
    raise cursor.refuse("unknown-key", f"a step has no key `{word}`", key.span, path=child.path, help=help)


def _refuse_without_layer(cursor: Cursor, step: Step, what: str, word: str) -> None:
    """Refuse what would change nothing."""
    kind = type(step.what)
    if kind in _WITHOUT and word != "repeat":
        message, help = f"`{word}` is for a layer, and `{what}` is {_WITHOUT[kind][0]}", _WITHOUT[kind][1]
    elif isinstance(step.what, Reuse) and step.what.name and word == "outputs_of":
        message = "`outputs_of` is for the step that makes a layer, and `reuse` calls one again"
        help = "put it below the step that makes the layer"
    else:
        return
    raise cursor.refuse("misplaced-key", message, cursor.key, help=help)


def _read_weights(cursor: Cursor) -> Weights:
    """Read `FILE`, or `{from: FILE, layer: NAME}`."""
    if not isinstance(cursor.node, Entries):
        return Weights(read(cursor, str))
    values: dict[str, str] = {}
    for name, child, key in cursor.entries("`weights`"):
        if name not in ("from", "layer"):
            complain_of_key(cursor, key, ["from", "layer"], "`weights`")
            raise Unreadable
        values[name] = read(child, str)
    if "from" not in values:
        raise cursor.refuse(
            "missing-key", "`weights` has no `from`", help="`weights: {from: RUN, layer: NAME}`"
        )
    return Weights(values["from"], values.get("layer"))


def _with_repeat(cursor: Cursor, step: Step) -> Step:
    """Read a number of turns, or a list of values for each name."""
    places = {**step.places, "repeat": cursor.span}
    if not isinstance(cursor.node, Entries):
        node = cursor.node
        if isinstance(node, Items):
            help = "a list needs a name for its values: `repeat: {units: […]}`"
            raise cursor.refuse("wrong-type", "`repeat` must be a number or a map, found a list", help=help)
        if isinstance(node, Scalar) and isinstance(node.value, str) and has_formula(node.value):
            return replace(step, repeat=Formula(node.value, node.span), places=places)
        return replace(step, repeat=read(cursor, Annotated[int, Within(1)]), places=places)
    lists: dict[str, Value] = {}
    for name, child, _ in cursor.entries("`repeat`"):
        lists[name] = read_value(child, name)
        places[f"repeat.{name}"] = child.span
    repeated = replace(step, repeat=lists, places=places)
    if not any(formulas_in(lists)):
        _check_lengths(cursor, repeated)
    return repeated


def _check_lengths(cursor: Cursor, step: Step) -> None:
    try:
        turns(step, lambda value: value)
    except Halt as halt:
        fault = halt.fault
        assert fault is not None
        raise cursor.refuse(fault.id, fault.message, fault.span, path=step.path, help=fault.help) from None


def _names(node: Node) -> str:
    items: tuple[Node, ...] = node.items if isinstance(node, Items) else (node,)
    return ", ".join(str(item.value) if isinstance(item, Scalar) else "…" for item in items)
