"""`preprocess` and `augment`, compared with one another, with the model, and with what names an entry."""

from collections.abc import Iterator, Mapping, Sequence

from kexp.diagnostics import Diagnostic
from kexp.errors import did_you_mean
from kexp.spec.formula import named_in
from kexp.spec.pipelines import ENCODERS, augmented_names, is_entry, taken_names
from kexp.spec.references import formulas
from kexp.spec.rules.draft import Draft
from kexp.spec.types import Component, Experiment, Pipeline

MAX_DEPTH = 64
MAX_WAYS = 1000


def pipeline_faults(draft: Draft) -> Iterator[Diagnostic]:
    """Entries take what there is, and what takes an entry finds it."""
    draft.need("preprocess", "augment", "model")
    for fault in _faults(draft.experiment):
        locate = draft.document.locate if fault.path.endswith("]") else draft.document.locate_key
        yield fault.at(fault.span or locate(fault.path))


def _faults(experiment: Experiment) -> Iterator[Diagnostic]:
    for entry, pipeline in experiment.preprocess.items():
        yield from _applications("preprocess", pipeline.layers)
        yield from _taken_twice(entry, pipeline)
    circle = _circle(experiment.preprocess)
    if circle:
        chain = " -> ".join(f"`{name}`" for name in circle)
        message = f"the entries of `preprocess` take one another: {chain}"
        help = "a name in `from` is an entry that has a `from` itself, or else a column of the data"
        yield Diagnostic("preprocess-cycle", message, f"preprocess.{circle[0]}", help=help)
    else:
        yield from _too_deep(experiment.preprocess)
        yield from _vocabularies(experiment)
    for layers in experiment.augment.values():
        yield from _applications("augment", layers)
    yield from _augmented(experiment)


def _applications(section: str, layers: Sequence[Component]) -> Iterator[Diagnostic]:
    for layer in layers:
        if layer.namespace == "applications":
            message = f"`{layer.name}` has weights to train, and nothing is trained in `{section}`"
            help = "put it into `model`"
            yield Diagnostic("layer-with-weights", message, layer.path, layer.span, help=help)


def _taken_twice(entry: str, pipeline: Pipeline) -> Iterator[Diagnostic]:
    for number, name in enumerate(pipeline.takes):
        if name in pipeline.takes[:number]:
            message = f"`{entry}` takes `{name}` twice"
            yield Diagnostic("duplicate-name", message, f"preprocess.{entry}.from[{number}]")


def _entries_taken(entry: str, preprocess: Mapping[str, Pipeline]) -> list[str]:
    return [name for name in taken_names(entry, preprocess) if is_entry(name, entry, preprocess)]


def _circle(preprocess: Mapping[str, Pipeline]) -> list[str]:
    """Return entries of which each takes the next, back to the first; nothing where there are none."""
    done: set[str] = set()
    for start in preprocess:
        path = {start: iter(_entries_taken(start, preprocess))}
        while path:
            entry = next(reversed(path))
            name = next((name for name in path[entry] if name not in done), None)
            if name in path:
                names = list(path)
                return [*names[names.index(name) :], name]
            if name is None:
                done.add(entry)
                del path[entry]
            else:
                path[name] = iter(_entries_taken(name, preprocess))
    return []


def _too_deep(preprocess: Mapping[str, Pipeline]) -> Iterator[Diagnostic]:
    """Whatever an entry takes is computed for it, so ways that part and meet again multiply the work."""
    ways: dict[str, int] = {}
    depths: dict[str, int] = {}
    waiting = list(preprocess)
    while waiting:
        entry = waiting[-1]
        taken = _entries_taken(entry, preprocess)
        missing = [name for name in taken if name not in ways]
        if missing:
            waiting += missing
            continue
        waiting.pop()
        ways[entry] = min(sum(ways[name] for name in taken) + 1, MAX_WAYS + 1)
        depths[entry] = max((depths[name] for name in taken), default=0) + 1
    found = next((e for e in preprocess if ways[e] > MAX_WAYS or depths[e] > MAX_DEPTH), None)
    if found is not None:
        message = f"`{found}` takes entries more than {MAX_DEPTH} deep, or in more than {MAX_WAYS:,} ways"
        yield Diagnostic("too-deep", message, f"preprocess.{found}")


def _vocabularies(experiment: Experiment) -> Iterator[Diagnostic]:
    """What `vocabulary_size` names must be an entry whose layers number things."""
    preprocess = experiment.preprocess
    for formula in formulas(experiment):
        for name in sorted(named_in(formula.text, "vocabulary_size")):
            if name not in preprocess:
                message = f"`vocabulary_size({name})` needs an entry `{name}` under `preprocess`"
                help = did_you_mean(name, preprocess) or f"add `preprocess: {{{name}: [TextVectorization]}}`"
            elif not any(layer.is_custom or layer.name in ENCODERS for layer in preprocess[name].layers):
                message = f"no layer of `preprocess.{name}` has a vocabulary"
                help = f"those that have: {', '.join(f'`{layer}`' for layer in ENCODERS)}"
            else:
                continue
            yield Diagnostic("unknown-vocabulary", message, span=formula.span, help=help)


def _augmented(experiment: Experiment) -> Iterator[Diagnostic]:
    """No input is augmented twice, and what is augmented first is an input of the model."""
    ports = experiment.graph.inputs if experiment.graph else None
    inputs = [name for port in ports or () for name in dict.fromkeys((port.name, port.column))]
    seen: dict[str, str] = {}
    for key, layers in experiment.augment.items():
        path = f"augment.{key}"
        names = augmented_names(key)
        for name in names:
            if not name:
                yield Diagnostic("bad-name", f"`{key}` holds no name between two commas", path)
            elif name in seen:
                help = f"put all its layers in one list, under `{seen[name]}`"
                yield Diagnostic("duplicate-name", f"`{name}` is augmented twice", path, help=help)
            seen[name] = key
        if ports is not None and names[0] and names[0] not in inputs:
            listed = f"its inputs are {', '.join(f'`{name}`' for name in inputs)}"
            help = did_you_mean(names[0], inputs) or listed
            yield Diagnostic("unknown-input", f"the model has no input `{names[0]}`", path, help=help)
        yield from _learners(layers)


def _learners(layers: Sequence[Component]) -> Iterator[Diagnostic]:
    for layer in layers:
        if layer.name in ("Normalization", *ENCODERS):
            message = f"`{layer.name}` prepares all data, and `augment` is for training batches only"
            help = "put it under `preprocess`"
            yield Diagnostic("not-for-augment", message, layer.path, layer.span, help=help)
