"""`$name`, `$(…)` and `$$` in values: read, checked against a whitelist of arithmetic, computed."""

import ast
import operator
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
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
_NUMBERS_ONLY = (operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow, round)
"""Times and modulo would let a short text make an enormous one."""
_LARGEST = 10**48
_LARGEST_EXPONENT = 1000
_LONGEST = 100_000
"""Characters of a text, or items of a list: each formula could double those of the one before."""


class FormulaError(Exception):
    """A formula that cannot be read or computed; the message is a sentence for the user."""


class NeverClosed(FormulaError):
    """A `$(` without its bracket, as a comma inside `{}` leaves it."""


class UnknownName(FormulaError):
    """A name that no scope has."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no value called `${name}`")
        self.name = name


def has_formula(text: str) -> bool:
    return "$" in text


def names_in(text: str) -> set[str]:
    """Return the names whose values the text needs; the name of a tensor, as in `dim(x)`, is none."""
    return {node.id for part in _expressions(text) for node in _value_names(part)}


def tensors_in(text: str) -> set[str]:
    """Return the names of tensors in the text, such as `x` in `dim(x)`."""
    return named_in(text, "dim")


def named_in(text: str, function: str) -> set[str]:
    """Return the names that the text gives to a function, such as `title` in `vocabulary_size(title)`."""
    calls = (node for part in _expressions(text) for node in ast.walk(part) if isinstance(node, ast.Call))
    arguments = (a for c in calls if isinstance(c.func, ast.Name) and c.func.id == function for a in c.args)
    names = (a.id if isinstance(a, ast.Name) else getattr(a, "value", None) for a in arguments)
    return {name for name in names if isinstance(name, str)}


def functions_in(text: str) -> set[str]:
    """Return the functions that the text calls, those of arithmetic left out."""
    calls = (node for part in _expressions(text) for node in ast.walk(part) if isinstance(node, ast.Call))
    return {call.func.id for call in calls if isinstance(call.func, ast.Name)} - set(_FUNCTIONS)


def settle(text: str, values: Mapping[str, Any]) -> str:
    """Return the text with the names in `values` replaced by their values; other names stay formulas."""
    settled = ""
    for part in stretches(text):
        if isinstance(part, str):
            settled += escape(part)
            continue
        inside = {id(node) for node in _value_names(part)}
        settled += f"$({ast.unparse(_Settled(values, inside).visit(part))})"
    return settled


def compute(
    text: str, values: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]] | None = None
) -> Any:
    """Return the value of a text with formulas: its own type when the whole text is one, else text.

    A function in `functions` gets the names of tensors as strings.

    Raises: FormulaError.
    """
    parts = stretches(text)
    try:
        computed = [
            part if isinstance(part, str) else _evaluate(part.body, values, functions or {}) for part in parts
        ]
    except RecursionError:
        raise FormulaError("the formula is nested too deeply") from None
    if len(computed) == 1 and not isinstance(parts[0], str):
        return computed[0]
    return _joined([part if isinstance(part, str) else str(part) for part in computed])


def _joined(parts: list[str]) -> str:
    if sum(map(len, parts)) > _LONGEST:
        raise FormulaError(f"the text has more than {_LONGEST:,} characters")
    return "".join(parts)


def escape(text: str) -> str:
    """Return text that `compute` gives back unchanged."""
    return text.replace("$", "$$")


def stretches(text: str) -> list[str | ast.Expression]:
    """Split a text into literal stretches and formulas."""
    parts: list[str | ast.Expression] = []
    position = 0
    literal = ""
    while found := _PLACEHOLDER.search(text, position):
        literal += text[position : found.start()]
        position = found.end()
        if found["escaped"]:
            literal += "$"
            continue
        if literal:
            parts.append(literal)
            literal = ""
        if found["name"]:
            parts.append(ast.Expression(ast.Name(found["name"], ast.Load())))
        else:
            end = _closing(text, position)
            parts.append(_parse(text[position:end]))
            position = end + 1
    literal += text[position:]
    if literal or not parts:
        parts.append(literal)
    return parts


class _Settled(ast.NodeTransformer):
    def __init__(self, values: Mapping[str, Any], names: set[int]) -> None:
        self.values, self.names = values, names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if id(node) not in self.names or node.id not in self.values:
            return node
        return _written(self.values[node.id])


def _written(value: Any) -> ast.expr:
    if isinstance(value, list):
        return ast.List([_written(item) for item in value], ast.Load())
    if isinstance(value, (int, float)) and value < 0:
        return ast.UnaryOp(ast.USub(), ast.Constant(-value))
    return ast.Constant(value)


@lru_cache(maxsize=64)
def _expressions(text: str) -> tuple[ast.Expression, ...]:
    """Return the formulas in a text, only to be looked at: several questions are asked of each in turn."""
    return tuple(part for part in stretches(text) if isinstance(part, ast.Expression))


def _value_names(expression: ast.Expression) -> list[ast.Name]:
    """Return the names that stand for values: no functions, and no tensors among their arguments."""
    other: set[int] = set()
    for node in ast.walk(expression):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            other.add(id(node.func))
            if node.func.id not in _FUNCTIONS:
                other |= {id(argument) for argument in node.args if isinstance(argument, ast.Name)}
    return [n for n in ast.walk(expression) if isinstance(n, ast.Name) and id(n) not in other]


def _closing(text: str, start: int) -> int:
    depth = 1
    for position in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        if depth == 0:
            return position
    raise NeverClosed("`$(` is never closed")


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


def operate(op: ast.AST, *values: Any) -> Any:
    """Apply one of Python's arithmetic operators to numbers.

    Raises: FormulaError.
    """
    return _apply(_OPERATORS[type(op)], *values)


def _apply(function: Callable[..., Any], *arguments: Any) -> Any:
    if function in _NUMBERS_ONLY and not all(isinstance(a, (int, float)) for a in arguments):
        raise FormulaError("this arithmetic takes only numbers")
    if function in (operator.pow, round) and any(abs(a) > _LARGEST_EXPONENT for a in arguments[1:]):
        raise FormulaError("the exponent is too large")
    try:
        result = function(*arguments)
    except ZeroDivisionError:
        raise FormulaError("division by zero") from None
    except OverflowError:
        raise FormulaError("the result is too large") from None
    except (TypeError, ValueError, IndexError, KeyError) as error:
        raise FormulaError(str(error)) from None
    if isinstance(result, complex):
        raise FormulaError("the result is not a real number")
    if isinstance(result, int) and abs(result) > _LARGEST:
        raise FormulaError("the result is too large")
    if isinstance(result, (str, list)) and len(result) > _LONGEST:
        raise FormulaError(f"the result has more than {_LONGEST:,} parts")
    return result
