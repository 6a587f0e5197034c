"""What a data set holds, as text for the terminal."""

from collections.abc import Mapping, Sequence

from kexp.diagnostics import printable
from kexp.protocols import ColumnFacts, DataFacts, Duplicates, Passage, SplitFacts
from kexp.report.columns import aligned, column_table
from kexp.report.passages import passages_text

MOST_CLASSES = 20
_BAR = 24
_WIDEST = 100


def data_text(facts: DataFacts) -> str:
    """Return a data set's description in aligned lines."""
    sizes = ", ".join(f"{split.size:,} {split.name}" for split in facts.splits)
    parts = [[f"{facts.source}: {sizes}"]]
    train = facts.splits[0]
    parts.append(list(aligned(column_table(train.columns))))
    parts += [_balance(target, facts.splits) for target in train.classes]
    if train.rows:
        parts.append(_examples(train))
    parts += passages_text(facts)
    if doubts := doubts_of(facts):
        parts.append(doubts)
    return printable("\n\n".join("\n".join(part) for part in parts))


def doubts_of(facts: DataFacts) -> list[str]:
    """Return what may be wrong with the data, and what was noted when they were read."""
    return [*map(leak, facts.duplicates), *facts.notes]


def leak(found: Duplicates) -> str:
    """Say that a split holds what another was trained on."""
    samples = "1 sample" if found.count == 1 else f"{found.count:,} samples"
    verb = "has" if found.count == 1 else "have"
    return (
        f"leak: {samples} of {found.second} {verb} the inputs of a sample of {found.first}, such as row "
        f"{found.example[1]} of {found.second} and row {found.example[0]} of {found.first}"
    )


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
    return list(aligned(lines, right=range(1, len(counts) + 1)))


def _examples(split: SplitFacts) -> list[str]:
    """Show samples as a table or, where that is too wide, each with its columns below one another."""
    title, names = f"the first samples of {split.name}", tuple(split.rows[0])
    table = list(aligned([names, *[tuple(row[name] for name in names) for row in split.rows]], right=()))
    if max(map(len, table)) <= _WIDEST:
        return [title, *(f"  {line}" for line in table)]
    lines = [
        (f"row {number}" if name == names[0] else "", name, row[name])
        for number, row in enumerate(split.rows)
        for name in names
    ]
    return [title, *(f"  {line}" for line in aligned(lines, right=()))]


def as_mapping(facts: DataFacts) -> Mapping[str, object]:
    """Return the contract of `kexp data --json`."""
    return {
        "schema": 1,
        "source": facts.source,
        "splits": {
            split.name: {
                "size": split.size,
                "columns": [_column(column) for column in split.columns],
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
        **({"preprocess": _passages(facts.preprocess)} if facts.preprocess else {}),
        **({"augment": _passages(facts.augment)} if facts.augment else {}),
    }


def _column(column: ColumnFacts) -> dict[str, object]:
    return {name: getattr(column, name) for name in ColumnFacts.__slots__}


def _passages(passages: Sequence[Passage]) -> dict[str, object]:
    return {
        passage.name: {
            "layers": [
                {"name": name, "learnt": {one.name: {"size": one.size, "first": one.first} for one in learnt}}
                for name, learnt in passage.layers
            ],
            "before": [_column(column) for column in passage.before],
            "after": [_column(column) for column in passage.after],
            "rows": [
                {
                    "row": passed.row,
                    "before": passed.before,
                    "after": [
                        {"values": version.values, "epoch": version.epoch, "step": version.step}
                        for version in passed.after
                    ],
                }
                for passed in passage.rows
            ],
        }
        for passage in passages
    }
