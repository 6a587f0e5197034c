"""`inputs`, `layers`, `outputs` -> Graph: steps read one by one, wiring checked over all of them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from kexp.diagnostics import Related, Span
from kexp.document import Entries, Items, Node, Scalar
from kexp.errors import did_you_mean
from kexp.spec.argument_types import DTYPES
from kexp.spec.arrows import RESERVED, place_of
from kexp.spec.blocks import used_blocks
from kexp.spec.calls import names_of
from kexp.spec.formula import has_formula
from kexp.spec.reader import Cursor, Reading, Unreadable, complain_of_key, describe, read, read_each
from kexp.spec.steps import Draft, is_unread, may_name_anything, read_step, unread_step
from kexp.spec.turns import MAX_STEPS
from kexp.spec.types import Formula, Graph, Group, Port, Step
from kexp.spec.wiring import Fault, Wiring, wire

MAX_LAID = 2 * MAX_STEPS
"""Of all graphs of a spec together, each laid out by itself."""

_KEYS = ("inputs", "layers", "outputs")
_PORT_KEYS = ("shape", "dtype", "from")
_NAME = re.compile(r"[A-Za-z_]\w*\Z")


def read_graph(cursor: Cursor, hint: Any = Graph) -> Graph:
    """Read a graph; its wiring is checked by `check_wiring`, when all blocks are known.

    Raises: Unreadable after any fault in it.
    """
    before = len(cursor.reading.faults)
    known: dict[str, Cursor] = {}
    for name, child, key in cursor.entries(f"`{cursor.path}`"):
        known[name] = child
        if name not in _KEYS:
            complain_of_key(cursor, key, list(_KEYS), f"`{cursor.path}`")
    if "layers" not in known:
        raise cursor.refuse(
            "missing-key", f"`{cursor.path}` has no `layers`", cursor.key, help="add `layers:`"
        )
    ports = outputs = None
    with cursor.reading.gather():
        ports = _read_ports(known["inputs"]) if "inputs" in known else None
    with cursor.reading.gather():
        outputs = _read_outputs(known["outputs"]) if "outputs" in known else None
    drafts = _read_steps(known["layers"])
    graph = Graph(tuple(draft.step for draft in drafts), ports, outputs, cursor.path)
    knows_inputs = ports is not None or "inputs" not in known or cursor.path == "model"
    knows_outputs = outputs is not None or "outputs" not in known
    if knows_inputs and knows_outputs:
        cursor.reading.graphs.append((cursor, graph))
    if len(cursor.reading.faults) > before or not all(draft.complete for draft in drafts):
        raise Unreadable
    return graph


def read_group(cursor: Cursor, hint: Any = Group) -> tuple[Step, ...]:
    """Read the steps of a group, which is incomplete after any fault in them."""
    drafts = _read_steps(cursor)
    if not all(draft.complete for draft in drafts):
        cursor.reading.incomplete.add(cursor.path)
    return tuple(draft.step for draft in drafts)


def check_wiring(reading: Reading) -> None:
    """Gather the faults of every graph's wiring; one that uses a broken block would only echo its faults."""
    endless = {fault.path.removeprefix("blocks.") for fault in reading.faults if fault.id == "block-cycle"}
    broken = endless | {name for name, block in reading.blocks.items() if not block.graph.steps}
    num_laid = 0
    for cursor, graph in reading.graphs:
        used = used_blocks(graph.steps, reading.blocks)
        if broken & used or any(map(may_name_anything, _all_steps(graph.steps))):
            continue
        inputs = _static_inputs(cursor, graph)
        opens_blocks = not cursor.path.startswith("blocks.")
        wiring = wire(graph, inputs, blocks=reading.blocks, opens_blocks=opens_blocks)
        reading.wirings[graph.path] = wiring
        num_laid += len(wiring.calls)
        if num_laid > MAX_LAID:  # each graph has a bound of its own, and there may be thousands
            message = f"the graphs of this spec come to more than {MAX_LAID:,} layers"
            cursor.fault("too-many-layers", message)
            return
        laid_out = (graph, *(reading.blocks[name].graph for name in used))
        has_gaps = any(is_unread(step) for each in laid_out for step in _all_steps(each.steps))
        assumed = _assumed_inputs(wiring) if inputs is None else {}
        for fault in wiring.faults:
            if fault.id == "unknown-name" or not has_gaps:
                _complain(cursor, graph, fault, assumed)


