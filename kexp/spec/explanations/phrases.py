"""Annotations of `spec.types` in words: what a key takes."""

import dataclasses
import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from kexp.spec.argument_types import Choice, Flag, Number, ObjectOf, Range, Text
from kexp.spec.types import Best, Duration, Named, NamedList, OneOrMany, PerOutput, Port, Promise, Within

_PLAIN = {bool: str(Flag()), int: str(Number("whole")), float: str(Number()), str: str(Text())}


def phrase(hint: Any) -> str:
    """Say what a key takes whose annotation is `hint`."""
    *others, last = dict.fromkeys(_alternatives(hint))
    return f"{', '.join(others)} or {last}" if others else last


def _alternatives(hint: Any) -> Iterator[str]:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        yield from _annotated(arguments[0], arguments[1])
    elif origin in (Union, types.UnionType):
        for option in arguments:
            if option is not types.NoneType and not (option is int and float in arguments):
                yield from _alternatives(option)
    elif origin is Literal:
        yield str(Choice(arguments))
    elif origin is tuple and arguments[0] is Promise:
        yield "a map"
    elif origin is tuple and arguments[0] is Port:
        yield from ("a list of names", "a map")
    elif origin is tuple:
        yield "a list of names" if arguments[0] is str else "a list"
    elif origin is not None and issubclass(origin, Mapping):
        yield "a map of numbers" if arguments[1] is float else "a map"
    elif hint in _PLAIN:
        yield _PLAIN[hint]
    elif hint is Duration:
        yield "a number and a unit"
    elif hint is Best:
        yield from (_PLAIN[str], "a map")
    elif dataclasses.is_dataclass(hint):
        yield "a map"


def _annotated(hint: Any, marker: object) -> Iterator[str]:
    match marker:
        case Within(least=least, most=most, exclusive=exclusive):
            kind: Literal["whole", "any"] = "whole" if phrase(hint) == _PLAIN[int] else "any"
            yield str(Number(kind, Range(least, most, open_below=exclusive)))
        case Named(namespace=namespace):
            yield str(ObjectOf(namespace))
        case NamedList(namespace=namespace):
            yield f"a list of {namespace}"
        case OneOrMany(namespace=namespace):
            yield from (str(ObjectOf(namespace)), f"a list of {namespace}")
        case PerOutput(namespace=namespace, many=many):
            yield str(ObjectOf(namespace))
            if many:
                yield f"a list of {namespace}"
            yield f"a map of {namespace} by output"
        case _:
            yield "a map"
