"""`.py`: the plain Keras script that a person would write; nothing of kexp is left in it."""

from collections.abc import Mapping
from pathlib import Path

from kexp.export.body import Body
from kexp.export.built import Built
from kexp.export.compiling import compile_statement, fit_hint
from kexp.export.imports import import_lines
from kexp.export.layout import Code, call, code, flat, keyword, lines, mapping, sequence
from kexp.export.names import text_literal
from kexp.export.objects import literal
from kexp.export.pieces import Nested, Pieces, used_in
from kexp.spec.phases import phases
from kexp.spec.types import Component, Experiment, Graph
from kexp.spec.wiring import output_names

_PLACEHOLDER = "inputs"


def script(built: Built, folder: Path) -> bytes:
    """Return the script; `folder` is where it will lie, which the import of own code depends on."""
    experiment = built.experiment
    pieces = Pieces(experiment, built.context)
    model = _model_class(pieces, experiment.model) if isinstance(experiment.model, Component) else _graph(built, pieces)
    tail = [*compile_statement(experiment, pieces), "", *fit_hint(experiment, pieces)]
    functions = _functions(pieces)
    head = _head(experiment, built, pieces, folder)
    text = "\n".join([*head, *functions, *model, *tail])
    return f"{text}\n".encode()


def _head(experiment: Experiment, built: Built, pieces: Pieces, folder: Path) -> list[str]:
    from_keras = "from keras import layers, ops" if pieces.uses_ops else "from keras import layers"
    described = experiment.description.strip().splitlines()
    first = described[0].replace('"', "'") if described else f"The model `{experiment.name}`"
    head = [f'"""{first.rstrip(".")}, in plain Keras."""', ""]
    head += import_lines(pieces.objects, built.context.folder, folder, from_keras)
    settings = []
    if experiment.seed is not None:
        settings.append(f"keras.utils.set_random_seed({experiment.seed})")
    if experiment.runtime.precision != "float32":
        settings.append(f"keras.config.set_dtype_policy({text_literal(experiment.runtime.precision)})")
    settings += [f"{name} = {literal(value)}" for name, value in pieces.constants.items()]
    return [*head, *settings, *([""] if settings else [])]


def _graph(built: Built, pieces: Pieces) -> list[str]:
    """Write the model's own graph."""
    graph, model = built.experiment.model, built.model
    assert isinstance(graph, Graph)
    names = [tensor.name for tensor in model.inputs]
    ports = {}
    for name in names:
        ports[name] = _input_variable(name, pieces)
    body = Body(pieces, graph, ports, {}, depth=0)
    for name, tensor in zip(names, model.inputs, strict=True):
        body.emit((f"{ports[name]} = ", *_input(tuple(tensor.shape[1:]), str(tensor.dtype), name)))
    outputs = body.run()
    given = code(ports[names[0]]) if len(names) == 1 else sequence(tuple(code(ports[name]) for name in names))
    if graph.outputs is None and not flat(outputs[0]).isidentifier():
        body.emit(("outputs = ", *outputs[0]))
        outputs = [code("outputs")]
    made = call(code("keras.Model"), given, _outputs(graph, outputs), keyword("name", code(text_literal(model.name))))
    body.emit(("model = ", *made))
    body.statements += _output_names(built.experiment, graph, body)
    return body.statements


def _input_variable(name: str, pieces: Pieces) -> str:
    from kexp.export.names import identifier

    return identifier(name, pieces.taken)


def _input(shape: tuple[int | None, ...], dtype: str, name: str) -> Code:
    arguments = [code(repr(shape))]
    if dtype != "float32":
        arguments.append(keyword("dtype", code(text_literal(dtype))))
    return call(code("keras.Input"), *arguments, keyword("name", code(text_literal(name))))


def _outputs(graph: Graph, outputs: list[Code]) -> Code:
    if isinstance(graph.outputs, Mapping):
        return mapping(tuple((text_literal(k), o) for k, o in zip(graph.outputs, outputs, strict=True)))
    return outputs[0] if len(outputs) == 1 else sequence(tuple(outputs))


