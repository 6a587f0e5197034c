"""`.py`: the plain Keras script that a person would write; nothing of kexp is left in it."""

from collections.abc import Mapping
from pathlib import Path

from kexp.export.body import Body
from kexp.export.built import Built
from kexp.export.compiling import compile_statement, fit_hint
from kexp.export.functions import functions
from kexp.export.imports import import_lines
from kexp.export.layout import Code, call, code, flat, keyword, lines, mapping, sequence
from kexp.export.names import identifier, text_literal
from kexp.export.objects import literal
from kexp.export.pieces import Pieces
from kexp.spec.phases import phases
from kexp.spec.types import Component, Experiment, Graph
from kexp.spec.wiring import output_names


def script(built: Built, folder: Path) -> bytes:
    """Return the script; `folder` is where it will lie, on which the import of own code depends."""
    experiment = built.experiment
    pieces = Pieces(experiment, built.context, _inputs(built))
    model = _model(built, pieces)
    compiled = compile_statement(experiment, pieces)
    hint = fit_hint(experiment, pieces)
    defined = functions(pieces)
    settings = _settings(experiment, pieces)
    body = [*settings, *([""] if settings and not defined else []), *defined, *model, *compiled, "", *hint]
    keras_names = [name for name in ("layers", "ops") if any(f"{name}." in line for line in body)]
    described = experiment.description.strip().splitlines() or [f"The model `{experiment.name}`"]
    title = described[0].replace("\\", "/").replace('"', "'").rstrip(".")
    imports = import_lines(pieces, built.context.folder, folder, keras_names)
    return "\n".join([f'"""{title}, in plain Keras."""', "", *imports, "", *body, ""]).encode()


def _inputs(built: Built) -> list[str]:
    """Return the names of the model's inputs; a model class of the user's own has none."""
    return [tensor.name for tensor in getattr(built.model, "inputs", None) or ()]


def _settings(experiment: Experiment, pieces: Pieces) -> list[str]:
    settings = [line for opened in pieces.sources.settings() for line in lines(opened)]
    if experiment.seed is not None:
        settings.append(f"keras.utils.set_random_seed({experiment.seed})")
    if experiment.runtime.precision != "float32":
        settings.append(f"keras.config.set_dtype_policy({text_literal(experiment.runtime.precision)})")
    settings += [f"{name} = {literal(value)}" for name, value in pieces.constants.items()]
    return settings


def _model(built: Built, pieces: Pieces) -> list[str]:
    """Write the inputs, the steps and the model."""
    graph, model = built.experiment.model, built.model
    if isinstance(graph, Component):
        return _model_class(pieces, graph)
    ports = {tensor.name: identifier(tensor.name, pieces.taken) for tensor in model.inputs}
    body = Body(pieces, graph, ports, {}, depth=0)
    for tensor in model.inputs:
        arguments = [code(literal(tuple(tensor.shape[1:])))]
        if tensor.dtype != "float32":
            arguments.append(keyword("dtype", code(text_literal(tensor.dtype))))
        named = keyword("name", code(text_literal(tensor.name)))
        body.emit((f"{ports[tensor.name]} = ", *call(code("keras.Input"), *arguments, named)))
    outputs = body.run()
    if not flat(outputs[0]).isidentifier() and len(outputs) == 1 and graph.outputs is None:
        body.emit(("outputs = ", *outputs[0]))
        outputs = [code("outputs")]
    given = [code(python) for python in ports.values()]
    inputs = given[0] if len(given) == 1 else sequence(tuple(given))
    named = keyword("name", code(text_literal(model.name)))
    body.emit(("model = ", *call(code("keras.Model"), inputs, _outputs(graph, outputs), named)))
    return [*body.statements, *_output_names(built.experiment, graph, body)]


def _outputs(graph: Graph, outputs: list[Code]) -> Code:
    if isinstance(graph.outputs, Mapping):
        return mapping(tuple((text_literal(k), o) for k, o in zip(graph.outputs, outputs, strict=True)))
    return outputs[0] if len(outputs) == 1 else sequence(tuple(outputs))


def _output_names(experiment: Experiment, graph: Graph, body: Body) -> list[str]:
    """Name list outputs where losses go by names that their layers do not have."""
    names = output_names(graph)
    train = phases(experiment)[0].experiment.train
    given = (train.loss, train.metrics, train.weighted_metrics, train.loss_weights)
    by_output = any(isinstance(value, Mapping) for value in given)
    if names is None or isinstance(graph.outputs, Mapping) or not by_output:
        return []
    if all(body.labels.get(name) == name for name in names):
        return []
    return lines(("model.output_names = ", *sequence(tuple(code(text_literal(name)) for name in names))))


def _model_class(pieces: Pieces, component: Component) -> list[str]:
    """Write a model class of the user's own, with the graphs that it receives."""
    body = Body(pieces, Graph(()), {}, {}, depth=0)
    return lines(("model = ", *pieces.objects.component(component, body.sight())))
