"""What a table wants of a CSV file: columns of numbers or text, mostly read in one go."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from numpy.typing import NDArray

from kexp.data.cache import SHARE
from kexp.data.csv_columns import Numbers, Texts, scan
from kexp.data.csv_pieces import CsvFile
from kexp.data.csv_values import Judge, Reading, Tally
from kexp.data.declared import open_fills
from kexp.data.growing import room_for
from kexp.data.tables import Layout
from kexp.diagnostics import Diagnostic
from kexp.errors import DataError
from kexp.protocols import Column
from kexp.record.machine import free_memory_bytes


@dataclass(frozen=True, slots=True)
class _Held:
    """What was read of a file. The columns of `stack` are side by side, the others by themselves."""

    stack: Numbers
    numbers: dict[str, Numbers]
    texts: dict[str, Texts]

    @property
    def tallies(self) -> dict[str, Tally]:
        """What was seen of each column."""
        parts = [self.stack.tallies, *(numbers.tallies for numbers in self.numbers.values())]
        found = {name: tally for tallies in parts for name, tally in tallies.items()}
        return found | {name: texts.tally for name, texts in self.texts.items()}


class CsvReading:
    """The columns of a CSV file that a layout names; the file is read when the first is asked for."""

    def __init__(self, file: CsvFile, layout: Layout) -> None:
        self.csv, self.layout = file, layout
        self.judge = Judge(self.file, layout.filled)

    @property
    def file(self) -> str:
        return str(self.csv.path)

    @property
    def names(self) -> tuple[str, ...]:
        return self.csv.names

    def holds_numbers(self, name: str) -> bool:
        """Tell whether at least half of the fields are numbers, so that the others are mistakes."""
        return self._held.tallies[name].is_numeric

    def numbers(self, name: str) -> NDArray[Any]:
        """Return a column of numbers, NaN where a statistic is to be filled in.

        Raises: missing-value, wrong-fill, not-a-number, text-column.
        """
        if name not in self._held.numbers:
            self._held.numbers.update(self._read((), (name,), ()).numbers)
        column = self._held.numbers[name]
        self.judge.number_fill(name, column.tallies[name])
        values: NDArray[Any] = column.rows.column()[:]
        return values[:, 0]

    def texts(self, name: str) -> NDArray[Any]:
        """Return a column of text.

        Raises: missing-value, wrong-fill.
        """
        if name not in self._held.texts:
            self._held.texts.update(self._read((), (), (name,)).texts)
        column = self._held.texts[name]
        return column.array(self.judge.text_fill(name, column.tally))

    def stack(self, names: Sequence[str], dtype: str) -> Column:
        """Return the columns that the layout stacks.

        Raises: missing-value, wrong-fill, not-a-number, text-column, of all columns at once.
        """
        faults: list[Diagnostic] = []
        for name in names:
            try:
                self.judge.number_fill(name, self._held.stack.tallies[name])
            except DataError as error:
                faults.extend(error.diagnostics)
        if faults:
            raise DataError(*faults)
        return self._held.stack.rows.column()

    @property
    def gaps(self) -> dict[str, int]:
        tallies = self._held.tallies
        found = {name: tallies[name].num_missing for name in self.names if name in tallies}
        return {name: number for name, number in found.items() if number}

    @cached_property
    def _held(self) -> _Held:
        stacked = () if self.layout.named else self.layout.stacked
        singles = dict.fromkeys((*self.layout.free, *filter(None, [self.layout.weight])))
        first = Reading(self.csv.first, {})
        numeric = [name for name in singles if name == self.layout.weight or first.holds_numbers(name)]
        return self._read(stacked, numeric, [name for name in singles if name not in numeric])

    def _read(self, stacked: Sequence[str], numeric: Sequence[str], texts: Collection[str]) -> _Held:
        """Read the file once.

        Raises: what `scan` raises; data-file-changed, no-room.
        """
        held = _Held(
            Numbers(open_fills(stacked, self.layout.filled), self.layout.dtype, SHARE * free_memory_bytes()),
            {name: Numbers(open_fills((name,), self.layout.filled), "float64") for name in numeric},
            {name: Texts() for name in texts},
        )
        with room_for(self.file):
            scan(self.csv, [*([held.stack] if stacked else []), *held.numbers.values()], held.texts)
        self.csv.watched.check()
        return held
