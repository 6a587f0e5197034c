"""Document -> Experiment, or every fault of the document at once."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from kexp.diagnostics import in_order
from kexp.document import Document, Entries, Node, Scalar
from kexp.errors import SpecError, did_you_mean, nearest
from kexp.spec.blocks import read_blocks
from kexp.spec.catalogue import catalogue
from kexp.spec.components import (
    is_custom,
    looks_like_object,
    read_arguments,
    read_list,
    read_model,
    read_one,
    read_per_output,
    read_value,
)
from kexp.spec.graphs import check_wiring, read_graph, read_group
from kexp.spec.reader import (
    Cursor,
    Reading,
    Reads,
    Unreadable,
    describe,
    meant_elsewhere,
    read,
    read_each,
    read_record,
)
from kexp.spec.rules import check_rules
from kexp.spec.types import (
    LANGUAGE_VERSION,
    Arguments,
    Block,
    Data,
    Experiment,
    Graph,
    Group,
    ModelOrClass,
    Named,
    NamedList,
    PerOutput,
    Promise,
    Split,
    Training,
)
from kexp.spec.variables import read_variables

_PROMISE = re.compile(r"\s*(>=|<=|>|<)\s*([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)\s*")


def parse_experiment(document: Document) -> Experiment:
    """Return the experiment that a document describes.

    Raises: SpecError with all diagnostics, sorted by place.
    """
    readers: dict[Any, Reads] = {
        Graph: read_graph,
        Group: read_group,
        Mapping[str, Block]: lambda cursor, hint: cursor.reading.blocks,
        Data: _read_data,
        Named: read_one,
        NamedList: read_list,
        PerOutput: read_per_output,
        Arguments: read_arguments,
        ModelOrClass: read_model,
        Training: _read_training(document.root),
        tuple[Promise, ...]: _read_promises,
    }
    variables: dict[str, Node] = {}
    reading = Reading(catalogue(), variables, readers, list(document.faults))
    experiment = None
    with reading.gather():
        root = Cursor(document.root, "", reading)
        _check_root(root)
        read_variables(root, variables)
        with reading.gather():
            read_blocks(root, reading.blocks)
        experiment = read_record(root, Experiment, frozenset({"vars"}))
    before = len(reading.faults)
    check_wiring(reading)
    if experiment is not None and len(reading.faults) == before:
        experiment = replace(experiment, name=experiment.name or _default_name(document), document=document)
        check_rules(experiment, reading.faults)
    if reading.faults or experiment is None:
        raise SpecError(*in_order(reading.faults))
    result: Experiment = experiment
    return result


def _read_training(root: Node) -> Reads:
    """Return how `train` is read: a graph needs optimizer and loss, a model class may bring its own."""
    model = root.get("model") if isinstance(root, Entries) else None
    needed = () if looks_like_object(model) else ("optimizer", "loss")
    return lambda cursor, hint: read_record(cursor, Training, also_required=needed)


def _check_root(root: Cursor) -> None:
    """Refuse what is no spec, or one of another version, before its keys are judged."""
    if not isinstance(root.node, Entries):
        raise root.refuse(
            "not-a-spec",
            f"a spec is a map with at least `data`, `model` and `train`, found {describe(root.node)}",
            help="start from one of the examples in `configs/`",
        )
    node = root.node.get("kexp")
    if isinstance(node, Scalar) and not node.refused and node.value != LANGUAGE_VERSION:
        raise root.refuse(
            "unknown-version",
            f"this kexp reads version {LANGUAGE_VERSION} of the language, found {describe(node)}",
            node.span,
            path="kexp",
            help=f"write `kexp: {LANGUAGE_VERSION}`, or install a newer kexp",
        )


def _default_name(document: Document) -> str:
    return Path(document.source.name).stem if document.source.name != "<stdin>" else "stdin"


def _read_data(cursor: Cursor, hint: Any) -> Data:
    """Read `data`: `source` and `split` are the language's, the other keys the source's own."""
    entries = {name: (child, key) for name, child, key in cursor.entries("`data`")}
    before = len(cursor.reading.faults)
    source = _read_source(cursor, entries["source"][0] if "source" in entries else None)
    signature = cursor.reading.catalogue.signature("sources", source)
    known = [p.name for p in signature.params] if signature else ["args"]
    split = Split()
    options: dict[str, Any] = {}
    meant: set[str | None] = set()
    complete = True
    for name, (child, key) in entries.items():
        if name in ("source", "split") or name in known:
            try:
                if name == "split":
                    split = read_record(child, Split)
                elif name != "source":
                    options[name] = read_value(child, name)
            except Unreadable:
                complete = False
        else:
            _complain_of_option(cursor, key, source, known)
            meant.add(nearest(name, known))
    for param in signature.params if signature else ():
        if param.required and param.name not in entries and param.name not in meant:
            message = f"the data source `{source}` needs `{param.name}`"
            cursor.fault("missing-option", message, cursor.key, help=f"add `{param.name}:`")
    if not complete or len(cursor.reading.faults) > before:
        raise Unreadable
    return Data(source, options, split)


def _complain_of_option(cursor: Cursor, key: Scalar, source: str, known: list[str]) -> None:
    name = str(key.value)
    cursor.fault(
        "unknown-option",
        f"the data source `{source}` has no option `{name}`",
        key.span,
        path=f"{cursor.path}.{name}",
        help=did_you_mean(name, [*known, "split"])
        or meant_elsewhere(name, cursor.path)
        or f"`{source}` takes {', '.join(f'`{k}`' for k in known)}",
    )


def _read_source(cursor: Cursor, child: Cursor | None) -> str:
    names = cursor.reading.catalogue.names("sources")
    choices = f"one of {', '.join(f'`{name}`' for name in names)}, or `file.py:function`"
    if child is None:
        raise cursor.refuse("missing-key", "`data` has no `source`", cursor.key, help=choices)
    value: str = read(child, str)
    if value not in names and not is_custom(value):
        help = did_you_mean(value, names) or choices
        raise child.refuse("unknown-source", f"there is no data source `{value}`", help=help)
    return value


def _read_promises(cursor: Cursor, hint: Any) -> tuple[Promise, ...]:
    return tuple(read_each(cursor.entries("`expect`"), lambda entry: _read_promise(entry[0], entry[1])))


def _read_promise(metric: str, cursor: Cursor) -> Promise:
    value = cursor.node.value if isinstance(cursor.node, Scalar) else None
    found = _PROMISE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise cursor.refuse(
            "bad-promise",
            f"a promise must be a relation and a number, found {describe(cursor.node)}",
            help='such as `">= 0.93"`',
        )
    relation: Any = found[1]
    return Promise(metric, relation, float(found[2]))
