"""`Name`, `Name: first` and `Name: {argument: value}`: any object, to any depth, in any position."""

import re
from typing import Any, get_args

from kexp.document import Entries, Items, Node, Scalar
from kexp.errors import nearest
from kexp.spec.arguments import check_argument
from kexp.spec.catalogue import Param, Signature
from kexp.spec.formula import has_formula
from kexp.spec.lookup import look_up, namespace_of, unknown_object
from kexp.spec.namespaces import an_object_of, is_custom, looks_like_object, namespace_at, singular
from kexp.spec.reader import Cursor, Unreadable, describe, read_each
from kexp.spec.spellings import argument_here
from kexp.spec.types import Component, Formula, Graph, Objective, PerOutput, Value

__all__ = [
    "component_of",
    "is_custom",
    "looks_like_object",
    "read_arguments",
    "read_component",
    "read_list",
    "read_model",
    "read_objective",
    "read_one",
    "read_per_output",
    "read_value",
]


def read_component(cursor: Cursor, namespace: str) -> Component:
    """Read an object of one namespace.

    Raises: Unreadable after unknown-layer (or -optimizer, …), unknown-argument, missing-argument, wrong-type.
    """
    node = cursor.node
    if isinstance(node, Scalar) and isinstance(node.value, str) and node.value:
        return _component(cursor, node, None, namespace)
    if isinstance(node, Entries) and len(node.entries) == 1:
        key, argument = node.entries[0]
        return _component(cursor, key, argument, namespace)
    if isinstance(node, Entries) and len(node.entries) > 1:
        first, second = node.entries[0][0], node.entries[1][0]
        raise cursor.refuse(
            "two-objects",
            f"one {singular(namespace)} is expected, found the keys `{first.value}` and `{second.value}`",
            second.span,
            help=f"write arguments inside braces: `{first.value}: {{{second.value}: …}}`",
        )
    raise cursor.refuse("wrong-type", f"{an_object_of(namespace)} is expected, found {describe(node)}")


def read_one(cursor: Cursor, hint: Any) -> Objective:
    """Read what `Annotated[..., Named(namespace)]` describes: one object."""
    return read_objective(cursor, get_args(hint)[1].namespace)


def read_arguments(cursor: Cursor, hint: Any) -> dict[str, Value]:
    """Read what `Annotated[..., Arguments()]` describes: any values by name."""
    return _read_map(cursor, f"`{cursor.path}`")


def read_model(cursor: Cursor, hint: Any) -> Graph | Component:
    """Read what `Annotated[..., ModelOrClass()]` describes: a graph, or a class that receives graphs."""
    node = cursor.node
    name = str(node.entries[0][0].value) if isinstance(node, Entries) and len(node.entries) == 1 else ""
    if is_custom(name):
        return read_component(cursor, "models")
    if name[:1].isupper():
        message = f"`{name}` is no graph, and a model class of your own is written with its file"
        raise cursor.refuse("unknown-model-class", message, help=f'write `"file.py:{name}": …`')
    graph: Graph = cursor.reading.readers[Graph](cursor, Graph)
    return graph


def read_list(cursor: Cursor, hint: Any) -> tuple[Component, ...]:
    """Read what `Annotated[..., NamedList(namespace)]` describes: a list of objects."""
    namespace = get_args(hint)[1].namespace
    items = cursor.items(f"`{cursor.path}`")
    return tuple(read_each(items, lambda item: read_component(item, namespace)))


def read_per_output(cursor: Cursor, hint: Any) -> Any:
    """Read what `Annotated[..., PerOutput(namespace, many)]` describes: one object or many, or a map."""
    marker: PerOutput = get_args(hint)[1]
    if not isinstance(cursor.node, Entries) or looks_like_object(cursor.node):
        return _objectives(cursor, marker)
    entries = cursor.entries(f"`{cursor.path}`")
    values = read_each((child for _, child, _ in entries), lambda child: _of_output(child, marker))
    return dict(zip((name for name, _, _ in entries), values, strict=True))


def _of_output(cursor: Cursor, marker: PerOutput) -> Any:
    if isinstance(cursor.node, Scalar) and cursor.node.value is None:
        return () if marker.many else None
    return _objectives(cursor, marker)


