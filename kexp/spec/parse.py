"""Document -> Experiment, or every fault of the document at once."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from kexp.document import Document, Entries, Node, Scalar
from kexp.errors import SpecError, did_you_mean
from kexp.spec.catalogue import catalogue
from kexp.spec.components import is_custom, read_list, read_one, read_per_output, read_value
from kexp.spec.graphs import read_graph
from kexp.spec.reader import Cursor, Reading, describe, read_record
from kexp.spec.rules import check_rules
from kexp.spec.types import (
    LANGUAGE_VERSION,
    Data,
    Experiment,
    Graph,
    Named,
    NamedList,
    PerOutput,
    Promise,
    Split,
)

_PROMISE = re.compile(r"\s*(>=|<=|>|<)\s*(\S+)\s*\Z")


def parse_experiment(document: Document) -> Experiment:
    """Return the experiment that a document describes.

    Raises: SpecError with all diagnostics, sorted by place.
    """
    readers = {
        Graph: read_graph,
        Data: _read_data,
        Named: read_one,
        NamedList: read_list,
        PerOutput: read_per_output,
        tuple[Promise, ...]: _read_promises,
    }
    reading = Reading(catalogue(), _variables(document.root), readers, list(document.faults))
    root = Cursor(document.root, "", reading)
    if not isinstance(document.root, Entries):
        root.fault(
            "not-a-spec",
            f"a spec is a map with at least `data`, `model` and `train`, found {describe(document.root)}",
            help="start from one of the examples in `configs/`",
        )
        raise SpecError(*reading.faults)
    experiment = None
    with reading.gather():
        _check_version(root)
        experiment = read_record(root, Experiment, frozenset({"vars"}))
    if experiment is not None:
        experiment = replace(experiment, name=experiment.name or _default_name(document), document=document)
        check_rules(experiment, reading.faults)
    if reading.faults or experiment is None:
        raise SpecError(*reading.faults)
    result: Experiment = experiment
    return result


def _variables(root: Node) -> Mapping[str, Node]:
    node = root.get("vars") if isinstance(root, Entries) else None
    return {name: value for name, _, value in node} if isinstance(node, Entries) else {}


def _check_version(root: Cursor) -> None:
    node = root.node.get("kexp") if isinstance(root.node, Entries) else None
    if isinstance(node, Scalar) and node.value != LANGUAGE_VERSION:
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
    source = _read_source(cursor)
    split = Split()
    options: dict[str, Any] = {}
    signature = cursor.reading.catalogue.signature("sources", source)
    known = [p.name for p in signature.params] if signature else ["args"]
    for name, (child, key) in entries.items():
        if name == "source":
            continue
        with cursor.reading.gather():
            if name == "split":
                split = read_record(child, Split)
            elif name not in known:
                help = (
                    did_you_mean(name, [*known, "split"])
                    or f"`{source}` takes {', '.join(f'`{k}`' for k in known)}"
                )
                cursor.fault(
                    "unknown-option",
                    f"the data source `{source}` has no option `{name}`",
                    key.span,
                    path=child.path,
                    help=help,
                )
            else:
                options[name] = read_value(child, name)
    missing = [p.name for p in signature.params if p.required and p.name not in entries] if signature else []
    for name in missing:
        cursor.fault(
            "missing-option", f"the data source `{source}` needs `{name}`", cursor.key, help=f"add `{name}:`"
        )
    return Data(source, options, split)


def _read_source(cursor: Cursor) -> str:
    names = cursor.reading.catalogue.names("sources")
    node = cursor.node.get("source") if isinstance(cursor.node, Entries) else None
    listed = ", ".join(f"`{name}`" for name in names)
    if node is None:
        raise cursor.refuse(
            "missing-key",
            "`data` has no `source`",
            cursor.key,
            help=f"one of {listed}, or `file.py:function`",
        )
    child = Cursor(cursor.reading_of(node), f"{cursor.path}.source", cursor.reading)
    value = child.node.value if isinstance(child.node, Scalar) else None
    if not isinstance(value, str):
        raise child.refuse("wrong-type", f"`source` is a name, found {describe(child.node)}")
    if value not in names and not is_custom(value):
        help = did_you_mean(value, names) or f"one of {listed}, or `file.py:function`"
        raise child.refuse("unknown-source", f"there is no data source `{value}`", help=help)
    return value


def _read_promises(cursor: Cursor, hint: Any) -> tuple[Promise, ...]:
    promises = []
    for metric, child, _ in cursor.entries("`expect`"):
        with cursor.reading.gather():
            promises.append(_read_promise(metric, child))
    return tuple(promises)


def _read_promise(metric: str, cursor: Cursor) -> Promise:
    value = cursor.node.value if isinstance(cursor.node, Scalar) else None
    found = _PROMISE.match(value) if isinstance(value, str) else None
    try:
        if found is None:
            raise ValueError
        return Promise(metric, found[1], float(found[2]))  # type: ignore[arg-type]
    except ValueError:
        raise cursor.refuse(
            "bad-promise",
            f"a promise is a relation and a number, found {describe(cursor.node)}",
            help='such as `">= 0.93"`',
        ) from None
