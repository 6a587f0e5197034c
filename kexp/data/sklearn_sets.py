"""The small tables that come with scikit-learn."""

import gzip
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kexp.data.columns import STACKED, named_columns
from kexp.diagnostics import Diagnostic
from kexp.errors import SpecError, did_you_mean
from kexp.protocols import Samples, Site, Table

CLASSIFICATION = ("digits", "iris", "wine", "breast_cancer")
REGRESSION = ("diabetes", "linnerud")


def load(site: Site, /, *, dataset: str) -> Table:
    """Read a table that comes with scikit-learn.

    dataset: digits, iris, wine, breast_cancer, diabetes or linnerud

    Raises: unknown-dataset, unknown-column.
    """
    known = CLASSIFICATION + REGRESSION
    if dataset not in known:
        help = did_you_mean(dataset, known) or f"the datasets are {', '.join(f'`{name}`' for name in known)}"
        message = f"scikit-learn comes with no dataset `{dataset}`"
        raise SpecError(Diagnostic("unknown-dataset", message, path="data.dataset", help=help))
    bunch = _bunch(dataset)
    names = tuple(map(str, bunch.feature_names))
    inputs = _inputs(bunch.data.astype(np.float32), names, site)
    columns = {STACKED: names} if STACKED in inputs else {}
    if dataset in CLASSIFICATION:
        classes = {"target": tuple(map(str, bunch.target_names))}
        targets = {"target": bunch.target.astype(np.int32)}
        return Table({"all": Samples(inputs, targets)}, classes, columns=columns)
    return Table({"all": Samples(inputs, _values(bunch))}, columns=columns)


def _bunch(dataset: str) -> Any:
    """Return what scikit-learn's loader gives; the digits without importing it, which takes half a second."""
    spec = find_spec("sklearn")
    folder = Path(spec.origin).parent if spec is not None and spec.origin else Path()
    packed = folder / "datasets" / "data" / "digits.csv.gz"
    if dataset == "digits" and packed.is_file():
        with gzip.open(packed, "rt") as file:
            table = np.loadtxt(file, delimiter=",")
        pixels = [f"pixel_{row}_{column}" for row in range(8) for column in range(8)]
        return SimpleNamespace(
            data=table[:, :-1], target=table[:, -1], feature_names=pixels, target_names=range(10)
        )
    from sklearn import datasets

    return getattr(datasets, f"load_{dataset}")()


def _inputs(matrix: NDArray[np.float32], names: tuple[str, ...], site: Site) -> dict[str, NDArray[Any]]:
    columns = named_columns(site.columns, names)
    if not columns:
        return {STACKED: matrix}
    return {name: matrix[:, [names.index(name)]] for name in columns}


def _values(bunch: Any) -> dict[str, NDArray[Any]]:
    target = bunch.target.astype(np.float32)
    if target.ndim == 1:
        return {"target": target}
    return {name: target[:, number] for number, name in enumerate(bunch.target_names)}
