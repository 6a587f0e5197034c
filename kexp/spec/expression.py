"""`expr` steps: Python syntax over named tensors, parsed against a whitelist and never evaluated as code."""

import ast
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from kexp.errors import did_you_mean
from kexp.spec.formula import operate
from kexp.spec.types import Expr

OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.FloorDiv: "floor_divide",
    ast.Mod: "mod",
    ast.Pow: "power",
    ast.MatMult: "matmul",
    ast.USub: "negative",
    ast.Invert: "logical_not",
    ast.BitAnd: "logical_and",
    ast.BitOr: "logical_or",
    ast.Eq: "equal",
    ast.NotEq: "not_equal",
    ast.Lt: "less",
    ast.LtE: "less_equal",
    ast.Gt: "greater",
    ast.GtE: "greater_equal",
}
"""Python's operators by the `keras.ops` function that each stands for."""

MAX_DEPTH = 200
_VALUE = re.compile(r"\$(?:[A-Za-z_]\w*|\((?:[^()]|\([^()]*\))*\))")
_HELP: dict[type[ast.AST], str] = {
    ast.Attribute: "there are no attributes here: write `sum(x, axis=-1)` for `x.sum(axis=-1)`",
    ast.IfExp: "write `where(condition, a, b)`",
    ast.BoolOp: "write `logical_and(a, b)` or `logical_or(a, b)`",
    ast.Lambda: "use a custom function: `x -> file.py:function`",
    ast.ListComp: "list the elements, or use a custom function: `x -> file.py:function`",
    ast.GeneratorExp: "list the elements, or use a custom function: `x -> file.py:function`",
    ast.UnaryOp: "write `logical_not(a)`",
    ast.JoinedStr: "write plain text",
    ast.NamedExpr: "name the value in a step of its own: `expr -> name: …`",
}


class ExpressionError(Exception):
    """A fault at `start` characters into the expression, `length` long."""

    def __init__(self, id: str, message: str, start: int, length: int, help: str | None = None) -> None:
        super().__init__(message)
        self.id, self.message, self.start, self.length, self.help = id, message, start, length, help


def parse_expression(text: str, functions: Collection[str]) -> Expr:
    """Check an expression; `functions` are the names of `keras.ops`, and a `$` value may stand for a part.

    Raises: ExpressionError (expr-syntax, expr-forbidden, expr-unknown-function, expr-no-tensor).
    """
    names: list[str] = []
    _check(_tree(text).body, _Checked(text, functions, names), 0)
    if not names:
        help = "name at least one, such as the step above: `prev * 2`"
        if "(" in text:
            help = f"let a tensor give it its batch: `prev * 0 + {text.strip()}`"
        raise ExpressionError("expr-no-tensor", "the expression reads no tensor", 0, len(text), help)
    return Expr(text, tuple(dict.fromkeys(names)))


def _tree(text: str) -> ast.Expression:
    masked = _VALUE.sub(_stand_in, text.replace("\n", " "))
    indent = len(text) - len(text.lstrip())
    try:
        return ast.parse(masked.strip(), mode="eval")
    except SyntaxError as error:
        found = (error.offset or len(text)) - 1  # 0: the text ends too early
        start = min(indent + max(found, 0), max(len(text) - 1, 0))
        message = f"this is not an expression: {error.msg}"
        help = "an expression is arithmetic, slices and functions of `keras.ops`"
        if text[start : start + 1] == "=":
            help = "name the result in the step's key: `expr -> name: …`"
        raise ExpressionError("expr-syntax", message, start, 1, help) from None
    except (ValueError, MemoryError, RecursionError):
        raise _too_deep(text) from None


def _stand_in(found: re.Match[str]) -> str:
    """Return what Python can read for a `$` value, of its length: part of a name, or a number."""
    length, text = len(found[0]), found.string
    beside = text[found.start() - 1 : found.start()] + text[found.end() : found.end() + 1]
    return "_" * length if re.search(r"\w", beside) else "0".ljust(length)


def _too_deep(text: str) -> ExpressionError:
    return ExpressionError("expr-syntax", "the expression is too long", 0, len(text), "make it several steps")


