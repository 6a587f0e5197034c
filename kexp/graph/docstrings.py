"""Docstrings of Keras and of our own sources -> a paragraph, and a line for each argument."""

import inspect
import re
from collections.abc import Iterable, Iterator

_SECTION = re.compile(r"(?P<title>[A-Z][\w ]*):\s*")
_NAMES = r"\*{0,2}\w+(?: ?[,/] ?\*{0,2}\w+)*"
_ENTRY = re.compile(rf"(?P<indent> *)`?(?P<names>{_NAMES})`?(?: \([^)]*\))?: +(?P<text>\S.*)")
_BARE_ENTRY = re.compile(r"(?P<indent> *)`?(?P<names>\w+)`?: *(?P<text>)")
_SHORT_FORMS = "".join(
    rf"(?<!\b{word})" for word in (r"e\.g", r"i\.e", "ie", "eg", "etc", "vs", "al", "[A-Z]")
)
_END = re.compile(rf"{_SHORT_FORMS}\.(?=\s+[^a-z\s])")
_WORDS = {"None": "null", "True": "true", "False": "false"}
_LONGEST = 200
_SHORTEST = 30
"""A first sentence such as `Boolean.` is not enough."""

ARGUMENTS = ("", "Args", "Arguments")
CALL = ("Call arguments", "Call Arguments", "Call Args")


def paragraph(value: object) -> str:
    """Return the first paragraph of a docstring on one line."""
    text = (inspect.getdoc(value) or "").split("\n\n")[0]
    return _cleaned(text)


def argument_lines(
    value: object, names: Iterable[str], titles: tuple[str, ...] = ARGUMENTS
) -> dict[str, str]:
    """Return what a docstring says of these arguments, in its sections of these titles."""
    known = set(names)
    found: dict[str, list[str]] = {}
    current: list[str] = []
    margin = 0
    for title, line in _lines(inspect.getdoc(value) or ""):
        entry = (_ENTRY.fullmatch(line) or _BARE_ENTRY.fullmatch(line)) if title in titles else None
        if entry is not None and (known & set(_names(entry["names"])) or len(entry["indent"]) <= margin):
            margin = len(entry["indent"])
            current = _names(entry["names"])
            found |= {name: [entry["text"]] for name in current}
        elif title not in titles or (title == "" and not line):
            current = []
        else:
            for name in current:
                found[name].append(line.strip())
    texts = {name: _brief(_cleaned(" ".join(lines))) for name, lines in found.items() if name in known}
    return {name: text for name, text in texts.items() if text}


def _names(text: str) -> list[str]:
    return re.split(r" ?[,/] ?", text.replace("*", ""))


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """Yield every line with the title of the section it stands in."""
    title = ""
    for line in text.splitlines():
        section = _SECTION.fullmatch(line)
        if section is not None:
            title = section["title"]
        else:
            yield title, line


def _cleaned(text: str) -> str:
    text = re.sub(r"\s+", " ", text).strip().replace("..", ".")
    text = re.sub(r"\[([^\]]+)\]\s?\(\s*https?:[^)]*\)", r"\1", text)
    text = re.sub(r"``([^`]+)``", r"`\1`", text)
    text = re.sub(r"`\"(\w+)(?:\"`|`\")", r'"\1"', text)
    return re.sub(r"\b(None|True|False)\b", lambda word: _WORDS[word[0]], text)


def _brief(text: str) -> str:
    """Return the first sentence, with the second when the first says nothing."""
    for end in _END.finditer(text):
        if end.start() >= _SHORTEST:
            text = text[: end.end()]
            break
    if len(text) > _LONGEST:
        text = text[:_LONGEST].rsplit(" ", 1)[0].rstrip(",;:") + " …"
    return text


def sentence(text: str) -> str:
    """Return a text that begins and ends as a sentence does."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "…")) else f"{text.rstrip(':;,')}."
