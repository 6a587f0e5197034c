"""`vars`: the values of `$name`, each of which may use those above it."""

import re
from dataclasses import replace

from kexp.document import Entries, Items, Node, Scalar, texts
from kexp.spec.reader import Cursor, read_each
from kexp.spec.values import KNOWN_FUNCTIONS, KNOWN_VALUES, names_mentioned

MAX_VALUES = 10_000
_NAME = re.compile(r"[A-Za-z_]\w*\Z")


def read_variables(root: Cursor) -> None:
    """Put every entry of `vars` into the reading's variables; one with a fault stands there as refused.

    Raises: Unreadable after wrong-type: then every name that is used stands there as refused.
    """
    given = root.node.get("vars") if isinstance(root.node, Entries) else None
    if given is None:
        return
    variables = root.reading.variables
    cursor = Cursor(given, "vars", root.reading)
    if not isinstance(given, Entries):
        for scalar in texts(root.node):
            refused = replace(scalar, value=None, refused=True)
            variables |= dict.fromkeys(names_mentioned(str(scalar.value)), refused)
    if not isinstance(cursor.node, Entries):
        cursor.entries("`vars`")
        return
    for key, value in cursor.node.entries:
        refused = Scalar(None, value.span, refused=True)
        node: Node = refused
        with root.reading.gather():
            child = cursor.child(key, value)
            _check_name(child, key)
            node = _throughout(child)
            if _size(node) > MAX_VALUES:
                node = refused
                child.fault("vars-too-large", f"`{key.value}` holds more than {MAX_VALUES:,} values")
        variables[str(key.value)] = node


def _check_name(cursor: Cursor, key: Scalar) -> None:
    name = str(key.value)
    if name in (*KNOWN_VALUES, *KNOWN_FUNCTIONS):
        message = f"`${name}` is known by itself and cannot be defined"
        raise cursor.refuse("bad-name", message, key.span, help="choose another name")
    if not _NAME.match(name):
        message = f"`{name}` cannot be the name of a value: letters, digits and `_`"
        raise cursor.refuse("bad-name", message, key.span)


def _throughout(cursor: Cursor) -> Node:
    """Return the node with the values above put in at every depth."""
    match cursor.node:
        case Scalar() as scalar:
            return scalar
        case Items() as items:
            return Items(tuple(read_each(cursor.items("a list"), _throughout)), items.span)
        case Entries() as entries:
            values = read_each((child for _, child, _ in cursor.entries("a map")), _throughout)
            keys = (key for key, _ in entries.entries)
            return Entries(tuple(zip(keys, values, strict=True)), entries.span)


def _size(node: Node) -> int:
    match node:
        case Scalar():
            return 1
        case Items(items=items):
            return 1 + sum(_size(item) for item in items)
        case Entries(entries=entries):
            return 1 + sum(_size(value) for _, value in entries)
