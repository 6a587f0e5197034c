"""One item of `layers:` -> Step; what YAML accepts in silence is answered with the corrected key."""

import re
from dataclasses import dataclass, replace
from typing import Any

from kexp.diagnostics import Span
from kexp.document import Entries, Items, Node, Scalar
from kexp.errors import did_you_mean
from kexp.spec.arrows import RESERVED, Arrow, ArrowError, Part, parse_arrow
from kexp.spec.blocks import use_of
from kexp.spec.components import component_of, is_custom
from kexp.spec.expression import ExpressionError, parse_expression
from kexp.spec.formula import has_formula
from kexp.spec.reader import Cursor, Unreadable, describe, read
from kexp.spec.siblings import MISPLACED, with_sibling, within_repeat
from kexp.spec.spellings import SIBLINGS
from kexp.spec.types import Component, Expr, Graph, Group, Operands, Reuse, Step

_WORDS = ("reuse", "model", "layers", "expr")
_ARROW_IN_VALUE = re.compile(r"(?:(?P<value>.*\S)\s+)?(?P<arrow>->\s*(?P<names>\S.*))", re.DOTALL)
_COLON_WITHOUT_BLANK = re.compile(r"(?P<key>[^:]+:)(?P<value>\S.*)", re.DOTALL)

Entry = tuple[Scalar, Node]


@dataclass(frozen=True, slots=True)
class Draft:
    """A step as far as it could be read: its wiring is checked even when its arguments are wrong."""

    step: Step
    complete: bool


_GAP = Operands((None,))
"""What a step takes that nobody can tell."""
_ANY = "$"
"""A name that a value is part of, which nobody can tell either."""


def unread_step(cursor: Cursor) -> Draft:
    """Return what stands for a step whose key could not be read; it may give any name in there."""
    node = cursor.given
    keys = [key for key, _ in node.entries] if isinstance(node, Entries) else [node]
    text = " ".join(str(key.value) for key in keys if isinstance(key, Scalar))
    words = re.findall(r"(?<![\w$])[A-Za-z_]\w*(?![\w$])", text)
    names = [word for word in words if word not in RESERVED and not _seems_what(cursor, word)]
    if "$" in text.rpartition("->")[2]:
        names = [_ANY]
    return Draft(Step(Reuse(""), _GAP, tuple(dict.fromkeys(names)), path=cursor.path), complete=False)


def is_unread(step: Step) -> bool:
    """Tell whether what a step takes is not known."""
    return step.takes == _GAP


def may_name_anything(step: Step) -> bool:
    """Tell whether not even the names are known that a step gives."""
    return step.gives == (_ANY,)


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
    others = [entry for entry in node.entries if str(entry[0].value) not in (*SIBLINGS, *MISPLACED)]
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
    blocks = (*cursor.reading.blocks, *cursor.reading.refused_blocks)
    known = text in _WORDS or text in blocks or signature is not None
    return known or is_custom(text) or text.startswith("keras.")


def _step(cursor: Cursor, key: Scalar, argument: Node | None, siblings: list[Entry]) -> Draft:
    cursor = within_repeat(cursor, siblings)
    arrow = _arrow(cursor, _with_values(cursor, key))
    what = arrow.what.text
    here = Cursor(cursor.given, f"{cursor.path}.{what}", cursor.reading, key.span)
    name = replace(key, value=what, span=_inside(key, arrow.what))
    if argument is None or (isinstance(argument, Scalar) and argument.value is None):
        siblings = _without_arguments(here, name, siblings)
    gives = tuple(part.text for part in arrow.gives)
    step = Step(Reuse(""), arrow.takes, gives, arrow.layer_name, path=here.path, key=key.span)
    complete = False
    with cursor.reading.gather():
        step = replace(step, what=_what(here, name, argument))
        complete = here.path not in cursor.reading.incomplete
    if what == "expr" and not complete:
        step = replace(step, takes=_GAP)
    if isinstance(step.what, Expr):
        step = replace(step, takes=_expression_takes(here, step), places=_expression_place(argument))
    for sibling, value in siblings:
        try:
            step = with_sibling(here, step, what, sibling, value)
        except Unreadable:
            complete = False
    if complete:
        _refuse_unadapted(here, name, step)
    return Draft(step, complete)


