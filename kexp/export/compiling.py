"""`train` -> `model.compile(…)`, and how to go on."""

from collections import Counter
from collections.abc import Iterator, Mapping

from kexp.export.layout import WIDTH, Code, call, code, keyword, lines, mapping, sequence
from kexp.export.names import text_literal
from kexp.export.pieces import Pieces
from kexp.spec.phases import phases
from kexp.spec.types import Component, Experiment, Objective, Training
from kexp.spec.wiring import snake_case

_COMMENTED = WIDTH - len("# ")


def compile_statement(experiment: Experiment, pieces: Pieces, width: int = WIDTH) -> list[str]:
    """Return the statement that compiles the model as the first phase does."""
    train = phases(experiment)[0].experiment.train
    writer = _Objectives(pieces, train)
    given: list[tuple[str, Code]] = []
    if train.optimizer is not None:
        given.append(("optimizer", writer.objective(train.optimizer)))
    if train.loss is not None:
        given.append(("loss", writer.losses(train)))
    if train.loss_weights:
        given.append(("loss_weights", _weights(train.loss_weights)))
    for name in ("metrics", "weighted_metrics"):
        if getattr(train, name):
            given.append((name, writer.metrics(getattr(train, name))))
    given += [(name, pieces.objects.value(value, writer.sight)) for name, value in train.compile.items()]
    if experiment.runtime.steps_per_execution != 1:
        given.append(("steps_per_execution", code(str(experiment.runtime.steps_per_execution))))
    if experiment.runtime.jit_compile is not None:
        given.append(("jit_compile", code(str(experiment.runtime.jit_compile))))
    return lines(call(code("model.compile"), *(keyword(name, value) for name, value in given)), width=width)


def fit_hint(experiment: Experiment, pieces: Pieces) -> list[str]:
    """Return the training as comments; the data is the reader's."""
    found = phases(experiment)
    hint = ["# The data comes from you; the training of the spec is:", *_adapting(pieces)]
    for phase in found:
        train = phase.experiment.train
        for _, name, trainable in phase.named_layers():
            layer = pieces.naming.lookup(name)
            hint.append(f"# {layer or _nameless(name)}.trainable = {trainable}")
        if phase is not found[0] or phase.freeze or phase.unfreeze:
            hint += [f"# {line}" for line in compile_statement(phase.experiment, pieces, _COMMENTED)]
        hint += [f"# {line}" for line in lines(_fit(experiment, train, pieces), width=_COMMENTED)]
    return hint


def _adapting(pieces: Pieces) -> list[str]:
    """Return what the layers that learn from data need before the first batch."""
    naming = pieces.naming
    several = len(naming.inputs) > 1
    return [
        f"# {_nameless(full) if name is None else f'model.get_layer({text_literal(name)})'}"
        f".adapt({f'{port}_train' if several else 'x_train'})"
        for full, (name, port) in naming.adapted.items()
    ]


def _nameless(name: str) -> str:
    """Stand for a layer that one line makes with others: no line of the script can name it."""
    return f"<the layer that is `{name}` in the spec>"


def _fit(experiment: Experiment, train: Training, pieces: Pieces) -> Code:
    arguments = [code("x_train"), code("y_train")]
    arguments += [
        keyword("batch_size", code(str(train.batch_size))),
        keyword("epochs", code(str(train.epochs))),
    ]
    if experiment.data.split.val is not None:
        arguments.append(keyword("validation_data", code("(x_val, y_val)")))
    if train.class_weight:
        arguments.append(keyword("class_weight", _weights(train.class_weight)))
    if train.callbacks:
        sight = pieces.plain_sight()
        made = tuple(pieces.objects.component(callback, sight) for callback in train.callbacks)
        arguments.append(keyword("callbacks", sequence(made)))
    return call(code("model.fit"), *arguments)


def _weights(weights: Mapping[str, float]) -> Code:
    return mapping(
        tuple((name if name.isdigit() else text_literal(name), code(repr(v))) for name, v in weights.items())
    )


class _Objectives:
    """Writes optimizer, losses and metrics; metrics of one class are told apart as kexp does."""

    def __init__(self, pieces: Pieces, train: Training) -> None:
        self.pieces, self.sight = pieces, pieces.plain_sight()
        listed = [*_all_metrics(train.metrics), *_all_metrics(train.weighted_metrics)]
        self.stems = Counter(snake_case(m) for m in listed if isinstance(m, Component))

    def objective(self, objective: Objective) -> Code:
        if isinstance(objective, Component):
            return self.pieces.objects.component(objective, self.sight)
        return code(text_literal(objective))

    def losses(self, train: Training) -> Code:
        if not isinstance(train.loss, Mapping):
            assert train.loss is not None
            return self.objective(train.loss)
        entries = ((n, code("None") if o is None else self.objective(o)) for n, o in train.loss.items())
        return mapping(tuple((text_literal(name), value) for name, value in entries))

    def metrics(self, metrics: object) -> Code:
        if isinstance(metrics, Mapping):
            return mapping(
                tuple((text_literal(name), self._listed(given)) for name, given in metrics.items())
            )
        assert isinstance(metrics, tuple)
        return self._listed(metrics)

    def _listed(self, metrics: tuple[Objective, ...]) -> Code:
        counts: Counter[str] = Counter()
        return sequence(tuple(self._metric(metric, counts) for metric in metrics))

    def _metric(self, metric: Objective, counts: Counter[str]) -> Code:
        if not isinstance(metric, Component):
            return self.objective(metric)
        stem = snake_case(metric)
        if metric.is_custom or "name" in (metric.options or {}) or self.stems[stem] == 1:
            return self.objective(metric)
        number = counts[stem]
        counts[stem] += 1
        name = f"{stem}_{number}" if number else stem
        return self.pieces.objects.component(metric, self.sight, {"name": code(text_literal(name))})


def _all_metrics(metrics: object) -> Iterator[Objective]:
    if isinstance(metrics, Mapping):
        for listed in metrics.values():
            yield from _all_metrics(listed)
    elif isinstance(metrics, tuple):
        yield from metrics
