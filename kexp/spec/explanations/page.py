"""What `kexp explain` shows of one topic."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """An argument or a key: what it takes, whether it must be given, and what holds when it is left out."""

    name: str
    type: str
    required: bool = False
    default: object = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Example:
    """A piece of text; `label` is `wrong`, `right` or empty, and `file` the name it is saved under."""

    language: str
    text: str
    label: str = ""
    file: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a heading: `arguments`, `call` or `keys`."""

    heading: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """`takes` is for a topic that is a key or an argument; `also` are its other names, `see` other topics."""

    name: str
    kind: str
    text: str
    examples: tuple[Example, ...] = ()
    takes: Row | None = None
    tables: tuple[Table, ...] = ()
    also: tuple[str, ...] = ()
    see: tuple[str, ...] = ()
