"""One item of `layers:` -> Step; what YAML accepts in silence is answered with the corrected key."""

import re
from dataclasses import dataclass, replace
from typing import Annotated, Any

from kexp.diagnostics import Span
from kexp.document import Entries, Items, Node, Scalar
from kexp.errors import did_you_mean
from kexp.spec.arrows import Arrow, ArrowError, Part, parse_arrow
from kexp.spec.components import component_of, is_custom, looks_like_object, read_value
from kexp.spec.expression import ExpressionError, parse_expression
from kexp.spec.formula import has_formula
from kexp.spec.reader import Cursor, Unreadable, complain_of_key, describe, read, read_each
from kexp.spec.types import (
    Component,
    Expr,
    Formula,
    Graph,
    Group,
    Operands,
    Reuse,
    Step,
    Use,
    Value,
    Weights,
    Within,
)

_WORDS = ("reuse", "model", "layers", "expr")
_SIBLINGS = ("repeat", "call", "trainable", "trainable_from", "weights", "adapt", "outputs_of")
_MISPLACED = {
    "name": "the name stands in the key: `{what} -> {value}`",
    "inputs": "the inputs stand in the key: `{value} -> {what}`",
    "input": "the inputs stand in the key: `{value} -> {what}`",
    "outputs": "the names stand in the key: `{what} -> {value}`",
    "output": "the names stand in the key: `{what} -> {value}`",
}
_ARROW_IN_VALUE = re.compile(r"(?:(?P<value>.*\S)\s+)?(?P<arrow>->\s*(?P<names>\S.*))", re.DOTALL)
_COLON_WITHOUT_BLANK = re.compile(r"(?P<key>[^:]+:)(?P<value>\S.*)", re.DOTALL)

Entry = tuple[Scalar, Node]


@dataclass(frozen=True, slots=True)
class Draft:
    """A step as far as it could be read: its wiring is checked even when its arguments are wrong."""

    step: Step
    complete: bool


def read_step(cursor: Cursor) -> Draft:
    """Read one step.

    Raises: Unreadable when not even its key could be read.
    """
    node = cursor.node
    if isinstance(node, Scalar) and isinstance(node.value, str) and node.value:
        _refuse_colon_without_blank(cursor, node)
        return _step(cursor, node, None, [])
    if isinstance(node, Entries) and node.entries:
        key, argument = _layer_entry(cursor, node)
        return _step(cursor, key, argument, [entry for entry in node.entries if entry[0] is not key])
    help = None
    if isinstance(node, Items) and all(
        isinstance(i, Scalar) and isinstance(i.value, str) for i in node.items
    ):
        listed = ", ".join(str(item.value) for item in node.items if isinstance(item, Scalar))
        help = f"write `{listed}` without the brackets" if "->" in listed else None
    raise cursor.refuse(
        "wrong-type", f"a step is a layer such as `Dense: 64`, found {describe(node)}", help=help
    )


def _refuse_colon_without_blank(cursor: Cursor, node: Scalar) -> None:
    found = _COLON_WITHOUT_BLANK.fullmatch(str(node.value))
    if (
        found is None
        or is_custom(_middle(str(node.value)))
        or not _is_what(cursor, _middle(found["key"][:-1]))
    ):
        return
    raise cursor.refuse(
        "blank-missing",
        "a blank is missing after this colon",
        _inside(node, Part(found["key"], 0)),
        help=f"write `{found['key']} {found['value']}`",
    )


def _layer_entry(cursor: Cursor, node: Entries) -> Entry:
    """Return the entry whose key is the step's; the others are its siblings."""
    layers = [entry for entry in node.entries if _seems_what(cursor, _middle(str(entry[0].value)))]
    if len(layers) > 1:
        first, second = layers[0][0], layers[1][0]
        raise cursor.refuse(
            "two-steps",
            f"`{first.value}` and `{second.value}` stand in one step",
            second.span,
            help=f"put `- ` in front of `{second.value}`",
        )
    others = [entry for entry in node.entries if str(entry[0].value) not in (*_SIBLINGS, *_MISPLACED)]
    if not layers and not others:
        key = node.entries[0][0]
        raise cursor.refuse(
            "no-layer",
            f"`{key.value}` stands where a step is expected",
            key.span,
            help=f"`{key.value}` belongs below a step, without `- ` in front",
        )
    return (layers or others)[0]


def _middle(key: str) -> str:
    parts = [part.strip() for part in key.split("->")]
    return parts[1] if len(parts) == 3 else parts[0]