def _all_steps(steps: tuple[Step, ...]) -> Iterator[Step]:
    """Yield steps and those of the groups among them."""
    for step in steps:
        yield step
        if isinstance(step.what, Group):
            yield from _all_steps(step.what.steps)


def _assumed_inputs(wiring: Wiring) -> dict[str, Step]:
    """Return the names that must be the data's, as no step above gives them, by the step that takes each."""
    given: set[str] = set()
    assumed: dict[str, Step] = {}
    for call in wiring.calls:
        for name in names_of(call.takes):
            if name not in given and name not in RESERVED and _NAME.match(name):
                assumed.setdefault(name, call.step)
        given.update(call.gives)
    return assumed


def _static_inputs(cursor: Cursor, graph: Graph) -> list[str] | None:
    """Return the names of a graph's inputs; those that the data gives the model are not known yet."""
    if graph.inputs is None:
        return None if cursor.path == "model" else ["input"]
    return [port.name for port in graph.inputs]


# ---------------------------------------------------------------- ports and outputs


def _read_ports(cursor: Cursor) -> tuple[Port, ...]:
    if isinstance(cursor.node, Items):
        _refuse_nameless(cursor, cursor.node)
        return tuple(Port(name, name) for name in read_each(cursor.items("`inputs`"), _read_name))
    _refuse_tuples(cursor, cursor.node)
    return tuple(read_each(cursor.entries("`inputs`"), lambda entry: _read_port(*entry)))


def _refuse_nameless(cursor: Cursor, node: Items) -> None:
    """Recognise `inputs: [64]`, a shape without a name."""
    sizes = [item.value if isinstance(item, Scalar) else item for item in node.items]
    if any(size is None or isinstance(size, int) for size in sizes):
        help = f"write `inputs: {{features: {node.span.text}}}` with the column's name"
        message = "`inputs` must be a list of names or a map of names to shapes, found a list of sizes"
        raise cursor.refuse("wrong-type", message, help=help)


def _refuse_tuples(cursor: Cursor, node: Node) -> None:
    """Recognise `features: (64,)`, which YAML tears at the comma."""
    for _, key, value in node if isinstance(node, Entries) else ():
        text = str(value.value) if isinstance(value, Scalar) and isinstance(value.value, str) else ""
        if text.startswith("("):
            sizes = re.match(r"[\d, ]*", value.span.source.line(value.span.line)[value.span.column :])
            listed = sizes[0].strip(", ") if sizes else ""
            message = f"the shape of `{key.value}` must be a list, found a Python tuple"
            raise cursor.child(key, value).refuse("wrong-type", message, help=f"write `[{listed}]`")


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
    if isinstance(cursor.node, Scalar):
        size = cursor.node.value
        help = f"write `[{size}]`" if type(size) is int else "a shape is a list of sizes, such as `[64]`"
        message = f"the input `{name}` must be a shape or a map, found {describe(cursor.node)}"
        raise cursor.refuse("wrong-type", message, help=help)
    values: dict[str, Any] = {}
    before = len(cursor.reading.faults)
    for option, child, option_key in cursor.entries(f"the input `{name}`"):
        if option == "shape":
            values["shape"] = _read_shape(child)
        elif option in _PORT_KEYS:
            values[option] = read(child, str)
            if option == "dtype":
                _check_dtype(child, values[option])
        else:
            complain_of_key(cursor, option_key, list(_PORT_KEYS), f"the input `{name}`")
    if len(cursor.reading.faults) > before:
        raise Unreadable
    return Port(name, values.get("from", name), values.get("shape"), values.get("dtype", "float32"))


def _check_dtype(cursor: Cursor, name: str) -> None:
    if name not in DTYPES:
        help = did_you_mean(name, DTYPES) or f"Keras knows {', '.join(f'`{known}`' for known in DTYPES)}"
        cursor.fault("wrong-choice", f"`dtype` must be a dtype such as `float32`, found `{name}`", help=help)


