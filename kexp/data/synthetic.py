"""Made-up samples of declared shapes: for smoke runs and benchmarks."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kexp.data.choices import check_choice, is_shape
from kexp.data.order import generator
from kexp.errors import SpecError
from kexp.protocols import Samples, Site, Table
from kexp.spec.types import PositiveInt

DTYPES = ("float16", "float32", "float64", "uint8", "int32", "int64")
_WORDS = ("shape", "dtype", "below")


def load(
    site: Site,
    /,
    *,
    inputs: Mapping[str, Any],
    targets: Mapping[str, Any] | None = None,
    samples: PositiveInt = 1000,
) -> Table:
    """Make up samples: normal values, or whole numbers below a bound.

    inputs: by name a shape, or `{shape: [28, 28], dtype: uint8, below: 256}`
    targets: by name a number of classes, a shape, or the same map
    samples: how many

    Raises: bad-shape, wrong-choice, out-of-range.
    """
    arrays = {
        role: {
            name: _array(_Place(site.seed, role, name), declared, samples)
            for name, declared in (given or {}).items()
        }
        for role, given in (("inputs", inputs), ("targets", targets))
    }
    return Table({"all": Samples(arrays["inputs"], arrays["targets"])})


class _Place:
    """Where an array is declared, and what its numbers hang on."""

    def __init__(self, seed: int, role: str, name: str) -> None:
        self.random = generator("synthetic", seed, role, name)
        self.role, self.name = role, name
        self.path = f"data.{role}.{name}"


def _array(place: _Place, declared: Any, size: int) -> NDArray[Any]:
    if place.role == "targets" and type(declared) is int and declared > 0:
        return place.random.permutation(np.arange(size, dtype=np.int32) % declared)
    known = declared if isinstance(declared, Mapping) else {"shape": declared}
    shape = known.get("shape")
    if not is_shape(shape) or not set(known) <= set(_WORDS):
        noun = place.role.removesuffix("s")
        raise SpecError.because(
            "bad-shape",
            f"the {noun} `{place.name}` must be a shape or a map with `shape`, found `{declared}`",
            path=place.path,
            help=f"write `{place.name}: [28, 28]`, or `{place.name}: {{shape: [28, 28], dtype: uint8}}`",
        )
    return _values(place, (size, *shape), known)


def _values(place: _Place, shape: tuple[int, ...], known: Mapping[str, Any]) -> NDArray[Any]:
    dtype = known.get("dtype", "int32" if "below" in known else "float32")
    check_choice("dtype", dtype, DTYPES, path=f"{place.path}.dtype")
    if dtype.startswith("float"):
        return place.random.standard_normal(shape, np.float32).astype(dtype)
    below, most = known.get("below", 256), np.iinfo(dtype).max + 1
    if type(below) is not int or not 1 <= below <= most:
        message = (
            f"`below` must be a whole number of at least 1 and at most {most} for {dtype}, found `{below}`"
        )
        raise SpecError.because("out-of-range", message, path=f"{place.path}.below")
    return place.random.integers(0, below, shape).astype(dtype)
