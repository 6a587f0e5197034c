"""Splits in which the rows of one group stay together: no patient is trained on and tested on."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kexp.data.order import Indices
from kexp.diagnostics import Diagnostic
from kexp.errors import DataError


def cut_groups(order: Indices, keys: NDArray[Any], sizes: Mapping[str, int]) -> dict[str, Indices]:
    """Return the rows by split: whole groups, as near to the sizes as groups allow.

    Raises: too-few-groups.
    """
    first, *others = sizes
    groups = in_groups(order, keys)
    rows: dict[str, Indices] = {}
    for name in others:
        chosen, groups = _nearest_to(sizes[name], groups)
        rows[name] = np.concatenate(chosen) if chosen else np.empty(0, np.int64)
    rows = {first: np.concatenate(groups) if groups else np.empty(0, np.int64), **rows}
    for name, part in rows.items():
        if not len(part):
            raise too_few_groups(keys, f"no group is left for {name}")
    return rows


def in_groups(order: Indices, keys: NDArray[Any]) -> list[Indices]:
    """Return the rows of each group, groups and rows in the order given."""
    _, firsts, labels = np.unique(keys[order], return_index=True, return_inverse=True)
    return [order[labels == number] for number in np.argsort(firsts)]


def fold_of_groups(order: Indices, keys: NDArray[Any], k: int, index: int) -> Indices:
    """Return the rows of one of `k` parts: the largest groups first, each to the part with the fewest rows.

    Raises: too-few-groups.
    """
    groups = sorted(in_groups(order, keys), key=len, reverse=True)
    if len(groups) < k:
        raise too_few_groups(keys[order], f"{k} folds need at least {k}")
    parts: list[list[Indices]] = [[] for _ in range(k)]
    for group in groups:
        min(parts, key=lambda part: sum(map(len, part))).append(group)
    return np.concatenate(parts[index])


def too_few_groups(keys: NDArray[Any], why: str) -> DataError:
    number = len(np.unique(keys))
    return DataError(
        Diagnostic(
            "too-few-groups",
            f"the data has {number} {'group' if number == 1 else 'groups'}, and {why}",
            "data.split.group",
            help="take smaller splits, or a column with more groups",
        )
    )


def _nearest_to(size: int, groups: list[Indices]) -> tuple[list[Indices], list[Indices]]:
    """Take groups from the end as long as each brings the number of rows nearer to `size`."""
    chosen: list[Indices] = []
    left: list[Indices] = []
    taken = 0
    for group in reversed(groups):
        if abs(taken + len(group) - size) < abs(taken - size):
            chosen.append(group)
            taken += len(group)
        else:
            left.append(group)
    return chosen, left[::-1]
