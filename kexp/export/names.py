"""Names of the spec as names of Python."""

import ast
import builtins
import json
import keyword
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from kexp.export.layout import Code
from kexp.spec.formula import stretches
from kexp.spec.types import Graph, Group, Reuse, Step

_RESERVED = {*keyword.kwlist, *dir(builtins), "keras", "layers", "ops", "like", "_"}


@dataclass(frozen=True, slots=True)
class Sight:
    """What the values of a step refer to, in Python: values and tensors by name, graphs as arguments."""

    value: Callable[[str], str]
    tensor: Callable[[str], str]
    nest: Callable[[Graph, str], Code]


def identifier(name: str, taken: Collection[str] = ()) -> str:
    """Return a free Python name like `name`."""
    made = re.sub(r"\W", "_", name)
    if not made or made[0].isdigit():
        made = f"_{made}"
    while made in taken or made in _RESERVED:
        made += "_"
    return made


def text_literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def formula(text: str, sight: Sight) -> str:
    """Return what `$name` and `$(…)` in a text compute, as a Python expression."""
    parts = stretches(text)
    if len(parts) == 1 and isinstance(parts[0], ast.Expression):
        return ast.unparse(_InPython(sight).visit(parts[0]))
    inside = ""
    for part in parts:
        if isinstance(part, str):
            inside += text_literal(part)[1:-1].replace("{", "{{").replace("}", "}}")
        else:
            inside += f"{{{ast.unparse(_InPython(sight).visit(part))}}}"
    return f'f"{inside}"'


class _InPython(ast.NodeTransformer):
    """Put Python's names for values in, and shapes for `dim`."""

    def __init__(self, sight: Sight) -> None:
        self.sight = sight

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return parsed(self.sight.value(node.id))

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        return quoted(node)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        assert isinstance(node.func, ast.Name)
        if node.func.id == "vocabulary_size":
            (name,) = node.args
            assert isinstance(name, (ast.Name, ast.Constant))
            entry = name.id if isinstance(name, ast.Name) else str(name.value)
            return parsed(self.sight.value(f"vocabulary_size({entry})"))
        if node.func.id != "dim":
            return ast.Call(node.func, [self.visit(argument) for argument in node.args], [])
        tensor, *axis = node.args
        assert isinstance(tensor, ast.Name)
        shape = ast.Attribute(parsed(self.sight.tensor(tensor.id)), "shape", ast.Load())
        return ast.Subscript(shape, self.visit(axis[0]) if axis else parsed("-1"), ast.Load())


def parsed(expression: str) -> ast.expr:
    return ast.parse(expression, mode="eval").body


def quoted(node: ast.Constant) -> ast.expr:
    """Let a text keep the double quotes that formatters want."""
    return ast.Name(text_literal(node.value), ast.Load()) if isinstance(node.value, str) else node


def own_name(step: Step) -> str | None:
    """Return the name that a step gives its layer."""
    return step.layer_name or next((name for name in step.gives if name != "_"), None)


def prefix_of(template: str) -> str:
    """Return what stands before the first `$` of a name."""
    return template.partition("$")[0]


def split_template(template: str) -> tuple[str, str] | None:
    """Return the text before and the formula at the end of a name such as `enc_$i`; None for any other."""
    parts = stretches(template)
    if len(parts) != 2 or not isinstance(parts[0], str) or isinstance(parts[1], str):
        return None
    return parts[0], template[len(parts[0]) :]


def leaves(steps: tuple[Step, ...]) -> Iterator[Step]:
    """Give every step of one scope: those of groups too, those of nested models not."""
    for step in steps:
        yield step
        if isinstance(step.what, Group):
            yield from leaves(step.what.steps)


def reused_names(steps: tuple[Step, ...]) -> tuple[str, ...]:
    return tuple(step.what.name for step in leaves(steps) if isinstance(step.what, Reuse))


def is_reused(step: Step, reused: tuple[str, ...]) -> bool:
    own = own_name(step)
    if own is None:
        return False
    return any(r == own or ("$" in own + r and _may_match(own, r)) for r in reused)


def _may_match(own: str, reused: str) -> bool:
    first, second = prefix_of(own), prefix_of(reused)
    return first.startswith(second) or second.startswith(first)