def _without_arguments(cursor: Cursor, name: Scalar, siblings: list[Entry]) -> list[Entry]:
    """Return the siblings; arguments among them, which are indented too little, are one fault.

    Raises: Unreadable after misplaced-key.
    """
    signature = cursor.reading.catalogue.find(str(name.value), ("layers", "applications"))
    known = [p.name for p in signature.params if p.name not in SIBLINGS] if signature else []
    arguments = [key for key, _ in siblings if key.value in known]
    if not arguments:
        return siblings
    listed = " and ".join(
        filter(None, (", ".join(f"`{k.value}`" for k in arguments[:-1]), f"`{arguments[-1].value}`"))
    )
    belong = "belongs" if len(arguments) == 1 else "belong"
    raise cursor.refuse(
        "misplaced-key",
        f"{listed} {belong} to `{name.value}`, and stand{'s' * (len(arguments) == 1)} beside it",
        arguments[0].span,
        path=f"{cursor.path}.{arguments[0].value}",
        help=f"indent {'it' if len(arguments) == 1 else 'them'} by two more blanks",
    )


def _with_values(cursor: Cursor, key: Scalar) -> Scalar:
    """Put the values of `vars` into a step's key."""
    node = Cursor(key, cursor.path, cursor.reading, key.span).settled().node
    return node if isinstance(node, Scalar) else key


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
    if what in cursor.reading.refused_blocks:
        raise Unreadable
    if argument is None:
        if what in _ARGUMENTS:
            message, help = _ARGUMENTS[what]
            raise cursor.refuse("missing-argument", message, name.span, help=help)
        if what in cursor.reading.blocks:
            return use_of(cursor, name, None)
        return component_of(cursor, what, name, None, "layers")
    _refuse_arrow_in_value(cursor, argument)
    if what == "expr":
        return _read_expression(Cursor(argument, cursor.path, cursor.reading, name.span))
    child = Cursor(argument, cursor.path, cursor.reading, name.span).settled()
    if what == "reuse":
        return Reuse(_name_to_reuse(child), child.span)
    if what == "model":
        return cursor.reading.readers[Graph](child, Graph)
    if what == "layers":
        return Group(cursor.reading.readers[Group](child, Group))
    if what in cursor.reading.blocks:
        return use_of(cursor, name, child)
    return component_of(cursor, what, name, child, "layers")


def _name_to_reuse(cursor: Cursor) -> str:
    """Read a layer's name, which may hold `$i` or another value of a repeat."""
    node = cursor.node
    if isinstance(node, Scalar) and isinstance(node.value, str) and has_formula(node.value):
        return node.value
    name: str = read(cursor, str)
    return name


def _read_expression(cursor: Cursor) -> Expr:
    """Read an expression as it is written, to point into it, and then with the values of `vars` put in."""
    node = cursor.node
    written = node.value if isinstance(node, Scalar) and isinstance(node.value, str) else read(cursor, str)
    if not str(written).strip():
        message, help = _ARGUMENTS["expr"]
        raise cursor.refuse("missing-argument", message, help=help)
    expression = _checked_expression(cursor, str(written))
    settled = cursor.settled().node
    if isinstance(settled, Scalar) and settled.value != written:
        expression = _checked_expression(cursor, str(settled.value))
    return expression


def _checked_expression(cursor: Cursor, text: str) -> Expr:
    try:
        return parse_expression(text, cursor.reading.catalogue.operations)
    except ExpressionError as error:
        place = _expression_place(cursor.node).get("expr")
        is_whole = place is None or place.text != text
        span = cursor.span if is_whole or place is None else place.part(error.start, error.length)
        raise cursor.refuse(error.id, error.message, span, help=error.help) from None


def _expression_place(node: Node | None) -> dict[str, Span]:
    """Return where the text of an expression stands, without its quotes, if it stands on one line."""
    if not isinstance(node, Scalar):
        return {}
    place = node.span.part(1 if node.quoted else 0, len(str(node.value)))
    return {"expr": place} if place.text == node.value else {}


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


def _inside(key: Scalar, part: Part) -> Span:
    """Return where a part of a key stands in the text."""
    return key.span.part(part.start + (1 if key.quoted else 0), part.length)
