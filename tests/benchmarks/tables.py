"""Numbers for people: a table, and the machine that they come from."""

import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

Cell = str | int | float

_PACKAGES = ("keras", "tensorflow", "jax", "numpy")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a header; numbers stand to the right. `note` says what is not in the cells."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""

    def __str__(self) -> str:
        cells = [[_text(cell) for cell in row] for row in self.rows]
        widths = [max(map(len, column)) for column in zip(self.header, *cells, strict=True)]
        right = [
            all(isinstance(cell, (int, float)) for cell in column) for column in zip(*self.rows, strict=True)
        ]
        lines = [
            self.title,
            "",
            _line(self.header, widths, right),
            "  ".join("-" * width for width in widths),
        ]
        lines += [_line(row, widths, right) for row in cells]
        return "\n".join([*lines, *(["", self.note] if self.note else [])])


def _line(cells: Iterable[str], widths: Iterable[int], right: Iterable[bool]) -> str:
    columns = zip(cells, widths, right, strict=True)
    return "  ".join(cell.rjust(width) if end else cell.ljust(width) for cell, width, end in columns).rstrip()


def _text(cell: Cell) -> str:
    return f"{cell:.3f}" if isinstance(cell, float) else str(cell)


def machine() -> str:
    """Return what the numbers depend on besides the code."""
    installed = {str(each.name).lower(): each.version for each in metadata.distributions()}
    versions = ", ".join(f"{name} {installed[name]}" for name in _PACKAGES if name in installed)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return "\n".join(
        [
            f"{_processor()}, {cpus} CPUs for this process, load {load}",
            f"{platform.system()} {platform.release()}, Python {platform.python_version()}, {versions}",
        ]
    )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
