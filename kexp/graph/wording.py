"""What the parts of a graph are: the kind of a call, what its output may be called, a name for a block."""

import ast
import re
from collections.abc import Sequence

from kexp.graph.links import Link
from kexp.graph.operations import TENSOR
from kexp.spec.types import Component, Expr, Use, Value
from kexp.spec.wiring import snake_case

LIGHT = (
    *("Activation", "ReLU", "LeakyReLU", "ELU", "PReLU", "Softmax", "BatchNormalization"),
    *("LayerNormalization", "GroupNormalization", "Dropout", "SpatialDropout1D", "SpatialDropout2D"),
)
"""Layers that may stand before and after the branches of a block."""
_PADS = ("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D", "Cropping2D")
_SHORT_NAMES = {
    "Conv1D": "conv",
    "Conv2D": "conv",
    "DepthwiseConv2D": "depthwise",
    "SeparableConv2D": "separable",
    "BatchNormalization": "bn",
    "LayerNormalization": "norm",
    "MaxPooling2D": "pool",
    "AveragePooling2D": "pool",
    "ZeroPadding2D": "pad",
    "ReLU": "relu",
    "Dropout": "drop",
    "MultiHeadAttention": "attention",
}
_VAGUE = ("stack", "cell", "gated", "branches")
_OPERATORS = {ast.Add: "Add", ast.Mult: "Multiply"}
_RESULTS = {"split": "part", "top_k": "top"}
_FUNCTIONS = {"add": "Add", "multiply": "Multiply", "concatenate": "Concatenate"}


def class_of(link: Link) -> str:
    """Return the name of a call's layer; an expression that joins tensors counts as the layer that would."""
    match link.what:
        case Component(name=name):
            return name
        case Expr(text=text) if len(link.takes) > 1:
            return _join_of(ast.parse(text, mode="eval").body)
    return ""


def kind_of(link: Link) -> str:
    """Return what a call's output may be called where nothing else says what it is."""
    match link.what:
        case Component() if link.repeat is None:
            return snake_case(link.what)
        case Component() | Use():  # the layers of turns are called `relu_1` too
            return f"{snake_case(link.what)}_out"
        case Expr(text=text):
            tree = ast.parse(text, mode="eval").body
            is_call = isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name)
            function = tree.func.id if is_call else ""  # type: ignore[attr-defined]
            return _RESULTS.get(function, f"{function}_out" if function else "value")
    return "inner"


def _join_of(tree: ast.expr) -> str:
    if isinstance(tree, ast.BinOp) and _is_tensor(tree.left) and _is_tensor(tree.right):
        return _OPERATORS.get(type(tree.op), "")
    is_call = isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name)
    return _FUNCTIONS.get(tree.func.id, "") if is_call else ""  # type: ignore[attr-defined]


def _is_tensor(tree: ast.expr) -> bool:
    return isinstance(tree, ast.Name) and tree.id.startswith(TENSOR)


# ---------------------------------------------------------------- a name for a block


def block_name(links: Sequence[Link], inputs: Sequence[int], own: str) -> str:
    """Return a name that says what a piece of graph does; `own` is what its author called it, if anything.

    An author's word goes before ours, unless it is one with a number, as in `block35`.
    """
    straight = len(inputs) == 1 and all(len(link.takes) == 1 for link in links)
    name = _chain(links) if straight else _shape(links, inputs)
    if own and (not any(map(str.isdigit, own)) or name in _VAGUE):
        name = own
    name = f"{name}_down" if any(_halves(link) for link in links) else name
    return re.sub(r"\W+", "_", name.lower())


def _chain(links: Sequence[Link]) -> str:
    if len(links) <= 4:
        return "_".join(dict.fromkeys(map(_word, links)))
    heavy = [_word(link) for link in links if class_of(link) not in (*LIGHT, *_PADS)]
    return "_".join(heavy) if len(heavy) <= 3 else "stack"


def _shape(links: Sequence[Link], inputs: Sequence[int]) -> str:
    ending = next((class_of(link) for link in reversed(links) if class_of(link) not in LIGHT), "")
    skips = any(inputs[0] in link.takes for link in links if len(link.takes) > 1)
    classes = {class_of(link) for link in links}
    squeezes = any(name.startswith("Global") for name in classes)
    match ending:
        case "Add":
            return "residual" if skips else "projected"
        case "Concatenate":
            return "dense_unit" if skips else "branches"
        case "Multiply":
            return "squeeze_excite" if squeezes else "gate"
    return "gated" if "Multiply" in classes else "cell"


def _word(link: Link) -> str:
    if isinstance(link.what, Component) and link.what.name == "Activation":
        return str((link.what.options or {}).get("activation", "activation"))
    return _SHORT_NAMES.get(class_of(link)) or snake_case(link.what)


def _halves(link: Link) -> bool:
    """Tell whether a call makes images or sequences smaller, at every use of its block."""
    if not isinstance(link.what, Component) or not class_of(link).endswith(("Conv1D", "Conv2D")):
        return False
    return _is_more_than_one((link.what.options or {}).get("strides", 1))


def _is_more_than_one(strides: Value) -> bool:
    if isinstance(strides, tuple):
        return any(map(_is_more_than_one, strides))
    return isinstance(strides, int) and strides > 1