def _objectives(cursor: Cursor, marker: PerOutput) -> Any:
    """Read one object where one is meant; where many are, one or a list of them, as a tuple."""
    if not marker.many:
        return read_objective(cursor, marker.namespace)
    if not isinstance(cursor.node, Items):
        return (read_objective(cursor, marker.namespace),)
    items = cursor.items(f"`{cursor.path}`")
    return tuple(read_each(items, lambda item: read_objective(item, marker.namespace)))


def read_objective(cursor: Cursor, namespace: str) -> Objective:
    """Read a string that Keras knows (`adam`), or an object."""
    node = cursor.node
    if isinstance(node, Scalar) and isinstance(node.value, str) and not is_custom(node.value):
        catalogue = cursor.reading.catalogue
        if catalogue.signature(namespace, node.value) is None:
            strings = catalogue.identifiers(namespace)
            if namespace == "metrics":
                strings = [*strings, *catalogue.identifiers("losses")]
            if node.value in strings or (namespace == "optimizers" and node.value.lower() in strings):
                return node.value
            raise unknown_object(cursor, node, namespace, strings)
    return read_component(cursor, namespace)


def _component(cursor: Cursor, name: Scalar, argument: Node | None, namespace: str) -> Component:
    text = str(name.value)
    path = cursor.path if cursor.path.endswith(f".{text}") else f"{cursor.path}.{text}"
    here = Cursor(cursor.node, path, cursor.reading, name.span)
    child = None
    if argument is not None:
        child = Cursor(argument, path, cursor.reading, name.span).settled()
    return component_of(here, text, name, child, namespace)


def component_of(
    cursor: Cursor, text: str, name: Scalar, argument: Cursor | None, namespace: str
) -> Component:
    """Return the object called `text`, whose arguments stand at `argument`."""
    if is_custom(text):
        return _custom(cursor, text, name, argument, namespace)
    signature = look_up(cursor, text, name, namespace)
    options, unknown = _options(argument, signature) if argument else (None, set())
    given = {*(options or {}), *unknown}
    missing = [p.name for p in signature.params if p.required and p.name not in given]
    if missing:
        listed = ", ".join(f"`{m}`" for m in missing)
        arguments = ", ".join(f"{m}: …" for m in missing)
        help = f"add `{arguments}`" if options else f"write `{signature.name}: {{{arguments}}}`"
        cursor.fault("missing-argument", f"`{signature.name}` needs {listed}", name.span, help=help)
    if missing or unknown:
        raise Unreadable
    return Component(signature.name, signature.namespace, options, None, cursor.path, name.span)


def _custom(cursor: Cursor, text: str, name: Scalar, argument: Cursor | None, namespace: str) -> Component:
    if argument is None or (isinstance(argument.node, Scalar) and argument.node.value is None):
        return Component(text, namespace, None, None, cursor.path, name.span)
    if isinstance(argument.node, Entries) and not looks_like_object(argument.node):
        return Component(text, namespace, _read_map(argument, f"`{text}`"), None, cursor.path, name.span)
    return Component(text, namespace, {}, (read_value(argument, ""),), cursor.path, name.span)


def _options(cursor: Cursor, signature: Signature) -> tuple[dict[str, Value] | None, set[str]]:
    """Return the arguments that could be read, and the names that stand for the others."""
    node = cursor.node
    if isinstance(node, Scalar) and node.value is None:
        return None, set()
    if isinstance(node, Entries) and not _is_one_value(node, signature):
        return _named_options(cursor, signature)
    if not signature.params:
        raise cursor.refuse("unknown-argument", f"`{signature.name}` takes no arguments")
    first = signature.params[0]
    return {first.name: _read_argument(cursor, first)}, set()


def _read_argument(cursor: Cursor, param: Param) -> Value:
    value = read_value(cursor, param.name)
    if isinstance(value, str) and _LAMBDA.match(value):
        message = f"`{param.name}` cannot be Python code, found `{value}`"
        help = 'write a step `expr: "prev * 2"`, or put the function into a file: `file.py:function`'
        raise cursor.refuse("wrong-type", message, help=help)
    check_argument(cursor, value, param)
    return value


