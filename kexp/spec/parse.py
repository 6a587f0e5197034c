"""Document -> Experiment, or every fault of the document at once."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from kexp.diagnostics import Diagnostic, Severity, in_order
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
from kexp.spec.elsewhere import misplaced_keys
from kexp.spec.graphs import check_wiring, read_graph, read_group
from kexp.spec.pipelines import read_layers, read_pipeline
from kexp.spec.reader import (
    MAX_FAULTS,
    Cursor,
    Reading,
    Reads,
    TooManyFaults,
    describe,
    read_each,
    read_record,
)
from kexp.spec.rules import findings
from kexp.spec.rules.draft import draft_of
from kexp.spec.sources import read_data
from kexp.spec.stages import read_training
from kexp.spec.types import (
    LANGUAGE_VERSION,
    Arguments,
    Best,
    Block,
    Data,
    Duration,
    Experiment,
    Graph,
    Group,
    ModelOrClass,
    Named,
    NamedList,
    OneOrMany,
    PerOutput,
    Pipeline,
    Promise,
    Training,
)
from kexp.spec.variables import read_variables

_PROMISE = re.compile(r"\s*(>=|<=|>|<)\s*([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)\s*")

_DURATION = re.compile(r"\s*([1-9][0-9]{0,11})\s+(step|epoch|second|minute|hour)s?\s*")


@dataclass(frozen=True, slots=True)
class Checked:
    """What a document came to: its diagnostics sorted by place, and no experiment after an error."""

    experiment: Experiment | None
    diagnostics: tuple[Diagnostic, ...]

    def of(self, severity: Severity) -> tuple[Diagnostic, ...]:
        return tuple(d for d in self.diagnostics if d.severity == severity)


def parse_experiment(document: Document) -> Experiment:
    """Return the experiment that a document describes, whatever `check` warns of.

    Raises: SpecError with all errors, sorted by place.
    """
    checked = check(document)
    if checked.experiment is None:
        raise SpecError(*checked.of("error"))
    return checked.experiment


def check(document: Document) -> Checked:
    """Read a document and compare its keys; what could not be read hides only what depends on it."""
    reading = Reading(
        catalogue(),
        {},
        _readers(document.root),
        [*_with_paths(document)],
        misplaced=misplaced_keys(document.root),
    )
    experiment: Experiment | None = None
    try:
        with reading.gather():
            experiment = _read(document, reading)
    except TooManyFaults:
        message = f"the check ends here, after {MAX_FAULTS} faults"
        help = "mend them first, and check again"
        reading.warnings.append(Diagnostic("too-many-faults", message, severity="warning", help=help))
    diagnostics = tuple(in_order((*reading.faults, *reading.warnings)))
    if experiment is None or reading.faults:
        return Checked(None, diagnostics)
    name = experiment.name or _default_name(document)
    return Checked(replace(experiment, name=name, document=document), diagnostics)


def _read(document: Document, reading: Reading) -> Experiment | None:
    """Read all sections, then compare them; None where there is a fault in one.

    Raises: Unreadable, TooManyFaults.
    """
    experiment: Experiment | None = None
    root = Cursor(document.root, "", reading)
    _check_root(root)
    with reading.gather():
        read_variables(root)
    with reading.gather():
        read_blocks(root, reading.blocks)
    with reading.gather():
        experiment = read_record(root, Experiment, frozenset({"vars"}))
    check_wiring(reading)
    for finding in islice(findings(draft_of(document, reading)), MAX_FAULTS):
        (reading.warnings if finding.severity == "warning" else reading.faults).append(finding)
    return experiment


def _with_paths(document: Document) -> Iterator[Diagnostic]:
    """Yield the faults of the text with the paths of what they are about."""
    for fault in document.faults:
        spans = [fault.span, *(related.span for related in fault.related)]
        paths = (document.path_of(span) for span in spans if span is not None)
        yield fault if fault.path else replace(fault, path=next(filter(None, paths), ""))


def _readers(root: Node) -> dict[Any, Reads]:
    return {
        Graph: read_graph,
        Group: read_group,
        Mapping[str, Block]: lambda cursor, hint: cursor.reading.blocks,
        Data: read_data,
        Named: read_one,
        NamedList: read_list,
        OneOrMany: read_layers,
        Pipeline: read_pipeline,
        PerOutput: read_per_output,
        Arguments: read_arguments,
        ModelOrClass: read_model,
        Training: _read_training(root),
        tuple[Promise, ...]: _read_promises,
        Best: _read_best,
        Duration: _read_duration,
    }


def _read_training(root: Node) -> Reads:
    """Return how `train` is read: a graph needs optimizer and loss, a model class may bring its own."""
    model = root.get("model") if isinstance(root, Entries) else None
    needed = () if looks_like_object(model) else ("optimizer", "loss")
    return lambda cursor, hint: read_training(cursor, needed)


def _check_root(root: Cursor) -> None:
    """Refuse what is no spec, or one of another version, before its keys are judged."""
    if not isinstance(root.node, Entries):
        raise root.refuse(
            "not-a-spec",
            f"a spec is a map with at least `data`, `model` and `train`, found {describe(root.node)}",
            help="`kexp init` writes one to start from",
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


def _read_best(cursor: Cursor, hint: Any) -> Best:
    """Read what is watched: its bare name, or a map."""
    node = cursor.node
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return Best(node.value)
    best: Best = read_record(cursor, Best)
    return best


def _read_duration(cursor: Cursor, hint: Any) -> Duration:
    value = cursor.node.value if isinstance(cursor.node, Scalar) else None
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise cursor.refuse(
            "bad-duration",
            f"`{cursor.path.rpartition('.')[2]}` must be a number and a unit, found {describe(cursor.node)}",
            help="such as `500 steps`, `5 minutes` or `1 epoch`",
        )
    unit: Any = f"{found[2]}s"
    return Duration(int(found[1]), unit)


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