def _seems_what(cursor: Cursor, text: str) -> bool:
    return text[:1].isupper() or _is_what(cursor, text)


def _is_what(cursor: Cursor, text: str) -> bool:
    signature = cursor.reading.catalogue.find(text, ("layers", "applications"))
    known = text in _WORDS or text in cursor.reading.blocks or signature is not None
    return known or is_custom(text) or text.startswith("keras.")


def _step(cursor: Cursor, key: Scalar, argument: Node | None, siblings: list[Entry]) -> Draft:
    arrow = _arrow(cursor, key)
    what = arrow.what.text
    here = Cursor(cursor.given, f"{cursor.path}.{what}", cursor.reading, key.span)
    name = replace(key, value=what, span=_inside(key, arrow.what))
    gives = tuple(part.text for part in arrow.gives)
    step = Step(Reuse(""), arrow.takes, gives, arrow.layer_name, path=here.path, key=key.span)
    here = here.within(_repeat_names(siblings))
    complete = False
    with cursor.reading.gather():
        step = replace(step, what=_what(here, name, argument))
        complete = True
    if isinstance(step.what, Expr):
        step = replace(step, takes=_expression_takes(here, step))
    for sibling, value in siblings:
        try:
            step = _with_sibling(here, step, what, sibling, value)
        except Unreadable:
            complete = False
    _refuse_unadapted(here, name, step)
    return Draft(step, complete)


def _refuse_unadapted(cursor: Cursor, name: Scalar, step: Step) -> None:
    """`Normalization` without statistics changes nothing, in silence."""
    if not isinstance(step.what, Component) or step.what.name != "Normalization":
        return
    if step.adapt or step.weights is not None or "mean" in (step.what.options or {}):
        return
    cursor.fault(
        "not-adapted",
        "`Normalization` without a mean and a variance leaves its input as it is",
        name.span,
        help="put `adapt: true` below the step, which learns them from the training split",
    )


def _repeat_names(siblings: list[Entry]) -> list[str]:
    """Return the names that a step's `repeat` gives a value in every turn."""
    node = next((value for key, value in siblings if key.value == "repeat"), None)
    if node is None:
        return []
    return ["i", *(name for name, _, _ in node)] if isinstance(node, Entries) else ["i"]


def _expression_takes(cursor: Cursor, step: Step) -> Operands:
    """Let the wiring know which tensors an expression reads."""
    assert isinstance(step.what, Expr)
    if step.takes:
        help = 'an expression names its tensors itself: `expr: "a + b"`'
        raise cursor.refuse("expr-inputs", "`expr` takes no inputs in its key", step.key, help=help)
    return Operands(step.what.names)


def _arrow(cursor: Cursor, key: Scalar) -> Arrow:
    try:
        return parse_arrow(str(key.value), lambda part: _is_what(cursor, part))
    except ArrowError as error:
        layers = [*cursor.reading.catalogue.names("layers"), *_WORDS]
        near = (did_you_mean(part.strip(), layers) for part in str(key.value).split("->"))
        help = error.help or next((n for n in near if n and error.id == "arrow-what"), None)
        raise cursor.refuse(error.id, error.message, _inside(key, error.part), help=help) from None


_ARGUMENTS = {
    "reuse": ("`reuse` needs the name of a layer", "write `reuse: NAME`"),
    "model": ("`model` needs `layers`", "write `model: {layers: […]}`"),
    "layers": ("`layers` needs a list of steps", "put the steps on the lines below, each with `- ` in front"),
    "expr": ("`expr` needs an expression", 'write `expr: "a + b"`'),
}


def _what(cursor: Cursor, name: Scalar, argument: Node | None) -> Any:
    """Read what a step does, by its what."""
    what = str(name.value)
    if argument is None:
        if what in _ARGUMENTS:
            message, help = _ARGUMENTS[what]
            raise cursor.refuse("missing-argument", message, name.span, help=help)
        if what in cursor.reading.blocks:
            return _use(cursor, name, {})
        return component_of(cursor, what, name, None, "layers")
    _refuse_arrow_in_value(cursor, argument)
    if what == "expr":
        return _read_expression(Cursor(argument, cursor.path, cursor.reading, name.span))
    child = Cursor(argument, cursor.path, cursor.reading, name.span).settled()
    if what == "reuse":
        return Reuse(read(child, str), child.span)
    if what == "model":
        return cursor.reading.readers[Graph](child, Graph)
    if what == "layers":
        return Group(cursor.reading.readers[Group](child, Group))
    if what in cursor.reading.blocks:
        return _use(cursor, name, _read_arguments(child, what))
    return component_of(cursor, what, name, child, "layers")


