"""Other ways to write an object, Python's above all, and how it is written here."""

import ast
import re
import warnings
from collections.abc import Sequence

from kexp.errors import did_you_mean
from kexp.spec.catalogue import NAMESPACES, Catalogue, Signature

_INPUTS = "a model's inputs are `model: {inputs: {NAME: [SIZES]}}`"
_LISTED = "list its layers under `model.layers`; a nested model is a step `model: {layers: […]}`"
_NO_OBJECTS = {
    "Input": _INPUTS,
    "InputLayer": _INPUTS,
    "Sequential": _LISTED,
    "Functional": _LISTED,
    "Model": _LISTED,
}
"""By name of Keras's: what is written instead."""

_DOTTED = re.compile(r"(?:[A-Za-z_]\w*\.)+(?P<name>[A-Za-z]\w*)\Z")
_CALL = re.compile(r"[\w.]+\(.*\)\Z", re.DOTALL)
_SUM = re.compile(r"\w\s+[-+*/@]\s+\w")
_SPACED = re.compile(r"(?P<name>[A-Z]\w*)\s+(?P<value>[^\s:].*)\Z")
_PLAIN = re.compile(r"[A-Za-z_]\w*\Z")
_WORDS = {True: "true", False: "false", None: "null"}

SIBLINGS = ("repeat", "call", "trainable", "trainable_from", "weights", "adapt", "outputs_of")
"""What stands on the lines below a step, beside its key."""

MERGING = ("Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract")
"""Layers that take several tensors as one argument."""

_BARE = ("layers", "applications", "callbacks")
"""Namespaces whose objects stand in lists, where they need no braces."""


def written_here(text: str, namespace: str, known: Catalogue) -> str | None:
    """Return a help line where `text` names an object as Python or another YAML would."""
    spaces = _spaces(namespace)
    if text in _NO_OBJECTS and namespace == "layers":
        return _NO_OBJECTS[text]
    if _CALL.match(text):
        return _instead_of_call(text, namespace, known)
    if namespace == "layers" and _SUM.search(text) and isinstance(_parsed(text), ast.BinOp):
        return f'arithmetic stands in an expression: `expr: "{text}"`'
    dotted, spaced = _DOTTED.match(text), _SPACED.match(text)
    if dotted is not None:
        signature = known.find(dotted["name"], spaces)
        is_string = dotted["name"] in known.identifiers(namespace)
        found = signature.name if signature else dotted["name"]
        return f"write `{found}`" if signature or is_string else _NO_OBJECTS.get(dotted["name"])
    if spaced is not None and known.find(spaced["name"], spaces) is not None:
        return f"a colon is missing: `{_braced(spaced['name'], spaced['value'], namespace)}`"
    return None


def _parsed(text: str) -> ast.expr | None:
    """Return the Python expression that a text is, if it is one."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None


def _spaces(namespace: str) -> tuple[str, ...]:
    if namespace == "layers":
        return ("layers", "applications")
    return (namespace,) if namespace in NAMESPACES else ()


def object_here(name: str) -> str | None:
    """Return a help line for a class of Keras's that is no object here."""
    return _NO_OBJECTS.get(name)


def argument_here(key: str, namespace: str, owner: str) -> str | None:
    """Return a help line where an argument that an object does not have is said elsewhere."""
    if namespace != "layers":
        return None
    if key in SIBLINGS:
        return f"`{key}` is no argument: put it below `{owner}`, as far to the left as the `{owner[0]}`"
    return _INPUTS if key in ("input_shape", "batch_input_shape") else None


def nearly(text: str, choices: Sequence[str]) -> str | None:
    """Return a help line for the choice that is meant, also by the long form of its word."""
    begun = next(
        (choice for choice in choices if len(choice) > 2 and text.casefold().startswith(choice)), None
    )
    return did_you_mean(text, choices) or (f"did you mean `{begun}`?" if begun else None)


def _instead_of_call(text: str, namespace: str, known: Catalogue) -> str | None:
    """Return how `Dense(64, activation="relu")` is written; None for what is no call of a known object."""
    call = _parsed(text)
    if not isinstance(call, ast.Call):
        return None
    name = ast.unparse(call.func).rpartition(".")[2]
    signature = known.find(name, _spaces(namespace))
    if signature is None:
        return _NO_OBJECTS.get(name)
    arguments = _arguments(call, signature)
    if arguments is None:
        return f"write its arguments in braces: `{_braced(signature.name, '{argument: value}', namespace)}`"
    if not arguments:
        return f"write `{signature.name}`"
    if len(arguments) == 1 and call.args:
        value = next(iter(arguments.values()))
    else:
        value = f"{{{', '.join(f'{key}: {value}' for key, value in arguments.items())}}}"
    return f"write `{_braced(signature.name, value, namespace)}`"


def _arguments(call: ast.Call, signature: Signature) -> dict[str, str] | None:
    """Return the arguments as YAML by name, or None where one is more than a plain value."""
    if len(call.args) > len(signature.params):
        return None
    given = dict(zip((p.name for p in signature.params), call.args, strict=False))
    given |= {keyword.arg or "": keyword.value for keyword in call.keywords}
    try:
        return {name: _yaml(value) for name, value in given.items() if name}
    except ValueError:
        return None


def _yaml(node: ast.expr) -> str:
    """Return a plain value as YAML.

    Raises: ValueError.
    """
    match node:
        case ast.Constant(value=bool() | None as value):
            return _WORDS[value]
        case ast.Constant(value=str(value)):
            return value if _PLAIN.match(value) else f'"{value}"'
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return f"[{', '.join(map(_yaml, items))}]"
        case ast.Constant(value=int() | float()) | ast.UnaryOp(operand=ast.Constant()):
            return ast.unparse(node)
    raise ValueError


def _braced(name: str, value: str, namespace: str) -> str:
    return f"{name}: {value}" if namespace in _BARE else f"{{{name}: {value}}}"
