"""What `$name` and `$(…)` in a document stand for: values of `vars`, and those of data and graph."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kexp.document import Items, Node, Scalar
from kexp.spec.formula import FormulaError, UnknownName, compute, functions_in, has_formula, names_in, settle

KNOWN_VALUES = ("num_classes", "num_features", "total_steps", "steps_per_epoch", "seed")
"""Values that the data or the graph gives."""
KNOWN_FUNCTIONS = ("dim", "vocabulary_size")


def settled(
    node: Scalar, text: str, variables: Mapping[str, Node], symbols: frozenset[str] = frozenset()
) -> Node:
    """Return what `text`, the value of `node`, comes to; what needs data, graph or `symbols` stays a formula.

    Raises: FormulaError.
    """
    whole = re.fullmatch(r"\$([A-Za-z_]\w*)", text)
    if whole and whole[1] in variables:
        return replace(variables[whole[1]], span=node.span)
    for name in sorted(functions_in(text) - set(KNOWN_FUNCTIONS)):
        raise FormulaError(f"there is no function `{name}`")
    needed = names_in(text)
    used = {name for name in needed if name in variables}
    for name in sorted(needed - used - set(KNOWN_VALUES) - symbols):
        raise UnknownName(name)
    if any(_is_refused(variables[name]) for name in used):
        return replace(node, refused=True)
    values = {name: _plain_variable(variables[name]) for name in used}
    if needed - used or functions_in(text):
        return replace(node, value=settle(text, values)) if used else node
    return replace(node, value=compute(text, values), settled=True)


def names_mentioned(text: str) -> set[str]:
    """Return the names whose values a text may need, also where it is no formula that can be read."""
    if not has_formula(text):
        return set()
    try:
        return names_in(text)
    except FormulaError:
        return set(re.findall(r"[A-Za-z_]\w*", text))


def taken(name: str, variables: Mapping[str, Node], symbols: frozenset[str]) -> str | None:
    """Return why a parameter or a value of a repeat cannot have this name; None if it can."""
    if name == "i":
        return "`$i` counts the turns of a repeat"
    if name in KNOWN_VALUES:
        return f"`${name}` is known by itself and cannot be defined"
    if name in variables:
        return f"`${name}` has a value already under `vars`"
    return f"`${name}` has a value already in the block or repeat around" if name in symbols else None


def _is_refused(node: Node) -> bool:
    return isinstance(node, Scalar) and node.refused


def _plain_variable(node: Node) -> Any:
    match node:
        case Scalar(value=value):
            return value
        case Items(items=items):
            return [_plain_variable(item) for item in items]
    raise FormulaError("a map cannot be used inside a formula")
