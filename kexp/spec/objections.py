"""Why an argument cannot take a value: judged by the catalogue's types, without Keras."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

from kexp.document.scalars import core_value
from kexp.errors import did_you_mean
from kexp.spec.argument_types import (
    DTYPES,
    Choice,
    DType,
    Flag,
    Form,
    ListOf,
    MapOf,
    Number,
    ObjectOf,
    Text,
    Type,
)
from kexp.spec.catalogue import NAMESPACES, Catalogue
from kexp.spec.namespaces import singular, unknown_id
from kexp.spec.spellings import nearly, written_here
from kexp.spec.types import Component, Formula, Graph, Value


@dataclass(frozen=True, slots=True)
class Objection:
    """`way` leads to the item at fault."""

    id: str
    message: str
    help: str | None = None
    way: tuple[int | str, ...] = ()


_FEW = 12
"""How many names a help line lists."""

_ALSO = {"activations": "layers", "functions": "schedules"}
"""By namespace: another whose objects serve; layers and schedules are called like functions."""


def object_to(name: str, value: Value, type: Type, known: Catalogue) -> Objection | None:
    """Return why an argument called `name` cannot take `value`; None if it can, or nobody knows yet."""
    if type.is_anything or isinstance(value, Formula) or _is_custom(value):
        return None
    if value is None and type.nullable:
        return None
    nearest = None
    for form in type.forms:
        if _is_of_kind(form, value):
            objection = _object_to_form(name, value, form, type, known)
            if objection is None:
                return None
            nearest = nearest or objection
    message = f"`{name}` must be {type}, found {_found(value)}"
    help = _unquoted(value, type) or _as_list(value, type, known) or _named(value, type, known)
    return nearest or Objection("wrong-type", message, help)


def doubt_of(name: str, value: Value, type: Type) -> Objection | None:
    """Return why a value that an argument can take is probably a mistake."""
    usual = next((form.usual for form in type.forms if isinstance(form, Number)), None)
    if usual is None or not _is_number(value) or value in usual:
        return None
    return Objection("unusual-value", f"`{name}` is usually {usual}, found `{value!r}`")


# ---------------------------------------------------------------- forms


def _is_of_kind(form: Form, value: Value) -> bool:
    """Tell whether a form is the one to judge a value by."""
    match form:
        case Number():
            return _is_number(value)
        case Flag():
            return isinstance(value, bool) or value in (0, 1)
        case Text() | Choice() | DType():
            return isinstance(value, str)
        case ObjectOf(namespace):
            if isinstance(value, Component):
                return value.is_custom or value.namespace in (namespace, _ALSO.get(namespace))
            by_name = isinstance(value, str) and namespace in _BY_NAME
            return by_name or (isinstance(value, Graph) and namespace == "layers")
        case ListOf():
            return isinstance(value, tuple)
        case MapOf():
            return isinstance(value, Mapping)
    return True


def _object_to_form(name: str, value: Any, form: Form, type: Type, known: Catalogue) -> Objection | None:
    match form:
        case Number():
            return _object_to_number(name, value, form)
        case Choice() if value not in form:
            message = f"`{name}` must be {type}, found `{value}`"
            return Objection("wrong-choice", message, nearly(value, form.words))
        case DType() if value not in form:
            help = did_you_mean(value, DTYPES) or f"Keras knows {', '.join(f'`{name}`' for name in DTYPES)}"
            return Objection("wrong-choice", f"`{name}` must be {form}, found `{value}`", help)
        case ObjectOf(namespace) if isinstance(value, str):
            return _object_to_name(value, namespace, known)
        case ListOf():
            return _object_to_list(name, value, form, known)
        case MapOf(item):
            return _object_to_items(name, value.items(), item, known)
    return None


def _object_to_number(name: str, value: int | float, form: Number) -> Objection | None:
    found = f"found `{value!r}`"
    if form.kind == "whole" and isinstance(value, float):
        help = f"write `{int(value)}`; in a formula, divide by `//`" if value.is_integer() else None
        return Objection("wrong-type", f"`{name}` must be {form}, {found}", help)
    if form.kind == "decimal" and isinstance(value, int):
        return Objection("wrong-type", f"`{name}` must be {form}, {found}", f"write `{float(value)!r}`")
    if value not in form.range:
        return Objection("out-of-range", f"`{name}` must be {form.range}, {found}")
    return None


def _object_to_list(name: str, value: tuple[Value, ...], form: ListOf, known: Catalogue) -> Objection | None:
    if len(value) < form.least or (form.most is not None and len(value) > form.most):
        message = f"`{name}` must have {form.length}items, found {len(value)}"
        return Objection("wrong-length", message.replace(" 1 items", " 1 item"))
    return _object_to_items(name, enumerate(value), form.item, known)


def _object_to_items(
    name: str, items: Iterable[tuple[int | str, Value]], type: Type, known: Catalogue
) -> Objection | None:
    for key, item in items:
        inner = f"{name}.{key}" if isinstance(key, str) else f"{name}[{key}]"
        objection = object_to(inner, item, type, known)
        if objection is not None:
            return replace(objection, way=(key, *objection.way))
    return None


_BY_NAME = (
    *("activations", "constraints", "initializers", "losses", "metrics", "optimizers", "regularizers"),
)
"""Namespaces whose objects Keras knows by strings, too."""


def _object_to_name(text: str, namespace: str, known: Catalogue) -> Objection | None:
    strings = known.identifiers(namespace)
    spelt = text.lower() if namespace == "optimizers" else text
    if spelt in strings or known.signature(namespace, text) is not None:
        return None
    listed = ", ".join(f"`{name}`" for name in strings if name.islower())
    help = written_here(text, namespace, known) or did_you_mean(text, strings) or f"Keras knows {listed}"
    if text == "None":
        help = "write `null`, or leave it out"
    return Objection(unknown_id(namespace), f"there is no {singular(namespace)} `{text}`", help)


# ---------------------------------------------------------------- values


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_custom(value: object) -> bool:
    """Tell a value that the user's own code gives."""
    return isinstance(value, Component) and value.is_custom


