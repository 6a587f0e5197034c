"""Columns by name: which of them are inputs of their own, which are stacked."""

from collections.abc import Sequence
from dataclasses import dataclass

from kexp.errors import KexpError, SpecError, did_you_mean

STACKED = "features"
"""The input that holds all feature columns side by side."""


def named_columns(inputs: Sequence[str], columns: Sequence[str]) -> tuple[str, ...]:
    """Return the spec's inputs when they name columns; nothing when the columns are to be stacked.

    Raises: unknown-column.
    """
    if not set(inputs).intersection(columns):
        return ()
    for name in inputs:
        if name not in columns:
            raise unknown_column(name, columns, f"model.inputs.{name}")
    return tuple(inputs)


def unknown_column(name: str, columns: Sequence[str], path: str) -> KexpError:
    """Return the error for a column that the data does not have."""
    listed = ", ".join(f"`{column}`" for column in columns[:12]) + (", ..." if len(columns) > 12 else "")
    return SpecError.because(
        "unknown-column",
        f"the data has no column `{name}`",
        path=path,
        help=did_you_mean(name, columns) or f"the columns are {listed}",
    )


@dataclass(frozen=True, slots=True)
class Roles:
    """Which columns are inputs, and which targets."""

    inputs: tuple[str, ...]
    targets: tuple[str, ...]

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        target: str | tuple[str, ...],
        features: tuple[str, ...] | None,
        ignore: tuple[str, ...],
    ) -> "Roles":
        """Read `target`, `features` and `ignore` of a data set whose columns have names.

        Raises: unknown-column.
        """
        find = ColumnFinder(tuple(names), True)
        targets = find.all(target if isinstance(target, tuple) else (target,), "data.target")
        left_out = {*targets, *find.all(ignore, "data.ignore")}
        wanted = find.names if features is None else find.all(features, "data.features")
        return cls(tuple(name for name in wanted if name not in left_out), targets)


@dataclass(frozen=True, slots=True)
class ColumnFinder:
    """Turns what the spec calls a column, its name or its number where there is no header, into its name."""

    names: tuple[str, ...]
    header: bool

    def one(self, column: str | int, path: str) -> str:
        name = str(column)
        if (
            not self.header
            and name.lstrip("-").isdecimal()
            and -len(self.names) <= int(name) < len(self.names)
        ):
            return self.names[int(name)]
        if name in self.names:
            return name
        if self.header and isinstance(column, int):
            raise SpecError.because(
                "unknown-column",
                f"there is no column called `{name}`; columns have numbers only without a header",
                path=path,
                help="write the name, or `header: false` if the first line holds data",
            )
        raise unknown_column(name, self.names, path)

    def all(self, columns: Sequence[str | int], path: str) -> tuple[str, ...]:
        return tuple(self.one(column, path) for column in columns)