def _output_names(experiment: Experiment, graph: Graph, body: Body) -> list[str]:
    """Name list outputs where losses go by names that their layers do not have."""
    names = output_names(graph)
    train = phases(experiment)[0].experiment.train
    by_output = any(isinstance(v, Mapping) for v in (train.loss, train.metrics, train.weighted_metrics, train.loss_weights))
    if names is None or isinstance(graph.outputs, Mapping) or not by_output:
        return []
    if all(body.layer_names.get(name) == name for name in names):
        return []
    listed = sequence(tuple(code(text_literal(name)) for name in names))
    return lines(("model.output_names = ", *listed))


def _functions(pieces: Pieces) -> list[str]:
    """Write the blocks that are used, and the nested models that are no chains."""
    written: dict[str, list[str]] = {}
    nested: list[list[str]] = []
    while len(written) < len(pieces.used_blocks) or len(nested) < len(pieces.nested):
        for name in [name for name in pieces.used_blocks if name not in written]:
            written[name] = _block(pieces, name)
        for each in pieces.nested[len(nested) :]:
            nested.append(_nested(pieces, each))
    functions = [written[name] for name in used_in(pieces.blocks, pieces.used_blocks)] + nested
    spaced = [line for function in functions for line in ("", *function, "")]
    return [*spaced, ""] if spaced else []


def _block(pieces: Pieces, name: str) -> list[str]:
    signature, graph = pieces.signature(name), pieces.blocks[name].graph
    values = {param: parameter.expression for param, parameter in signature.params.items()}
    body = Body(pieces, graph, signature.inputs, values)
    outputs = body.run()
    arguments = [code(python) for python in signature.inputs.values()]
    for param in signature.params.values():
        default = pieces.objects.value(param.default, pieces.plain_sight())
        if param.is_factory and not param.is_required:
            from kexp.export.objects import as_factory

            default = as_factory(default)
        arguments.append(code(param.python) if param.is_required else keyword(param.python, default))
    return [*_def(name, arguments), *body.statements, *_return(outputs)]


def _nested(pieces: Pieces, nested: Nested) -> list[str]:
    graph = nested.graph
    ports = [port.name for port in graph.inputs or ()] or ["input"]
    inputs = {port: "inputs" if port == "input" else _input_variable(port, pieces) for port in ports}
    likes = {port: "like" if len(ports) == 1 else f"{inputs[port]}_like" for port in ports}
    body = Body(pieces, graph, inputs, nested.values)
    sight = body.sight()
    for port in ports:
        declared = next((p for p in graph.inputs or () if p.name == port), None)
        if declared is not None and declared.shape is not None:
            shape = pieces.objects.value(declared.shape, sight)
        else:
            shape = code(f"{likes[port]}.shape[1:]")
        dtype = code(f"{likes[port]}.dtype") if nested.is_like else code(text_literal(declared.dtype if declared else "float32"))
        arguments = [shape] if flat(dtype) == '"float32"' else [shape, keyword("dtype", dtype)]
        body.emit((f"{inputs[port]} = ", *call(code("keras.Input"), *arguments)))
    outputs = body.run()
    given = code(inputs[ports[0]]) if len(ports) == 1 else sequence(tuple(code(inputs[p]) for p in ports))
    if len(outputs) == 1 and not flat(outputs[0]).isidentifier():
        body.emit(("outputs = ", *outputs[0]))
        outputs = [code("outputs")]
    result = outputs[0] if len(outputs) == 1 else sequence(tuple(outputs))
    named = [keyword("name", code(text_literal(nested.label)))] if nested.label else []
    made = call(code("keras.Model"), given, result, *named)
    parameters = [code(name) for name in likes.values()] if nested.is_like else []
    parameters += [code(python.removesuffix("()")) for python in nested.values.values()]
    return [*_def(nested.function, parameters), *body.statements, *lines(("return ", *made), 1)]


def _def(name: str, parameters: list[Code]) -> list[str]:
    return lines(call(code(f"def {name}"), *parameters), 0, ":")


def _return(outputs: list[Code]) -> list[str]:
    if len(outputs) == 1:
        return lines(("return ", *outputs[0]), 1)
    return [f"    return {', '.join(flat(output) for output in outputs)}"]


def _model_class(pieces: Pieces, component: Component) -> list[str]:
    raise NotImplementedError