def _use(cursor: Cursor, name: Scalar, arguments: dict[str, Value]) -> Use:
    block = str(name.value)
    missing = [p for p in cursor.reading.blocks[block].params if p not in arguments]
    missing = [p for p in missing if p in cursor.reading.blocks[block].required]
    if missing:
        listed = ", ".join(f"`{p}`" for p in missing)
        help = f"write `{block}: {{{', '.join(f'{p}: …' for p in missing)}}}`"
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
            raise cursor.refuse("unknown-argument", f"the block `{block}` has no parameters")
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


def _read_expression(cursor: Cursor) -> Expr:
    text = read(cursor, str)
    try:
        expression = parse_expression(text, cursor.reading.catalogue.operations)
    except ExpressionError as error:
        quoted = isinstance(cursor.node, Scalar) and cursor.node.quoted
        span = cursor.span.part(error.start + (1 if quoted else 0), error.length)
        raise cursor.refuse(error.id, error.message, span, help=error.help) from None
    return expression


def _refuse_arrow_in_value(cursor: Cursor, argument: Node) -> None:
    """Recognise `Dense: 64 -> hidden` and `Dense: -> hidden`."""
    if not isinstance(argument, Scalar) or argument.quoted or not isinstance(argument.value, str):
        return
    found = _ARROW_IN_VALUE.fullmatch(argument.value)
    if found is None:
        return
    key = cursor.key.text if cursor.key else ""
    value = f": {found['value']}" if found["value"] else ""
    raise cursor.refuse(
        "arrow-in-value",
        "the arrow stands after the value; names belong to the key",
        argument.span.part(found.start("arrow"), len(found["arrow"])),
        help=f"write `{key} -> {found['names']}{value}`",
    )


def _with_sibling(cursor: Cursor, step: Step, what: str, key: Scalar, node: Node) -> Step:
    word = str(key.value)
    child = Cursor(node, f"{cursor.path}.{word}", cursor.reading, key.span).settled()
    if word == "call":
        entries = child.entries("`call`")
        values = read_each(entries, lambda entry: read_value(entry[1], entry[0]))
        return replace(step, call=dict(zip((name for name, _, _ in entries), values, strict=True)))
    if word == "trainable":
        return replace(step, trainable=read(child, bool))
    if word == "repeat":
        return _with_repeat(child, step)
    if word == "trainable_from":
        return replace(step, trainable_from=read(child, str))
    if word == "weights":
        return replace(step, weights=_read_weights(child))
    if word == "adapt":
        return replace(step, adapt=read(child, bool))
    if word == "outputs_of":
        return replace(step, outputs_of=read(child, tuple[str, ...]))
    if word in _MISPLACED:
        help: str | None = _MISPLACED[word].format(what=what, value=_names(node))
        raise cursor.refuse(
            "misplaced-key", f"`{word}` is no key of a step", key.span, path=child.path, help=help
        )
    help = did_you_mean(word, _SIBLINGS) or f"beside a step stand {', '.join(f'`{s}`' for s in _SIBLINGS)}"
    raise cursor.refuse("unknown-key", f"a step has no key `{word}`", key.span, path=child.path, help=help)


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
    places = {"repeat": cursor.span}
    if not isinstance(cursor.node, Entries):
        node = cursor.node
        if isinstance(node, Scalar) and isinstance(node.value, str) and has_formula(node.value):
            return replace(step, repeat=Formula(node.value), places=places)
        return replace(step, repeat=read(cursor, Annotated[int, Within(1)]), places=places)
    lists: dict[str, Value] = {}
    for name, child, key in cursor.entries("`repeat`"):
        if name == "i" or name in cursor.reading.variables:
            message = f"`${name}` has a value already"
            raise cursor.refuse("bad-name", message, key.span, help="choose another name")
        lists[name] = read_value(child, name)
        places[f"repeat.{name}"] = child.span
    return replace(step, repeat=lists, places=places)


def _names(node: Node) -> str:
    items: tuple[Node, ...] = node.items if isinstance(node, Items) else (node,)
    return ", ".join(str(item.value) if isinstance(item, Scalar) else "…" for item in items)


def _inside(key: Scalar, part: Part) -> Span:
    """Return where a part of a key stands in the text."""
    return key.span.part(part.start + (1 if key.quoted else 0), part.length)
