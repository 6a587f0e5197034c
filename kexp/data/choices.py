"""Options that are one of a few words, or a shape."""

from collections.abc import Sequence
from typing import Any, TypeGuard

from kexp.diagnostics import Diagnostic
from kexp.errors import SpecError, did_you_mean


def check_choice(name: str, value: str, choices: Sequence[str], path: str | None = None) -> None:
    """Refuse an option's value that is none of its choices; `path` is by default `data.<name>`.

    Raises: wrong-choice.
    """
    if value not in choices:
        listed = ", ".join(f"`{choice}`" for choice in choices)
        message = f"`{name}` must be one of {listed}, found `{value}`"
        raise SpecError(
            Diagnostic("wrong-choice", message, path or f"data.{name}", help=did_you_mean(value, choices))
        )


def is_shape(value: Any) -> TypeGuard[tuple[int, ...]]:
    """Tell a list of positive whole numbers; none at all is the shape of a single value."""
    return isinstance(value, tuple) and all(type(size) is int and size > 0 for size in value)
