"""Blocks and nested models -> Python functions."""

from kexp.export.body import Body
from kexp.export.layout import Code, call, code, flat, keyword, lines, sequence
from kexp.export.names import identifier, text_literal
from kexp.export.objects import as_factory
from kexp.export.pieces import Nested, Parameter, Pieces
from kexp.spec.types import Port


def functions(pieces: Pieces) -> list[str]:
    """Return what loads weights, the blocks that are used, in the spec's order, then the nested models."""
    blocks: dict[str, list[str]] = {}
    nested: list[list[str]] = []
    while len(blocks) < len(pieces.used_blocks) or len(nested) < len(pieces.nested):
        for name in [name for name in pieces.used_blocks if name not in blocks]:
            blocks[name] = _block(pieces, name)
        for model in pieces.nested[len(nested) :]:
            nested.append(_nested(pieces, model))
    written = [
        *pieces.sources.functions(),
        *(blocks[name] for name in pieces.blocks if name in blocks),
        *nested,
    ]
    return [line for function in written for line in ("", "", *function)] + (["", ""] if written else [])


def _block(pieces: Pieces, name: str) -> list[str]:
    signature = pieces.signature(name)
    values = {param: parameter.expression for param, parameter in signature.params.items()}
    body = Body(pieces, pieces.blocks[name].graph, signature.inputs, values)
    outputs = body.run()
    parameters = [code(python) for python in signature.inputs.values()]
    parameters += [_parameter(pieces, parameter) for parameter in signature.params.values()]
    if len(outputs) == 1:
        returned = lines(("return ", *outputs[0]), 1)
    else:
        returned = [f"    return {', '.join(flat(output) for output in outputs)}"]
    return [*_def(name, parameters), *body.statements, *returned]


def _parameter(pieces: Pieces, parameter: Parameter) -> Code:
    if parameter.is_required:
        return code(parameter.python)
    default = pieces.objects.value(parameter.default, pieces.plain_sight())
    return keyword(parameter.python, as_factory(default) if parameter.is_factory else default)


def _nested(pieces: Pieces, nested: Nested) -> list[str]:
    ports = nested.graph.inputs or (Port("input", "input"),)
    inputs = {p.name: "inputs" if p.name == "input" else identifier(p.name, pieces.taken) for p in ports}
    likes = {name: "like" if len(ports) == 1 else f"{python}_like" for name, python in inputs.items()}
    body = Body(pieces, nested.graph, inputs, nested.values)
    for port in ports:
        like = likes[port.name] if nested.is_like else None
        body.emit((f"{inputs[port.name]} = ", *_input(pieces, body, port, like)))
    outputs = body.run()
    if not flat(outputs[0]).isidentifier():
        body.emit(("outputs = ", *outputs[0]))
        outputs = [code("outputs")]
    given = [code(python) for python in inputs.values()]
    named = [] if nested.label is None else [keyword("name", code(text_literal(nested.label)))]
    made = call(code("keras.Model"), _one_or_all(given), _one_or_all(outputs), *named)
    parameters = [*(likes.values() if nested.is_like else ()), *nested.parameters]
    head = _def(nested.function, [code(name) for name in parameters])
    return [*head, *body.statements, *lines(("return ", *made), 1)]


def _input(pieces: Pieces, body: Body, port: Port, like: str | None) -> Code:
    """Return an input of a declared shape, or one shaped after the tensor `like`."""
    declared = pieces.objects.value(port.shape, body.sight()) if port.shape is not None else None
    if like is None:
        assert declared is not None
        typed = [] if port.dtype == "float32" else [keyword("dtype", code(text_literal(port.dtype)))]
        return call(code("keras.Input"), declared, *typed)
    shape = declared or code(f"{like}.shape[1:]")
    return call(code("keras.Input"), shape, keyword("dtype", code(f"{like}.dtype")))


def _one_or_all(tensors: list[Code]) -> Code:
    return tensors[0] if len(tensors) == 1 else sequence(tuple(tensors))


def _def(name: str, parameters: list[Code]) -> list[str]:
    return lines(call(code(f"def {name}"), *parameters), 0, ":")
