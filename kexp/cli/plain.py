"""Typer's commands, without pydantic where nothing has to be converted.

Typer 0.29 imports pydantic for every argument, those that were not given too: 50 ms of each command.
"""

from collections.abc import Sequence
from enum import Enum
from functools import partial
from typing import Any

from typer.core import TyperCommand, TyperGroup


class PlainCommand(TyperCommand):
    def get_params(self, ctx: Any) -> Any:
        return _shortened(super().get_params(ctx))


class PlainGroup(TyperGroup):
    def get_params(self, ctx: Any) -> Any:
        return _shortened(super().get_params(ctx))


def _shortened(parameters: Sequence[Any]) -> Sequence[Any]:
    """Let these parameters process what they are given in our way."""
    for parameter in parameters:
        if hasattr(parameter, "type_descriptor") and "process_value" not in vars(parameter):
            parameter.process_value = partial(_processed, parameter, parameter.process_value)
    return parameters


def _processed(parameter: Any, usual: Any, context: Any, value: Any) -> Any:
    """Pass a value on that is what it has to be; all others, and a missing one, are Typer's."""
    is_empty = value is None or value == ()
    if not (is_empty or _is_converted(value, parameter.type_descriptor.annotation)):
        return usual(context, value)
    if is_empty and parameter.required:
        return usual(context, value)
    if is_empty:
        value = () if parameter.multiple or parameter.nargs == -1 else None
    return value if parameter.callback is None else parameter.callback(context, parameter, value)


def _is_converted(value: Any, annotation: Any) -> bool:
    if annotation == list[str]:
        return isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)
    return isinstance(annotation, type) and issubclass(annotation, (str, Enum)) and type(value) is annotation