@dataclass(frozen=True, slots=True)
class _Checked:
    """What an expression is checked against; `names` gathers the tensors that it reads."""

    text: str
    functions: Collection[str]
    names: list[str]

    def place(self, node: ast.expr) -> tuple[int, int]:
        """Return start and length of a node in the text; Python counts bytes."""
        indent = len(self.text) - len(self.text.lstrip())
        line = self.text.lstrip().encode()
        start = len(line[: node.col_offset].decode())
        return indent + start, max(1, len(line[node.col_offset : node.end_col_offset].decode()))

    def fault(self, id: str, message: str, node: ast.expr, help: str | None = None) -> ExpressionError:
        known = next((hint for kind, hint in _HELP.items() if isinstance(node, kind)), None)
        return ExpressionError(id, message, *self.place(node), help or known)

    def forbidden(self, node: ast.expr, help: str | None = None) -> ExpressionError:
        start, length = self.place(node)
        source = self.text[start : start + length]
        return self.fault("expr-forbidden", f"`{source}` is not allowed in an expression", node, help)


def _check(node: ast.expr, checked: _Checked, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise _too_deep(checked.text)
    match node:
        case ast.Constant(value=bool() | int() | float() | str() | None):
            return
        case ast.Constant(value=value) if value is Ellipsis:
            return
        case ast.Name():
            start, length = checked.place(node)
            checked.names.append(checked.text[start : start + length])
            return
        case ast.Call():
            _check_call(node, checked)
        case ast.BinOp(op=op) | ast.UnaryOp(op=op) if type(op) in OPERATORS or isinstance(op, ast.UAdd):
            pass
        case ast.Compare(ops=[op]) if type(op) in OPERATORS:
            pass
        case ast.Compare(ops=[_, _, *_]):
            raise checked.forbidden(node, "compare two at a time: `logical_and(0 < x, x < 1)`")
        case ast.Subscript() | ast.Tuple() | ast.List() | ast.Slice():
            pass
        case _:
            raise checked.forbidden(node)
    for child in _children(node):
        _check(child, checked, depth + 1)


def _check_call(node: ast.Call, checked: _Checked) -> None:
    if not isinstance(node.func, ast.Name):
        raise checked.forbidden(node.func)
    name = node.func.id
    if name not in checked.functions:
        help = did_you_mean(name, checked.functions) or "any function of `keras.ops` may be called"
        message = f"`keras.ops` has no function `{name}`"
        raise checked.fault("expr-unknown-function", message, node.func, help)
    starred: list[ast.expr] = [argument for argument in node.args if isinstance(argument, ast.Starred)]
    starred += [keyword.value for keyword in node.keywords if keyword.arg is None]
    if starred:
        message = "`*` and `**` are not allowed before an argument"
        raise checked.fault("expr-forbidden", message, starred[0], "write the arguments one by one")


def _children(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.Call):
        return [*node.args, *(keyword.value for keyword in node.keywords)]
    return [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]


def compute_expression(text: str, tensors: Mapping[str, Any], operation: Callable[[str], Any]) -> Any:
    """Return the value of a checked expression; `operation` gives a function of `keras.ops` by name."""

    def value(node: ast.expr) -> Any:
        match node:
            case ast.Constant():
                return node.value
            case ast.Name(id=name):
                return tensors[name]
            case ast.Call(func=ast.Name(id=name)):
                keywords = {keyword.arg or "": value(keyword.value) for keyword in node.keywords}
                return operation(name)(*(value(argument) for argument in node.args), **keywords)
            case ast.BinOp(left=left, op=op, right=right):
                return _binary(op, value(left), value(right), operation)
            case ast.UnaryOp(op=op, operand=operand):
                return _unary(op, value(operand), operation)
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return _binary(op, value(left), value(right), operation)
            case ast.Subscript(value=container, slice=index):
                return value(container)[value(index)]
            case ast.Slice(lower=lower, upper=upper, step=step):
                return slice(*(None if part is None else value(part) for part in (lower, upper, step)))
            case ast.Tuple(elts=elements):
                return tuple(value(element) for element in elements)
            case ast.List(elts=elements):
                return [value(element) for element in elements]
        raise AssertionError(f"unchecked expression: {ast.dump(node)}")

    return value(_tree(text).body)


def _binary(op: ast.AST, left: Any, right: Any, operation: Callable[[str], Any]) -> Any:
    if _is_number(left) and _is_number(right):
        return operate(op, left, right)  # the `2 * 3` of `reshape(x, (-1, 2 * 3))`
    return operation(OPERATORS[type(op)])(left, right)


def _unary(op: ast.AST, operand: Any, operation: Callable[[str], Any]) -> Any:
    if isinstance(op, ast.UAdd):
        return operand
    if _is_number(operand) and isinstance(op, ast.USub):
        return -operand
    return operation(OPERATORS[type(op)])(operand)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
