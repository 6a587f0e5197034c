"""Two runs beside each other, as text."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from kexp.diagnostics import printable
from kexp.record.differences import SECTIONS, Difference

_MOST = 60


def differences_text(found: Sequence[Difference]) -> str:
    """Return what differs, section by section; a section without differences says so."""
    by_section = {name: list(part) for name, part in groupby(found, key=lambda d: d.section)}
    same = [name for name in SECTIONS if name not in by_section]
    parts = [[f"{name}:", *_lines(part)] for name, part in by_section.items()]
    if same:
        parts.append([f"the same: {', '.join(same)}"])
    return printable("\n\n".join("\n".join(part) for part in parts))


def _lines(found: Sequence[Difference]) -> Iterator[str]:
    width = min(max((len(d.key) for d in found if not d.lines), default=0), _MOST)
    for difference in found:
        if difference.lines:
            yield f"  {difference.key}:"
            yield from (f"    {line}" for line in difference.lines)
        else:
            change = f"{shown(difference.first)} → {shown(difference.second)}"
            yield f"  {shown(difference.key):<{width}}  {change}"


def shown(value: object) -> str:
    """Return a value as people read it: short hashes, six digits."""
    if value is None:
        return "(none)"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    if len(text) == 64 and all(c in "0123456789abcdef" for c in text):
        return text[:12]
    return text if len(text) <= _MOST else f"{text[: _MOST - 1]}…"
