"""What `preprocess` and `augment` make of samples, as text."""

from collections.abc import Iterator, Sequence

from kexp.protocols import ColumnFacts, DataFacts, Learnt, Passage, Passed, Version
from kexp.report.columns import NUMBERS, aligned, column_line, number_text

_SHORT = 32


def passages_text(facts: DataFacts) -> Iterator[list[str]]:
    """Yield a paragraph for each section that the spec has, and one for each of its entries."""
    for title, passages in sections(facts):
        if passages:
            yield [title]
            for passage in passages:
                yield list(_passage(passage))


def sections(facts: DataFacts) -> tuple[tuple[str, tuple[Passage, ...]], ...]:
    """Return the passages of both sections under their headings."""
    return (
        ("what `preprocess` makes of train", facts.preprocess),
        ("what `augment` makes of the first step's samples", facts.augment),
    )


def change_table(passage: Passage) -> list[tuple[str, ...]]:
    """Return a line for each column before and after, under a line of headings."""
    lines: list[tuple[str, ...]] = [("", "column", "shape", "dtype", "low", "mean", "high", "")]
    for when, columns in (("before", passage.before), ("after", passage.after)):
        lines += [(when, *_without_role(column)) for column in columns]
    return lines


def chain(passage: Passage) -> str:
    """Name the layers, one after another."""
    return " → ".join(name for name, _ in passage.layers)


def learnt_lines(passage: Passage) -> list[str]:
    """Say of each layer that learnt what it learnt."""
    return [f"{name} learnt {_learnt(one)}" for name, learnt in passage.layers for one in learnt]


def version_name(version: Version) -> str:
    """Say in which step a sample is seen so."""
    return "" if version.epoch is None else f"epoch {version.epoch}, step {version.step}"


def value_text(values: Sequence[tuple[str, str]]) -> str:
    """Return the values of columns; one needs no name."""
    if len(values) == 1:
        return values[0][1]
    return "   ".join(f"{name}: {value}" for name, value in values)


def _passage(passage: Passage) -> Iterator[str]:
    yield f"{passage.name}: {chain(passage)}"
    yield from (f"  {line}" for line in learnt_lines(passage))
    yield from (f"  {line}" for line in aligned(change_table(passage), right=NUMBERS))
    for passed in passage.rows:
        yield from _row(passed)
    if passage.is_drawn:
        yield "  `--png FILE` and `--html FILE` show pictures of it"


def _row(passed: Passed) -> Iterator[str]:
    """Put a short value before and after on one line, others on a line each."""
    before = value_text([*passed.before.items()])
    after = [(version_name(version), value_text([*version.values.items()])) for version in passed.after]
    if len(after) == 1 and not after[0][0] and max(len(before), len(after[0][1])) <= _SHORT:
        yield f"  row {passed.row}: {before} → {after[0][1]}"
        return
    yield f"  row {passed.row}: {before}"
    width = max((len(when) for when, _ in after), default=0)
    yield from (f"    {when.ljust(width)}{' ' if width else ''}→ {values}" for when, values in after)


def _without_role(column: ColumnFacts) -> tuple[str, ...]:
    name, _, *others = column_line(column)
    return (name, *others)


def _learnt(learnt: Learnt) -> str:
    values = [_value(value) for value in learnt.first]
    left = "…" if learnt.size > len(values) else ""
    name = learnt.name.replace("_", " ")
    counted = f"a {name} of {learnt.size:,}:" if learnt.name == "vocabulary" else name
    return f"{counted} {', '.join(values)}{', ' if left else ''}{left}"


def _value(value: str | float) -> str:
    text = number_text(value)
    return text if text.strip() else f'"{text}"'
