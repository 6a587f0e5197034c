"""Markdown chapters -> pages by name."""

import re
from functools import cache
from importlib import resources

from kexp.spec.explanations.page import Example, Page

FAULTS = (
    *("text", "keys", "objects", "steps", "wiring", "training", "doubts"),
    *("code", "data", "preparing", "runs", "models"),
)
"""The chapters about diagnostics, in the order in which they are listed."""

WORDS = "words"
"""The chapter about the words of the language."""

_FENCE = re.compile(
    r"^```(?P<language>\w+)(?: (?P<label>wrong|right))?(?: (?P<file>\S+))?\n(?P<text>.*?)\n```$",
    re.MULTILINE | re.DOTALL,
)


@cache
def read_chapter(name: str) -> dict[str, Page]:
    """Return a chapter's pages by their names; their kind is the chapter's title."""
    file = resources.files("kexp.spec.explanations").joinpath(f"{name}.md")
    title, *sections = re.split(r"^## ", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    kind = title.removeprefix("# ").strip()
    return {page.name: page for page in (_page(kind, section) for section in sections)}


def _page(kind: str, section: str) -> Page:
    name, _, body = section.partition("\n")
    examples = (
        Example(fence["language"], fence["text"], fence["label"] or "", fence["file"] or "")
        for fence in _FENCE.finditer(body)
    )
    return Page(name.strip(), kind, _FENCE.sub("", body).strip(), tuple(examples))