def _is_literal(node: Node) -> bool:
    return isinstance(node, Entries) and len(node.entries) == 1 and node.key("literal") is not None


def _is_one_value(node: Entries, signature: Signature) -> bool:
    """Tell a map that is the first argument itself from a map of arguments."""
    if len(node.entries) != 1:
        return False
    is_graph = node.key("model") is not None and signature.param("model") is None
    return looks_like_object(node) or _is_literal(node) or is_graph


def _named_options(cursor: Cursor, signature: Signature) -> tuple[dict[str, Value], set[str]]:
    options: dict[str, Value] = {}
    unread: set[str] = set()
    names = [p.name for p in signature.params]
    for key, child, scalar in cursor.entries(f"`{signature.name}`"):
        if key in names:
            unread.add(key)
            with cursor.reading.gather():
                options[key] = _read_argument(child, signature.params[names.index(key)])
                unread.remove(key)
            continue
        glued = _GLUED.match(key)
        if glued is not None and glued["name"] in names:
            unread.add(glued["name"])
            help = f"write `{glued['name']}: {glued['value']}`"
            message = "a blank is missing after this colon"
            cursor.fault("blank-missing", message, scalar.span, path=f"{cursor.path}.{key}", help=help)
            continue
        meant = _OTHER_WORDS.get(key) if _OTHER_WORDS.get(key) in names else nearest(key, names)
        listed = ", ".join(f"`{name}`" for name in names)
        unread.add(meant or key)
        cursor.fault(
            "unknown-argument",
            f"`{signature.name}` has no argument `{key}`",
            scalar.span,
            path=f"{cursor.path}.{key}",
            help=argument_here(key, signature.namespace, signature.name)
            or (f"did you mean `{meant}`?" if meant else f"its arguments: {listed}"),
        )
    return options, unread


_LAMBDA = re.compile(r"lambda\b[^:]*:")
_GLUED = re.compile(r"(?P<name>[a-z]\w*):(?P<value>\S.*)\Z")

_OTHER_WORDS = {
    "lr": "learning_rate",
    "decay": "weight_decay",
    "input_dim": "units",
    "num_units": "units",
    "num_filters": "filters",
    "stride": "strides",
    "p": "rate",
    "dropout_rate": "rate",
    "eps": "epsilon",
}


def read_value(cursor: Cursor, position: str) -> Value:
    """Read an argument's value; its name is the position that decides the namespace of objects in it."""
    node = cursor.node
    if isinstance(node, Scalar):
        return _scalar_value(cursor, node, position)
    if isinstance(node, Items):
        return tuple(read_each(cursor.items(f"`{position}`"), lambda item: read_value(item, position)))
    if _is_literal(node):
        return _literal(node.entries[0][1])
    if len(node.entries) == 1 and node.key("model") is not None:
        child = cursor.entries("the model")[0][1]
        graph: Graph = cursor.reading.readers[Graph](child, Graph)
        return graph
    if looks_like_object(node):
        key = node.entries[0][0]
        return read_component(cursor, namespace_of(cursor, str(key.value), position))
    return _read_map(cursor, f"`{position}`")


def _read_map(cursor: Cursor, what: str) -> dict[str, Value]:
    entries = cursor.entries(what)
    values = read_each(entries, lambda entry: read_value(entry[1], entry[0]))
    return {name: value for (name, _, _), value in zip(entries, values, strict=True)}


def _scalar_value(cursor: Cursor, node: Scalar, position: str) -> Value:
    value = node.value
    if not isinstance(value, str):
        return value
    namespace = namespace_at(position)
    if is_custom(value) or (namespace == "layers" and value[:1].isupper()):
        return read_component(cursor, namespace or "layers")
    if has_formula(value) and not node.settled:
        return Formula(value, node.span)
    return value


def _literal(node: Node) -> Value:
    match node:
        case Scalar(value=value):
            return value
        case Items(items=items):
            return tuple(_literal(item) for item in items)
        case Entries():
            return {name: _literal(value) for name, _, value in node}
