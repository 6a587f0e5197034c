"""Cross-validation: val is one of k parts of what the test split leaves."""

import numpy as np

from kexp.data.groups import fold_of_groups
from kexp.data.order import Indices
from kexp.data.strata import Strata
from kexp.errors import DataError
from kexp.protocols import Samples
from kexp.spec.types import Fold, Split


def fold_rows(rows: Indices, samples: Samples, split: Split, strata: Strata | None) -> dict[str, Indices]:
    """Return `train` and `val` of a fold of `rows`, which come in the order they are cut.

    By `order` the folds grow: fold 0 trains on the first of k + 1 parts and is validated on the second.

    Raises: too-few-samples, too-few-groups.
    """
    fold = split.fold
    assert fold is not None
    least = fold.k if split.order is None else fold.k + 1
    if len(rows) < least:
        message = f"{fold.k} folds need {least} samples or more, and there are {len(rows)}"
        raise DataError.because("too-few-samples", message, path="data.split.fold")
    if split.order is not None:
        parts = np.array_split(rows, fold.k + 1)
        return {"train": np.concatenate(parts[: fold.index + 1]), "val": parts[fold.index + 1]}
    if split.group is not None:
        val = fold_of_groups(rows, samples.keys[split.group], fold.k, fold.index)
    else:
        val = _dealt(rows, fold, strata)
    return {"train": rows[~np.isin(rows, val)], "val": val}


def _dealt(rows: Indices, fold: Fold, strata: Strata | None) -> Indices:
    """Deal the rows out in turn, class by class, so that parts and classes differ by one at most."""
    ordered = rows if strata is None else np.concatenate(strata.classes(rows))
    return ordered[fold.index :: fold.k]
