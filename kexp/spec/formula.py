"""`$name`, `$(…)` and `$$` in values: read, checked against a whitelist of arithmetic, computed."""

import ast
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

_PLACEHOLDER = re.compile(r"\$(?:(?P<escaped>\$)|(?P<name>[A-Za-z_]\w*)|(?P<open>\())")
_OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {"min": min, "max": max, "round": round, "abs": abs, "len": len}
_LARGEST = 10**12


class FormulaError(Exception):
    """A formula that cannot be read or computed; the message is a sentence for the user."""


class UnknownName(FormulaError):
    """A name that no scope has."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no value called `${name}`")
        self.name = name


def has_formula(text: str) -> bool:
    return "$" in text


def names_in(text: str) -> set[str]:
    """Return the names whose values the text needs.

    `dim(x)` names a tensor, not a value, and adds only `dim`.
    """
    names: set[str] = set()
    for part in _parts(text):
        if isinstance(part, ast.Expression):
            inside = {
                id(argument)
                for call in ast.walk(part)
                if isinstance(call, ast.Call)
                for argument in call.args
                if isinstance(call.func, ast.Name) and call.func.id not in _FUNCTIONS
            }
            found = (n for n in ast.walk(part) if isinstance(n, ast.Name) and id(n) not in inside)
            names |= {node.id for node in found} - set(_FUNCTIONS)
    return names


def compute(text: str, values: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]] | None = None) -> Any:
    """Return the value of a text with formulas: its own type when the whole text is one, else text.

    A function in `functions` gets the names of tensors as strings.

    Raises: FormulaError.
    """
    parts = _parts(text)
    computed = [
        part if isinstance(part, str) else _evaluate(part.body, values, functions or {}) for part in parts
    ]
    if len(computed) == 1 and not isinstance(parts[0], str):
        return computed[0]
    return "".join(part if isinstance(part, str) else str(part) for part in computed)


def escape(text: str) -> str:
    """Return text that `compute` gives back unchanged."""
    return text.replace("$", "$$")


def _parts(text: str) -> list[str | ast.Expression]:
    parts: list[str | ast.Expression] = []
    position = 0
    literal = ""
    while found := _PLACEHOLDER.search(text, position):
        literal += text[position : found.start()]
        position = found.end()
        if found["escaped"]:
            literal += "$"
            continue
        if found["name"]:
            source = found["name"]
        else:
            end = _closing(text, position)
            source, position = text[position:end], end + 1
        if literal:
            parts.append(literal)
            literal = ""
        parts.append(_parse(source))
    literal += text[position:]
    if literal or not parts:
        parts.append(literal)
    return parts


def _closing(text: str, start: int) -> int:
    depth = 1
    for position in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        if depth == 0:
            return position
    raise FormulaError("`$(` is never closed")


def _parse(source: str) -> ast.Expression:
    try:
        return ast.parse(source.strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else "too long"
        raise FormulaError(f"`{source}` is not arithmetic: {reason}") from None


def _evaluate(node: ast.expr, values: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]]) -> Any:
    def value(child: ast.expr) -> Any:
        return _evaluate(child, values, functions)

    match node:
        case ast.Constant(value=bool() | int() | float() | str()):
            return node.value
        case ast.Name(id=name):
            if name not in values:
                raise UnknownName(name)
            return values[name]
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _OPERATORS:
            return _apply(_OPERATORS[type(op)], value(operand))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _apply(_OPERATORS[type(op)], value(left), value(right))
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _OPERATORS:
            return _apply(_OPERATORS[type(op)], value(left), value(right))
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return value(body) if value(test) else value(orelse)
        case ast.Subscript(value=container, slice=index):
            return _apply(operator.getitem, value(container), value(index))
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return [value(element) for element in elements]
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS:
            return _apply(_FUNCTIONS[name], *(value(a) for a in arguments))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in functions:
            return functions[name](*(a.id if isinstance(a, ast.Name) else value(a) for a in arguments))
        case ast.Call(func=ast.Name(id=name)):
            raise FormulaError(f"there is no function `{name}` in `$(…)`")
    raise FormulaError(f"`{ast.unparse(node)}` is not allowed in `$(…)`")


def _apply(function: Callable[..., Any], *arguments: Any) -> Any:
    if function is operator.pow and any(isinstance(a, (int, float)) and abs(a) > 10_000 for a in arguments):
        raise FormulaError("the power is too large")
    try:
        result = function(*arguments)
    except ZeroDivisionError:
        raise FormulaError("division by zero") from None
    except (TypeError, ValueError, IndexError, KeyError, OverflowError) as error:
        raise FormulaError(str(error)) from None
    if isinstance(result, (str, list)) and len(result) > _LARGEST:
        raise FormulaError("the result is too large")
    if isinstance(result, int) and abs(result) > _LARGEST**4:
        raise FormulaError("the result is too large")
    return result