def _found(value: Value) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return f"`{str(value).lower()}`"
        case str():
            return f'the text "{value}"'
        case tuple():
            return "a list"
        case Component(name=name):
            return f"the object `{name}`"
        case Graph():
            return "a graph"
        case Mapping():
            return "a map"
    return f"`{value!r}`"


def _unquoted(value: Value, type: Type) -> str | None:
    """Say that a number stands in quotes where one is expected."""
    if not isinstance(value, str):
        return None
    plain = core_value(value)
    meant = _is_number(plain) and any(isinstance(form, Number) for form in type.forms)
    meant = meant or (isinstance(plain, bool) and Flag() in type.forms)
    return "remove the quotes" if meant else None


def _named(value: Value, type: Type, known: Catalogue) -> str | None:
    """Name the object that `{l2: 1e-4}` or `cosine` is probably meant for."""
    one = value if not isinstance(value, Mapping) else next(iter(value), None) if len(value) == 1 else None
    spaces = [form.namespace for form in type.forms if isinstance(form, ObjectOf)]
    names = [n for space in spaces if space in NAMESPACES for n in known.names(space) if n[:1].isupper()]
    if not isinstance(one, str) or not names:
        return None
    few = f"it may be {', '.join(f'`{name}`' for name in names)}" if len(names) <= _FEW else None
    return written_here(one, spaces[0], known) or did_you_mean(one, names) or few


def _as_list(value: Value, type: Type, known: Catalogue) -> str | None:
    """Say that a value may stand alone in a list."""
    lists = (form for form in type.forms if isinstance(form, ListOf) and form.least <= 1)
    if not _is_number(value) or all(object_to("", value, form.item, known) for form in lists):
        return None
    return f"write `[{value!r}]`"
