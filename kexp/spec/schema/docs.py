"""What the keys of the language are for: the docstrings below the fields of `spec.types`."""

import ast
import inspect
from collections.abc import Iterator
from functools import cache

from kexp.spec import types


def key_doc(cls: type, field: str) -> str | None:
    """Return a field's docstring; None for one that is no key."""
    return _field_docs().get((cls.__name__, field))


@cache
def _field_docs() -> dict[tuple[str, str], str]:
    """Python forgets a field's docstring, so that it is read from the source."""
    tree = ast.parse(inspect.getsource(types))
    classes = (node for node in tree.body if isinstance(node, ast.ClassDef))
    return {(cls.name, name): doc for cls in classes for name, doc in _docs_in(cls)}


def _docs_in(cls: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for statement, below in zip(cls.body, cls.body[1:], strict=False):
        match statement, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str() as doc)):
                yield name, doc
