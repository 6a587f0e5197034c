"""Document -> Experiment, or every fault of the document at once."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from kexp.diagnostics import in_order
from kexp.document import Document, Entries, Node, Scalar
from kexp.errors import SpecError
from kexp.spec.blocks import read_blocks
from kexp.spec.catalogue import catalogue
from kexp.spec.components import (
    looks_like_object,
    read_arguments,
    read_list,
    read_model,
    read_one,
    read_per_output,
)
from kexp.spec.graphs import check_wiring, read_graph, read_group
from kexp.spec.reader import (
    Cursor,
    Reading,
    Reads,
    describe,
    read_each,
    read_record,
)
from kexp.spec.rules import check_rules
from kexp.spec.sources import read_data
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
        Data: read_data,
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
