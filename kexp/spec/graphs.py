"""`inputs`, `layers`, `outputs` -> Graph: steps read one by one, wiring checked over all of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from kexp.diagnostics import Span
from kexp.document import Entries, Items, Node, Scalar
from kexp.errors import did_you_mean
from kexp.spec.arrows import RESERVED, Arrow, ArrowError, Part, parse_arrow
from kexp.spec.components import component_of, is_custom, read_value
from kexp.spec.formula import has_formula
from kexp.spec.reader import Cursor, Unreadable, complain_of_key, describe, read
from kexp.spec.types import Formula, Graph, Port, Reuse, Step
from kexp.spec.wiring import Fault, wire

WORDS = ("reuse", "model")
_KEYS = ("inputs", "layers", "outputs")
SIBLINGS = ("call", "trainable")
_MISPLACED = {
    "name": "the name stands in the key: `{what} -> {value}`",
    "inputs": "the inputs stand in the key: `{value} -> {what}`",
    "input": "the inputs stand in the key: `{value} -> {what}`",
    "outputs": "the names stand in the key: `{what} -> {value}`",
    "output": "the names stand in the key: `{what} -> {value}`",
}
_NAME = re.compile(r"[A-Za-z_]\w*\Z")


@dataclass(frozen=True, slots=True)
class Draft:
    """A step as far as it could be read: its wiring is checked even when its arguments are wrong."""

    step: Step
    complete: bool


def read_graph(cursor: Cursor, hint: Any = Graph) -> Graph:
    """Read a graph and check its wiring.

    Raises: Unreadable after any fault in it.
    """
    before = len(cursor.reading.faults)
    known: dict[str, Cursor] = {}
    for name, child, key in cursor.entries(f"`{cursor.path}`"):
        known[name] = child
        if name not in _KEYS:
            complain_of_key(cursor, key, list(_KEYS), f"`{cursor.path}`")
    if "layers" not in known:
        raise cursor.refuse("missing-key", f"`{cursor.path}` has no `layers`", cursor.key, help="add `layers:`")
    ports = outputs = None
    complete = False
    with cursor.reading.gather():
        ports = _read_ports(known["inputs"]) if "inputs" in known else None
        outputs = _read_outputs(known["outputs"]) if "outputs" in known else None
        complete = True
    drafts, unread = _read_steps(known["layers"])
    graph = Graph(tuple(draft.step for draft in drafts), ports, outputs, cursor.path)
    if complete and not unread:
        for fault in wire(graph, [p.name for p in ports] if ports is not None else None).faults:
            _complain(cursor, graph, fault)
    if not complete or unread or not all(d.complete for d in drafts) or len(cursor.reading.faults) > before:
        raise Unreadable
    return graph


# ---------------------------------------------------------------- ports and outputs


def _read_ports(cursor: Cursor) -> tuple[Port, ...]:
    if isinstance(cursor.node, Items):
        return tuple(Port(name, name) for name in read_each(cursor.items("`inputs`"), _read_name))
    return tuple(read_each(cursor.entries("`inputs`"), lambda entry: _read_port(*entry)))


def _read_name(cursor: Cursor) -> str:
    name: str = read(cursor, str)
    return name


def _read_port(name: str, cursor: Cursor, key: Scalar) -> Port:
    if not _NAME.match(name) or name in RESERVED:
        raise cursor.refuse(
            "bad-name",
            f"`{name}` cannot be the name of an input: letters, digits and `_`, and no word of the language",
            key.span,
            help='name a column with blanks by `from`: `{petal: {from: "petal length (cm)"}}`',
        )
    if isinstance(cursor.node, Items):
        return Port(name, name, _read_shape(cursor))
    if isinstance(cursor.node, Scalar) and cursor.node.value is None:
        return Port(name, name)
    values: dict[str, Any] = {}
    for option, child, option_key in cursor.entries(f"the input `{name}`"):
        if option == "shape":
            values["shape"] = _read_shape(child)
        elif option in ("dtype", "from"):
            values[option] = read(child, str)
        else:
            complain_of_key(cursor, option_key, ["shape", "dtype", "from"], f"the input `{name}`")
    return Port(name, values.get("from", name), values.get("shape"), values.get("dtype", "float32"))


def _read_shape(cursor: Cursor) -> tuple[int | Formula | None, ...]:
    sizes: list[int | Formula | None] = []
    for item in cursor.items("a shape"):
        node = item.node
        if isinstance(node, Scalar) and isinstance(node.value, str) and has_formula(node.value):
            sizes.append(Formula(node.value))
        elif isinstance(node, Scalar) and (
            node.value is None or (type(node.value) is int and node.value > 0)
        ):
            sizes.append(node.value)
        else:
            raise item.refuse(
                "wrong-type", f"a size is a positive whole number or `null`, found {describe(node)}"
            )
    return tuple(sizes)


def _read_outputs(cursor: Cursor) -> tuple[str, ...] | Mapping[str, str]:
    if isinstance(cursor.node, Entries):
        return {name: read(child, str) for name, child, _ in cursor.entries("`outputs`")}
    if isinstance(cursor.node, Scalar):
        return (read(cursor, str),)
    return tuple(read(item, str) for item in cursor.items("`outputs`"))


# ---------------------------------------------------------------- steps


def _read_steps(cursor: Cursor) -> tuple[list[Draft], bool]:
    """Return the steps that could be read, and whether a key among them could not."""
    drafts = []
    unread = False
    items = cursor.items("`layers`")
    if not items:
        cursor.fault("no-layers", "`layers` is empty; a graph has at least one step")
        unread = True
    for item in items:
        try:
            drafts.append(_read_step(item))
        except Unreadable:
            unread = True
    return drafts, unread


def _read_step(cursor: Cursor) -> Draft:
    node = cursor.node
    if isinstance(node, Scalar) and isinstance(node.value, str) and node.value:
        return _step(cursor, node, None, ())
    if isinstance(node, Entries) and node.entries:
        known = [e for e in node.entries if str(e[0].value) not in (*SIBLINGS, *_MISPLACED)]
        if not known:
            key = node.entries[0][0]
            raise cursor.refuse("no-layer", f"`{key.value}` stands where a step is expected", key.span)
        (key, argument), *others = known
        siblings = tuple(e for e in node.entries if e[0] is not key)
        if others and _is_what(cursor, _middle(str(others[0][0].value))):
            second = others[0][0]
            raise cursor.refuse(
                "two-steps",
                f"`{key.value}` and `{second.value}` stand in one step",
                second.span,
                help=f"put `- ` in front of `{second.value}`",
            )
        return _step(cursor, key, argument, siblings)
    raise cursor.refuse("wrong-type", f"a step is a layer such as `Dense: 64`, found {describe(node)}")


def _middle(key: str) -> str:
    parts = [part.strip() for part in key.split("->")]
    return parts[1] if len(parts) == 3 else parts[0]


def _is_what(cursor: Cursor, text: str) -> bool:
    catalogue = cursor.reading.catalogue
    return (
        text in WORDS
        or is_custom(text)
        or text.startswith("keras.")
        or catalogue.find(text, ("layers", "applications")) is not None
    )


def _step(
    cursor: Cursor, key: Scalar, argument: Node | None, siblings: tuple[tuple[Scalar, Node], ...]
) -> Draft:
    arrow = _arrow(cursor, key)
    what = arrow.what.text
    path = f"{cursor.path}.{what}"
    here = Cursor(cursor.node, path, cursor.reading, key.span)
    name = replace(key, value=what, span=_inside(key, arrow.what))
    child = (
        Cursor(here.reading_of(argument), path, cursor.reading, name.span) if argument is not None else None
    )
    step = Step(
        Reuse(""), arrow.takes, tuple(n.text for n in arrow.gives), arrow.layer_name, path=path, key=key.span
    )
    before = len(cursor.reading.faults)
    with cursor.reading.gather():
        step = replace(step, what=_what(here, name, child))
    for sibling, value in siblings:
        with cursor.reading.gather():
            step = _sibling(here, step, what, sibling, value)
    return Draft(step, len(cursor.reading.faults) == before)


def _what(cursor: Cursor, name: Scalar, argument: Cursor | None) -> Any:
    what = str(name.value)
    if what == "reuse":
        if argument is None:
            raise cursor.refuse(
                "missing-argument", "`reuse` needs the name of a layer", name.span, help="`reuse: NAME`"
            )
        return Reuse(read(argument, str))
    if what == "model":
        if argument is None:
            raise cursor.refuse(
                "missing-argument", "`model` needs `layers`", name.span, help="`model: {layers: […]}`"
            )
        return read_graph(argument)
    return component_of(cursor, what, name, argument, "layers")


def _sibling(cursor: Cursor, step: Step, what: str, key: Scalar, node: Node) -> Step:
    child = Cursor(cursor.reading_of(node), f"{cursor.path}.{key.value}", cursor.reading, key.span)
    word = str(key.value)
    if word == "call":
        values = {name: read_value(value, name) for name, value, _ in child.entries("`call`")}
        return replace(step, call=values)
    if word == "trainable":
        return replace(step, trainable=read(child, bool))
    if word in _MISPLACED:
        value = node.value if isinstance(node, Scalar) else "…"
        help = _MISPLACED[word].format(what=what, value=value)
        raise cursor.refuse(
            "misplaced-key", f"`{word}` is no key of a step", key.span, path=child.path, help=help
        )
    help = did_you_mean(word, SIBLINGS) or f"beside a step stand {', '.join(f'`{s}`' for s in SIBLINGS)}"
    raise cursor.refuse("unknown-key", f"a step has no key `{word}`", key.span, path=child.path, help=help)


def _arrow(cursor: Cursor, key: Scalar) -> Arrow:
    text = str(key.value)
    try:
        arrow = parse_arrow(text, lambda part: _is_what(cursor, part))
    except ArrowError as error:
        span = _inside(key, error.part)
        raise cursor.refuse(error.id, error.message, span, help=error.help) from None
    return arrow


def _inside(key: Scalar, part: Part) -> Span:
    """Return where a part of a key stands in the text."""
    return key.span.part(part.start + (1 if key.quoted else 0), part.length)


def _complain(cursor: Cursor, graph: Graph, fault: Fault) -> None:
    """Gather a wiring fault, underlined at the name inside its key."""
    if fault.step is None:
        outputs = cursor.node.get("outputs") if isinstance(cursor.node, Entries) else None
        span, path = outputs.span if outputs else cursor.span, f"{graph.path}.outputs"
    else:
        span, path = fault.step.key, fault.step.path
    if span is not None and fault.name:
        span = _word(span, fault.name, fault.after_arrow)
    cursor.fault(fault.id, fault.message, span, path=path, help=fault.help)


def _word(span: Span, name: str, after_arrow: bool) -> Span:
    """Return where a name stands inside a key."""
    text = span.source.line(span.line)[span.column - 1 : span.end_column - 1]
    start = text.rfind("->") if after_arrow else 0
    found = re.compile(rf"\b{re.escape(name)}\b").search(text, max(start, 0))
    return span.part(found.start(), len(name)) if found else span
