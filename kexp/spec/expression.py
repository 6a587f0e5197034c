"""`expr` steps: Python syntax over named tensors, parsed against a whitelist and never evaluated as code."""

import ast
from collections.abc import Callable, Collection, Mapping
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

_HELP = {
    ast.Attribute: "there are no attributes here: write `sum(x, axis=-1)` for `x.sum(axis=-1)`",
    ast.IfExp: "write `where(condition, a, b)`",
    ast.BoolOp: "write `logical_and(a, b)` or `logical_or(a, b)`",
    ast.Lambda: "use a custom function: `x -> file.py:function`",
    ast.ListComp: "list the elements, or use a custom function: `x -> file.py:function`",
    ast.JoinedStr: "write plain text",
    ast.NamedExpr: "name the value in a step of its own: `expr -> name: …`",
}


class ExpressionError(Exception):
    """A fault at `start` characters into the expression, `length` long."""

    def __init__(self, id: str, message: str, start: int, length: int, help: str | None = None) -> None:
        super().__init__(message)
        self.id, self.message, self.start, self.length, self.help = id, message, start, length, help


def parse_expression(text: str, functions: Collection[str]) -> Expr:
    """Check an expression; `functions` are the names of `keras.ops`.

    Raises: ExpressionError (expr-syntax, expr-forbidden, expr-unknown-function, expr-no-tensor).
    """
    tree = _tree(text)
    names: list[str] = []
    _check(tree.body, text, functions, names)
    if not names:
        raise ExpressionError("expr-no-tensor", "the expression reads no tensor", 0, len(text))
    return Expr(text, tuple(dict.fromkeys(names)))


def _tree(text: str) -> ast.Expression:
    try:
        return ast.parse(text.strip(), mode="eval")
    except SyntaxError as error:
        start = min(max((error.offset or 1) - 1, 0), max(len(text) - 1, 0))
        raise ExpressionError("expr-syntax", f"this is not an expression: {error.msg}", start, 1) from None
    except (ValueError, MemoryError, RecursionError):
        raise ExpressionError(
            "expr-syntax", "this is not an expression: it is too deep", 0, len(text)
        ) from None


def _check(node: ast.expr, text: str, functions: Collection[str], names: list[str]) -> None:
    match node:
        case ast.Constant(value=bool() | int() | float() | str() | None):
            return
        case ast.Constant(value=value) if value is Ellipsis:
            return
        case ast.Name(id=name):
            names.append(name)
            return
        case ast.Call(func=ast.Name(id=name) as function):
            if name not in functions:
                help = did_you_mean(name, functions) or "any function of `keras.ops` may be called"
                raise _fault(
                    "expr-unknown-function", f"`keras.ops` has no function `{name}`", function, text, help
                )
            if any(keyword.arg is None for keyword in node.keywords) or any(
                isinstance(argument, ast.Starred) for argument in node.args
            ):
                raise _fault("expr-forbidden", "`*` and `**` are not allowed in an expression", node, text)
        case ast.BinOp(op=op) | ast.UnaryOp(op=op) if type(op) in OPERATORS or isinstance(op, ast.UAdd):
            pass
        case ast.Compare(ops=[op]) if type(op) in OPERATORS:
            pass
        case ast.Subscript() | ast.Tuple() | ast.List() | ast.Slice():
            pass
        case _:
            source = ast.unparse(node)
            raise _fault("expr-forbidden", f"`{source}` is not allowed in an expression", node, text)
    for child in _children(node):
        _check(child, text, functions, names)


def _children(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.Call):
        return [*node.args, *(keyword.value for keyword in node.keywords)]
    return [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]


def _fault(id: str, message: str, node: ast.expr, text: str, help: str | None = None) -> ExpressionError:
    indent = len(text) - len(text.lstrip())
    start = indent + node.col_offset
    length = (node.end_col_offset or node.col_offset + 1) - node.col_offset
    known = next((hint for kind, hint in _HELP.items() if isinstance(node, kind)), None)
    return ExpressionError(id, message, start, max(1, length), help or known)


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
