"""`expr` -> Python with `keras.ops`."""

import ast
from collections.abc import Mapping

from kexp.export.names import parsed, quoted

_NAMED = {ast.Eq: "equal", ast.NotEq: "not_equal"}
"""Comparisons that Python makes between objects, whatever the tensors hold."""


def in_ops(text: str, tensors: Mapping[str, str]) -> str:
    """Return a checked expression in Python; `tensors` are its names there."""
    return ast.unparse(_InOps(tensors).visit(parsed(text.strip())))


class _InOps(ast.NodeTransformer):
    def __init__(self, tensors: Mapping[str, str]) -> None:
        self.tensors = tensors

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return parsed(self.tensors[node.id])

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        return quoted(node)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        assert isinstance(node.func, ast.Name)
        keywords = [ast.keyword(k.arg, self.visit(k.value)) for k in node.keywords]
        return ast.Call(_operation(node.func.id), [self.visit(a) for a in node.args], keywords)

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        left, right = self.visit(node.left), self.visit(node.comparators[0])
        named = _NAMED.get(type(node.ops[0]))
        return (
            ast.Call(_operation(named), [left, right], []) if named else ast.Compare(left, node.ops, [right])
        )


def _operation(name: str) -> ast.expr:
    return ast.Attribute(ast.Name("ops", ast.Load()), name, ast.Load())
