"""What a data set holds, as text for the terminal."""

from collections.abc import Iterator, Mapping, Sequence

from kexp.diagnostics import printable
from kexp.protocols import ColumnFacts, DataFacts, Duplicates, SplitFacts

MOST_COLUMNS = 24
MOST_CLASSES = 20
_BAR = 24


def data_text(facts: DataFacts) -> str:
    """Return a data set's description in aligned lines."""
    sizes = ", ".join(f"{split.size:,} {split.name}" for split in facts.splits)
    parts = [[f"{facts.source}: {sizes}"]]
    train = facts.splits[0]
    parts.append(list(_aligned(column_table(train.columns))))
    parts += [_balance(target, facts.splits) for target in train.classes]
    if train.rows:
        parts.append(_examples(train))
    warnings = [leak(found) for found in facts.duplicates] + list(facts.notes)
    if warnings:
        parts.append(warnings)
    return printable("\n\n".join("\n".join(part) for part in parts))


def column_table(columns: Sequence[ColumnFacts]) -> list[tuple[str, ...]]:
    """Return a line per column, under a line of headings."""
    lines: list[tuple[str, ...]] = [("column", "role", "shape", "dtype", "low", "mean", "high", "")]
    lines += [_line(column) for column in columns[:MOST_COLUMNS]]
    left = len(columns) - MOST_COLUMNS
    return lines if left <= 0 else [*lines, (f"and {left:,} more", *[""] * 7)]


def leak(found: Duplicates) -> str:
    """Say that a split holds what another was trained on."""
    samples = "1 sample" if found.count == 1 else f"{found.count:,} samples"
    verb = "has" if found.count == 1 else "have"
    return (
        f"leak: {samples} of {found.second} {verb} the inputs of a sample of {found.first}, such as row "
        f"{found.example[1]} of {found.second} and row {found.example[0]} of {found.first}"
    )


def _line(column: ColumnFacts) -> tuple[str, ...]:
    shape = str(list(column.shape)) if column.shape else ""
    remark = "" if column.filled is None else f"missing: {_number(column.filled)}"
    if column.num_distinct is not None:
        remark = ", ".join(filter(None, (f"{column.num_distinct:,} different", remark)))
    numbers = tuple(_number(value) for value in (column.low, column.mean, column.high))
    return (column.name, column.role, shape, column.dtype, *numbers, remark)


def _number(value: str | float | None) -> str:
    return value if isinstance(value, str) else "" if value is None else f"{value:.4g}"


def _balance(target: str, splits: Sequence[SplitFacts]) -> list[str]:
    """Count the classes by split, with a bar for the first."""
    counts = {split.name: split.classes.get(target, {}) for split in splits}
    first = next(iter(counts.values()))
    most = max(first.values(), default=1)
    names = list(dict.fromkeys(name for held in counts.values() for name in held))
    lines = [(target, *counts, "")]
    for name in names[:MOST_CLASSES]:
        bar = "█" * round(_BAR * first.get(name, 0) / most)
        lines.append((name, *(f"{held.get(name, 0):,}" for held in counts.values()), bar))
    if len(names) > MOST_CLASSES:
        lines.append((f"and {len(names) - MOST_CLASSES:,} more", *[""] * (len(counts) + 1)))
    return list(_aligned(lines, right=range(1, len(counts) + 1)))


def _examples(split: SplitFacts) -> list[str]:
    lines = [f"the first samples of {split.name}"]
    for row in split.rows:
        lines.append("  " + "   ".join(f"{name}: {value}" for name, value in row.items()))
    return lines


def _aligned(lines: Sequence[Sequence[str]], right: Sequence[int] | range = range(4, 7)) -> Iterator[str]:
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    for line in lines:
        cells = (
            text.rjust(width) if place in right else text.ljust(width)
            for place, (text, width) in enumerate(zip(line, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()


def as_mapping(facts: DataFacts) -> Mapping[str, object]:
    """Return the contract of `kexp data --json`."""
    return {
        "schema": 1,
        "source": facts.source,
        "splits": {
            split.name: {
                "size": split.size,
                "columns": [
                    {name: getattr(column, name) for name in ColumnFacts.__slots__}
                    for column in split.columns
                ],
                "classes": split.classes,
                "rows": split.rows,
            }
            for split in facts.splits
        },
        "duplicates": [
            {"first": d.first, "second": d.second, "count": d.count, "example": d.example}
            for d in facts.duplicates
        ],
        "notes": facts.notes,
    }
