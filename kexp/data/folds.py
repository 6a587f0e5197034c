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

    Raises: too-few-samples, too-few-groups.
    """
    fold = split.fold
    assert fold is not None
    check_folds(fold, len(rows), fold.k)
    if split.group is not None:
        val = fold_of_groups(rows, samples.keys[split.group], fold.k, fold.index)
    else:
        val = _dealt(rows, fold, strata)
    return {"train": rows[~np.isin(rows, val)], "val": val}


def check_folds(fold: Fold, num_rows: int, least: int) -> None:
    """Refuse more folds than there are samples for.

    Raises: too-few-samples.
    """
    if num_rows < least:
        message = f"{fold.k} folds need {least} samples or more, and there are {num_rows}"
        raise DataError.because("too-few-samples", message, path="data.split.fold")


def _dealt(rows: Indices, fold: Fold, strata: Strata | None) -> Indices:
    """Deal the rows out in turn, class by class, so that parts and classes differ by one at most."""
    ordered = rows if strata is None else np.concatenate(strata.classes(rows))
    return ordered[fold.index :: fold.k]
