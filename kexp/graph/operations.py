"""A node of `keras.ops` -> the expression that makes it."""

import ast
import inspect
from collections.abc import Sequence
from functools import cache
from typing import Any

import keras

from kexp.errors import SpecError
from kexp.spec.expression import OPERATORS, compute_expression
from kexp.spec.types import Expr

TENSOR = "T__"
"""Begins the name that stands for the n-th tensor of an expression, until the tensors have names."""
_SHORTER = {"absolute": "abs"}
_FUNCTIONS_OF_OPERATORS = {name: operator for operator, name in OPERATORS.items()}


def expression_of(node: Any) -> tuple[Expr, tuple[Any, ...]]:
    """Return an expression over `T__0`, `T__1`, …, and the tensors these stand for.

    Raises: SpecError (unknown-operation) unless the expression gives the same operation.
    """
    tensors: list[Any] = []

    def written(value: Any) -> ast.expr:
        if isinstance(value, keras.KerasTensor):
            place = next((i for i, t in enumerate(tensors) if t is value), len(tensors))
            if place == len(tensors):
                tensors.append(value)
            return ast.Name(f"{TENSOR}{place}")
        return _constant(value, written)

    operation = node.operation
    try:
        tree = _tree(operation, node.arguments, written)
        text = ast.unparse(ast.fix_missing_locations(ast.Expression(tree)))
        names = tuple(f"{TENSOR}{index}" for index in range(len(tensors)))
        given = dict(zip(names, tensors, strict=True))
        made = compute_expression(text, given, lambda name: getattr(keras.ops, name))
    except (KeyError, TypeError, ValueError, AssertionError) as error:
        raise _refused(operation) from error
    if not _same(keras.tree.flatten(made)[0]._keras_history.operation, operation):
        raise _refused(operation)
    return Expr(text, names), tuple(tensors)


def _refused(operation: Any) -> SpecError:
    return SpecError(
        *SpecError.because(
            "unknown-operation",
            f"the operation `{operation.name}` ({type(operation).__name__}) has no expression in a spec",
            help="put it into a layer of your own, and write that as `file.py:Name`",
        ).diagnostics
    )


def _same(made: Any, operation: Any) -> bool:
    return type(made) is type(operation) and _attributes(made) == _attributes(operation)


def _attributes(operation: Any) -> dict[str, str]:
    names = [name for name in inspect.signature(type(operation).__init__).parameters if name != "self"]
    return {n: _plain(getattr(operation, n)) for n in names if n != "name" and hasattr(operation, n)}


def _plain(value: Any) -> str:
    return repr(list(value) if isinstance(value, (list, tuple)) else value)


@cache
def _functions() -> dict[tuple[str, str], str]:
    """Return the functions of `keras.ops` by the module and name of the class of their nodes."""
    found: dict[tuple[str, str], str] = {}
    for name, function in inspect.getmembers(keras.ops, inspect.isfunction):
        found[function.__module__, name.replace("_", "")] = name
    return found


def _tree(operation: Any, arguments: Any, written: Any) -> ast.expr:
    made = type(operation)
    if made.__name__ == "GetItem":
        container, key = list(arguments.args) + list(arguments.kwargs.values())
        return ast.Subscript(written(container), written(tuple(key) if isinstance(key, list) else key))
    name = _functions()[made.__module__, made.__name__.lower()]
    name = _SHORTER.get(name, name)
    parameters = inspect.signature(getattr(keras.ops, name)).parameters
    call = inspect.signature(operation.call)
    bound = call.bind(*arguments.args, **arguments.kwargs)
    given = {**{p: getattr(operation, p) for p in parameters if hasattr(operation, p)}, **bound.arguments}
    variadic = next((p for p in call.parameters.values() if p.kind is p.VAR_POSITIONAL), None)
    if variadic is not None:
        spread = [written(value) for value in given.pop(variadic.name, ())]
        leading = [written(given.pop(p)) for p in parameters if p in given and p in _attributes(operation)]
        return ast.Call(ast.Name(name), leading + spread, [])
    if name in _FUNCTIONS_OF_OPERATORS and name not in ("logical_and", "logical_or", "logical_not"):
        return _operator(name, [written(value) for value in bound.arguments.values()])
    return _function(name, given, list(parameters.values()), written)


def _operator(name: str, values: list[ast.expr]) -> ast.expr:
    operator = _FUNCTIONS_OF_OPERATORS[name]()
    if isinstance(operator, ast.cmpop):
        return ast.Compare(values[0], [operator], values[1:])
    if isinstance(operator, ast.unaryop):
        return ast.UnaryOp(operator, values[0])
    assert isinstance(operator, ast.operator)
    return ast.BinOp(values[0], operator, values[1])


def _function(
    name: str, given: dict[str, Any], parameters: list[inspect.Parameter], written: Any
) -> ast.expr:
    """Write a call: what is required and tensors by position, the rest by name where it is no default."""
    unknown = set(given) - {p.name for p in parameters}
    if unknown:
        raise KeyError(min(unknown))
    positional = []
    for parameter in parameters:
        by_place = parameter.default is parameter.empty or isinstance(
            given.get(parameter.name), keras.KerasTensor
        )
        if not by_place:
            break
        positional.append(written(given[parameter.name]))
    named = [
        ast.keyword(p.name, written(given[p.name]))
        for p in parameters[len(positional) :]
        if p.name in given and _plain(given[p.name]) != _plain(p.default)
    ]
    return ast.Call(ast.Name(name), positional, named)


def _constant(value: Any, written: Any) -> ast.expr:
    match value:
        case None | bool() | str():
            return ast.Constant(value)
        case int() | float():
            return ast.UnaryOp(ast.USub(), ast.Constant(-value)) if value < 0 else ast.Constant(value)
        case slice():
            parts = (value.start, value.stop, value.step)
            return ast.Slice(*(None if part is None else written(part) for part in parts))
        case list() if any(isinstance(item, keras.KerasTensor) for item in value):
            return ast.List([written(item) for item in value], ast.Load())
        case tuple() | list():
            return ast.Tuple([written(item) for item in value], ast.Load())
    if value is Ellipsis:
        return ast.Constant(Ellipsis)
    raise KeyError(type(value).__name__)


def rewritten(text: str, words: Sequence[str]) -> str:
    """Return an expression with its n-th tensor written as the n-th of `words`."""
    tree = ast.parse(text, mode="eval")
    return ast.unparse(ast.fix_missing_locations(_Rewriting(words).visit(tree)))


def count_of(text: str, index: int) -> int:
    """Return how often an expression reads its n-th tensor."""
    return sum(isinstance(n, ast.Name) and n.id == f"{TENSOR}{index}" for n in ast.walk(ast.parse(text)))


class _Rewriting(ast.NodeTransformer):
    def __init__(self, words: Sequence[str]) -> None:
        self.words = words

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if not node.id.startswith(TENSOR):
            return node
        return ast.parse(self.words[int(node.id.removeprefix(TENSOR))], mode="eval").body
