"""What a spec declares to stand for missing values: a number, a text, or a statistic."""

import math
from collections.abc import Iterable, Mapping

from kexp.errors import DataError, KexpError, SpecError

STATISTICS = ("median", "mean")


def parse_number(text: str) -> float | None:
    """Return the finite number that `text` spells, if it does."""
    try:
        # Some controls are white to `strip`, as they are to numpy's parser, and not to `float`.
        number = float(text.strip())
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in text else None


def declared_fill(name: str, missing: Mapping[str, str | float], place: str) -> str | float | None:
    """Return what `missing` says of a column; `place` is where its values are missing, empty for nowhere.

    Raises: missing-value.
    """
    if name in missing or not place:
        return missing.get(name)
    raise DataError.because(
        "missing-value",
        f"`{name}` has no value in {place}",
        path="data.missing",
        help=f"say what stands there: `missing: {{{name}: median}}`, `mean` or a value",
    )


def open_fills(names: Iterable[str], missing: Mapping[str, str | float]) -> dict[str, float]:
    """Return what can be put into the gaps of columns of numbers at once; NaN keeps a gap open."""
    fills = {name: parse_number(str(missing.get(name))) for name in names}
    return {name: math.nan if fill is None else fill for name, fill in fills.items()}


def number_fill(name: str, fill: str | float | None) -> float:
    """Return what stands for a missing number: NaN where a statistic is to be filled in.

    Raises: wrong-fill.
    """
    if fill is None or fill in STATISTICS:
        return math.nan
    if parse_number(str(fill)) is None:
        raise _wrong_fill(
            name, f"`{fill}` cannot stand in a column of numbers", "a number, `median` or `mean`"
        )
    return float(fill)


def text_fill(name: str, fill: str | float | None) -> str:
    """Return what stands for a missing text.

    Raises: wrong-fill.
    """
    if fill in STATISTICS:
        raise _wrong_fill(name, f"a column of text has no {fill}", "the text that stands for a missing value")
    return str(fill)


def _wrong_fill(name: str, found: str, expected: str) -> KexpError:
    return SpecError.because("wrong-fill", found, path=f"data.missing.{name}", help=f"write {expected}")