def _read_shape(cursor: Cursor) -> tuple[int | Formula | None, ...]:
    return tuple(read_each(cursor.items("a shape"), _read_size))


def _read_size(cursor: Cursor) -> int | Formula | None:
    node = cursor.node
    value = node.value if isinstance(node, Scalar) else node
    if isinstance(value, str) and has_formula(value):
        return Formula(value, node.span)
    if value is None or (type(value) is int and value > 0):
        return value
    message = f"a size must be a positive whole number or `null`, found {describe(node)}"
    raise cursor.refuse("wrong-type", message)


def _read_outputs(cursor: Cursor) -> tuple[str, ...] | Mapping[str, str]:
    if isinstance(cursor.node, Entries):
        entries = cursor.entries("`outputs`")
        values = read_each((child for _, child, _ in entries), _read_name)
        return dict(zip((name for name, _, _ in entries), values, strict=True))
    if isinstance(cursor.node, Scalar):
        return (_read_name(cursor),)
    return tuple(read_each(cursor.items("`outputs`"), _read_name))


# ---------------------------------------------------------------- steps


def _read_steps(cursor: Cursor) -> list[Draft]:
    """Return the steps, those that could not be read as well as their names can be told."""
    if isinstance(cursor.node, Entries):
        message = "`layers` must be a list, found a map"
        raise cursor.refuse("wrong-type", message, help="put `- ` in front of each step")
    items = cursor.items("`layers`")
    if not items:
        raise cursor.refuse("no-layers", "`layers` is empty; a graph has at least one step")
    drafts = []
    for item in items:
        try:
            drafts.append(read_step(item))
        except Unreadable:
            drafts.append(unread_step(item))
    return drafts


def _complain(cursor: Cursor, graph: Graph, fault: Fault, assumed: Mapping[str, Step]) -> None:
    """Gather a wiring fault, underlined at the name inside its key; one in a block is gathered once."""
    if fault.step is None and fault.use is not None:
        return  # the outputs of a block, whose own check says so
    if fault.step is None:
        span, path = _output_span(cursor, fault.name), f"{graph.path}.outputs"
    else:
        span, path = fault.span or fault.step.key, fault.path
        if span is not None and fault.name:
            span = _word(span, fault.name, fault.after_arrow)
    if any((d.id, d.message, d.span) == (fault.id, fault.message, span) for d in cursor.reading.faults):
        return
    used = fault.use.key if fault.use is not None else None
    related: tuple[Related, ...] = (Related("used here", used),) if used is not None else ()
    if fault.id == "dangling-step" and all(d.id != fault.id for d in cursor.reading.faults):
        related += tuple(_as_inputs(assumed))
    cursor.fault(fault.id, fault.message, span, path=path, help=fault.help, related=related)


def _as_inputs(assumed: Mapping[str, Step]) -> Iterator[Related]:
    """Yield where names stand that nothing above gives: one may be misspelt, and cut the graph in two."""
    for name, step in assumed.items():
        span = step.places.get("expr") or step.key
        if span is not None:
            yield Related(
                f"no step above gives `{name}`, so it is taken for an input", _word(span, name, False)
            )


def _output_span(cursor: Cursor, name: str) -> Span | None:
    outputs = cursor.node.get("outputs") if isinstance(cursor.node, Entries) else None
    nodes: list[Node] = [outputs] if outputs else []
    match outputs:
        case Items(items=items):
            nodes = [*items, outputs]
        case Entries(entries=entries):
            nodes = [*(value for _, value in entries), outputs]
    found = (node.span for node in nodes if isinstance(node, Scalar) and node.value == name)
    return next(found, nodes[-1].span if nodes else None)


def _word(span: Span, name: str, after_arrow: bool) -> Span:
    """Return where a name stands inside a key, as a tensor and not as a call argument."""
    text = span.text
    start = text.rfind("->") if after_arrow else 0
    found = place_of(text, name, max(start, 0))
    if found is None and f"{name}=" in text.replace(" ", ""):
        found = text.index(name), len(name)  # the name of an argument
    return span.part(*found) if found else span
