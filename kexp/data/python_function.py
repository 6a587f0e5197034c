"""Data that the user's own function or class returns."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from kexp.custom import has_user_frames, load_object, user_traceback
from kexp.data.arrays import tidy_array
from kexp.data.streams import Unreadable, is_stream, read_stream
from kexp.diagnostics import Diagnostic
from kexp.errors import DataError, SpecError
from kexp.protocols import Samples, Site, Table
from kexp.spec.types import Value

PARTS = ("train", "val", "test")
EXPECTED = (
    "return `(x, y)` or `(x, y, weights)` with arrays or maps of arrays, a data set as `fit` takes it,"
    " or a map from `train`, `val` and `test` to such"
)


class _Unexpected(Exception):
    """Says what a function returned instead of samples, and what to return."""

    def __init__(self, found: str, help: str = EXPECTED) -> None:
        super().__init__(found)
        self.help = help


def load_function(reference: str, site: Site, args: Mapping[str, Value]) -> Table:
    """Call the function that `reference` names, with `args` and, if it takes one, the seed.

    Raises: what `load_object` raises; not-a-function, data-function-arguments, data-function-raised,
        bad-data-function.
    """
    function = _imported(reference, site)
    keywords = {name: _plain(value) for name, value in args.items()}
    signature = inspect.signature(function)
    if "seed" in signature.parameters:
        keywords.setdefault("seed", site.seed)
    try:
        signature.bind(**keywords)
    except TypeError as error:
        message = f"`{reference}{signature}` cannot be called like this: {error}"
        raise SpecError.because("data-function-arguments", message, path="data.args") from None
    try:
        parts = _parts(function(**keywords))
        notes = (f"`{reference}`: {note}" for _, note in parts.values() if note is not None)
        return Table({part: samples for part, (samples, _) in parts.items()}, notes=tuple(notes))
    except (_Unexpected, Unreadable) as error:
        message = f"`{reference}` returned {error}"
        help = error.help if isinstance(error, _Unexpected) else EXPECTED
        raise DataError.because("bad-data-function", message, path="data.source", help=help) from None
    except Exception as error:
        if not has_user_frames(error, site.folder):
            raise
        raise DataError.because(
            "data-function-raised",
            f"`{reference}` raised {type(error).__name__}",
            path="data.source",
            detail=user_traceback(error, site.folder),
        ) from None


def _imported(reference: str, site: Site) -> Callable[..., object]:
    try:
        function = load_object(reference, site.folder)
    except SpecError as error:
        raise SpecError(*(replace(fault, path="data.source") for fault in error.diagnostics)) from None
    if not callable(function):
        message = f"`{reference}` is of type `{type(function).__name__}`, not a function"
        raise SpecError(Diagnostic("not-a-function", message, path="data.source"))
    return function


def _plain(value: Value) -> object:
    """Return lists and dicts, which a user's function may expect to change."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _parts(returned: object) -> dict[str, tuple[Samples, str | None]]:
    if isinstance(returned, Mapping):
        if "train" not in returned or not set(returned).issubset(PARTS):
            raise _Unexpected(f"a map of {', '.join(f'`{key}`' for key in returned) or 'nothing'}")
        return {part: _samples(returned[part]) for part in PARTS if part in returned}
    if isinstance(returned, (tuple, list)) and returned and all(map(_is_split, returned)):
        parts = ", ".join(f'"{part}": …' for part in PARTS[: max(2, len(returned))])
        help = f"say which is which: `return {{{parts}}}`"
        raise _Unexpected(f"a {type(returned).__name__} of {len(returned)} data sets", help)
    return {"all": _samples(returned)}


def _is_split(value: object) -> bool:
    """Tell a data set in a list of such, as Keras's own loaders return them."""
    if isinstance(value, tuple) and len(value) in (2, 3):
        return all(hasattr(item, "__len__") and not isinstance(item, (str, bytes)) for item in value)
    return is_stream(value)


def _samples(returned: object) -> tuple[Samples, str | None]:
    """Return samples, and what is in doubt about them."""
    if is_stream(returned):
        return read_stream(returned)
    if not isinstance(returned, tuple):
        raise _Unexpected(f"a value of type `{type(returned).__name__}`")
    if len(returned) not in (2, 3):
        raise _Unexpected(f"a tuple of {len(returned)}")
    x, y, weights = (*returned, None)[:3]
    inputs = _named(x, "x")
    if not inputs:
        raise _Unexpected("no inputs")
    targets = {} if y is None else _named(y, "y")
    return Samples(inputs, targets, None if weights is None else _array(weights, "weights")), None


def _named(value: object, name: str) -> dict[str, NDArray[Any]]:
    if isinstance(value, Mapping):
        return {str(key): _array(item, str(key)) for key, item in value.items()}
    return {name: _array(value, name)}


def _array(value: object, name: str) -> NDArray[Any]:
    try:
        return tidy_array(value)
    except (TypeError, ValueError) as error:
        raise _Unexpected(f"an unusable `{name}`: {error}") from None
