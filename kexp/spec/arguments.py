"""The values of arguments, checked where they stand or, when a formula gives them, once they are known."""

from collections.abc import Callable, Iterator
from typing import Any

from kexp.diagnostics import Related, Span
from kexp.document import Entries, Items
from kexp.spec.catalogue import Catalogue, Param
from kexp.spec.objections import Objection, doubt_of, object_to
from kexp.spec.reader import Cursor
from kexp.spec.types import Component, Formula, Value
from kexp.spec.values import names_mentioned


def check_argument(cursor: Cursor, value: Value, param: Param) -> None:
    """Refuse a value that an argument cannot take, and warn of an unusual one.

    Raises: Unreadable after wrong-type, wrong-choice, out-of-range, wrong-length, or unknown-activation, ….
    """
    objection = object_to(param.name, value, param.type, cursor.reading.catalogue)
    if objection is not None:
        raise cursor.refuse(objection.id, objection.message, **_place(cursor, objection))
    doubt = doubt_of(param.name, value, param.type)
    if doubt is not None:
        cursor.warn(doubt.id, doubt.message, **_place(cursor, doubt))


def _place(cursor: Cursor, objection: Objection) -> dict[str, Any]:
    inner = cursor
    for key in objection.way:
        inner = _inner(inner, key)
    return {
        "span": inner.span,
        "path": inner.path,
        "help": objection.help,
        "related": _origins(cursor, inner),
    }


def _inner(cursor: Cursor, key: int | str) -> Cursor:
    """Return an item; one of a list that came by `vars` as a whole stands there."""
    match cursor.given:
        case Items(items=items) if isinstance(key, int):
            return cursor.item(key, items[key])
        case Entries() as entries:
            found = (cursor.child(scalar, node) for name, scalar, node in entries if name == key)
            return next(found, cursor)
    return cursor


def _origins(cursor: Cursor, inner: Cursor) -> tuple[Related, ...]:
    """Return where the values stand under `vars` that a text refers to, or where an item there is used."""
    text = inner.span.text
    if inner is not cursor and cursor.span.text.startswith("$"):
        return (Related("used here", cursor.span),)
    if "$" not in text or text.startswith(("[", "{")):
        return ()
    variables = cursor.reading.variables
    names = sorted(names_mentioned(text) & set(variables))
    return tuple(Related("its value stands here", variables[name].span) for name in names)


def late_objections(
    component: Component, known: Catalogue, compute: Callable[[Value], Any]
) -> Iterator[tuple[Objection, Span | None]]:
    """Yield what is wrong with the arguments of an object, and of those in it, that `compute` settles.

    `compute` returns the formula itself where its value is not known.
    """
    for name, value in (component.options or {}).items():
        items = value if isinstance(value, tuple) else (value,)
        for item in items:
            if isinstance(item, Component):
                yield from late_objections(item, known, compute)
        formulas = [item for item in items if isinstance(item, Formula)]
        signature = known.signature(component.namespace, component.name) if formulas else None
        param = signature.param(name) if signature else None
        if param is None:
            continue
        computed = tuple(map(compute, items)) if value is items else compute(value)
        objection = object_to(name, _frozen(computed), param.type, known)
        if objection is not None:
            yield objection, _formula_at(value, objection, formulas[0]).span


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, (list, tuple)) else value


def _formula_at(value: Value, objection: Objection, first: Formula) -> Formula:
    index = objection.way[0] if objection.way else None
    found = value[index] if isinstance(value, tuple) and isinstance(index, int) else value
    return found if isinstance(found, Formula) else first
