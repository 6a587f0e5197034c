"""The columns of a Parquet file of any size, read some rows at a time."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kexp.data.arrays import text_dtype
from kexp.data.cache import SHARE
from kexp.data.declared import declared_fill, number_fill, open_fills, text_fill
from kexp.data.growing import Growing, room_for
from kexp.diagnostics import Diagnostic
from kexp.errors import DataError
from kexp.protocols import Column
from kexp.record.machine import free_memory_bytes

_BATCH_ROWS = 1 << 16


def opened_parquet(path: Path) -> Any:
    """Read what a file says of itself.

    Raises: parquet-unreadable, no-samples, duplicate-column.
    """
    from pyarrow import parquet

    with _whole(path):
        file = parquet.ParquetFile(path)
    if not file.metadata.num_rows:
        raise DataError.because("no-samples", f"`{path}` has no rows", path="data")
    names = file.schema_arrow.names
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError.because("duplicate-column", f"`{path}` has two columns `{twice}`", path="data")
    return file


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    """Refuse a file that is torn, or holds something else than its schema says.

    Raises: parquet-unreadable.
    """
    import pyarrow

    try:
        yield
    except (OSError, pyarrow.ArrowException) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        message = f"`{path}` is not a whole Parquet file: {reason}"
        raise DataError.because("parquet-unreadable", message, path="data") from None


@dataclass(frozen=True, slots=True)
class ParquetReading:
    """A file of pyarrow's, and what stands for a missing value in which column."""

    path: Path
    opened: Any
    missing: Mapping[str, str | float]
    gaps: dict[str, int] = field(default_factory=dict)

    @property
    def file(self) -> str:
        return str(self.path)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.opened.schema_arrow.names)

    def holds_numbers(self, name: str) -> bool:
        from pyarrow import types

        tests = (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal)
        return any(test(self._type(name)) for test in tests)

    def numbers(self, name: str) -> NDArray[np.float64]:
        """Return a column of numbers, NaN where a statistic is to be filled in.

        Raises: missing-value, wrong-fill, text-column, parquet-unreadable.
        """
        values: NDArray[np.float64] = self.stack((name,), "float64")[:]
        return values[:, 0]

    def stack(self, names: Sequence[str], dtype: str) -> Column:
        """Return columns of numbers side by side, read some rows at a time.

        Raises: what `numbers` raises, of all columns at once; no-room.
        """
        texts = [self._text_column(name) for name in names if not self.holds_numbers(name)]
        if texts:
            raise DataError(*texts)
        gaps = {name: _Gaps() for name in names}
        fills = open_fills(names, self.missing)
        rows = Growing(SHARE * free_memory_bytes())
        with _whole(self.path), room_for(self.file):
            for batch in self.opened.iter_batches(_BATCH_ROWS, columns=list(names)):
                batch.validate(full=True)
                room = np.empty((len(batch), len(names)), dtype)
                for place, name in enumerate(names):
                    # Whole numbers over 2**53 are rounded.
                    values = batch.column(name).cast("float64", safe=False).to_numpy(zero_copy_only=False)
                    lost = np.isnan(values)
                    gaps[name].see(lost)
                    with np.errstate(over="ignore"):
                        room[:, place] = np.where(lost, fills[name], values) if lost.any() else values
                rows.add(room)
        self._check_fills(gaps)
        return rows.column()

    def texts(self, name: str) -> NDArray[Any]:
        """Return a column of text; dates as ISO writes them.

        Raises: missing-value, wrong-fill, parquet-column, parquet-unreadable.
        """
        import pyarrow

        with _whole(self.path):
            table = self.opened.read(columns=[name])
            table.validate(full=True)
        column = table.column(name)
        try:
            codes = column.cast("string").combine_chunks().dictionary_encode()
        except (pyarrow.ArrowException, NotImplementedError):
            raise DataError.because(
                "parquet-column",
                f"`{name}` holds {column.type} in `{self.file}`, neither numbers nor text",
                path="data",
                help=f"leave it out with `ignore: [{name}]`",
            ) from None
        gaps = _Gaps()
        gaps.see(codes.indices.is_null().to_numpy(zero_copy_only=False))
        fill = text_fill(name, self._declared(name, gaps))
        texts = codes.dictionary.to_pylist() + ([fill] if gaps.number else [])
        numbers = codes.indices.fill_null(len(texts) - 1).to_numpy(zero_copy_only=False)
        chosen: NDArray[Any] = np.array(texts, text_dtype(len(numbers), max(map(len, texts))))[numbers]
        return chosen

    def _type(self, name: str) -> Any:
        return self.opened.schema_arrow.field(name).type

    def _text_column(self, name: str) -> Diagnostic:
        return Diagnostic(
            "text-column",
            f"`{name}` holds {self._type(name)} in `{self.file}`; stacked features are numbers",
            path="data",
            help=f"leave it out with `ignore: [{name}]`, or name the columns to use under `model.inputs`",
        )

    def _check_fills(self, gaps: Mapping[str, "_Gaps"]) -> None:
        faults: list[Diagnostic] = []
        for name, found in gaps.items():
            try:
                number_fill(name, self._declared(name, found))
            except DataError as error:
                faults.extend(error.diagnostics)
        if faults:
            raise DataError(*faults)

    def _declared(self, name: str, gaps: "_Gaps") -> str | float | None:
        if gaps.number:
            self.gaps[name] = gaps.number
        first = f"first in row {gaps.first} (counted from 0)"
        place = f"{gaps.number} of {gaps.num_rows} rows of `{self.file}`, {first}" if gaps.number else ""
        return declared_fill(name, self.missing, place)


@dataclass(slots=True)
class _Gaps:
    """How many values of a column are missing, of how many, and the row of the first."""

    num_rows: int = 0
    number: int = 0
    first: int = 0

    def see(self, lost: NDArray[np.bool_]) -> None:
        if not self.number and lost.any():
            self.first = self.num_rows + int(lost.argmax())
        self.num_rows += len(lost)
        self.number += int(lost.sum())
