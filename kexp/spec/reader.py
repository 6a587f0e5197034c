"""Document nodes -> typed values, by the annotations of `spec.types`; faults are gathered, not raised."""

import dataclasses
import re
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from kexp.diagnostics import Diagnostic, Span
from kexp.document import Entries, Items, Node, Scalar
from kexp.errors import did_you_mean, nearest
from kexp.spec.calls import Wiring
from kexp.spec.catalogue import Catalogue
from kexp.spec.elsewhere import meant_elsewhere, nearly_elsewhere
from kexp.spec.formula import FormulaError, NeverClosed, UnknownName, has_formula
from kexp.spec.spellings import nearly
from kexp.spec.types import Block, Graph, Within
from kexp.spec.values import KNOWN_VALUES, settled

S = TypeVar("S")
T = TypeVar("T")
Reads = Callable[["Cursor", Any], Any]


MAX_FAULTS = 100
"""Whoever has made more faults than this mends them in turns."""


class Unreadable(Exception):
    """A value that cannot be read; its fault is already among the gathered ones."""


class TooManyFaults(Exception):
    """Ends a reading."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a document: what is known, the faults so far, and readers for special types."""

    catalogue: Catalogue
    variables: dict[str, Node]
    readers: Mapping[Any, Reads]
    faults: list[Diagnostic] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)
    """What is legal but probably wrong; unlike a fault it makes nothing unreadable."""
    blocks: dict[str, Block] = field(default_factory=dict)
    refused_blocks: set[str] = field(default_factory=set)
    graphs: list[tuple["Cursor", Graph]] = field(default_factory=list)
    """Every graph that could be read, to have its wiring checked once all blocks are known."""
    incomplete: set[str] = field(default_factory=set)
    """The paths of groups in which a step is at fault."""
    wirings: dict[str, Wiring] = field(default_factory=dict)
    """What each graph's wiring came to, by the graph's path."""
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By path of a map: the values of its keys that could be read, also where others could not."""
    misplaced: frozenset[str] = frozenset()
    """The paths of keys that stand in a wrong section."""
    symbols: frozenset[str] = frozenset()
    """Parameters and repeat values whose formulas are computed when the graph is laid out."""

    @contextmanager
    def gather(self) -> Iterator[None]:
        """Go on after a value that cannot be read."""
        with suppress(Unreadable):
            yield


@dataclass(frozen=True, slots=True)
class Cursor:
    """A node, the path that leads to it, and the key it stands under."""

    given: Node
    path: str
    reading: Reading
    key: Span | None = None

    @property
    def node(self) -> Node:
        """The node to read.

        Raises: Unreadable when it was refused before, so that its fault brings no echo.
        """
        if isinstance(self.given, Scalar) and self.given.refused:
            raise Unreadable
        return self.given

    @property
    def span(self) -> Span:
        """The value's place; the key's where the value is left out."""
        if isinstance(self.given, Scalar) and self.given.value is None and self.key is not None:
            return self.key
        return self.given.span

    def within(self, symbols: Iterable[str]) -> "Cursor":
        """Return the cursor where more names stand for values that are computed later."""
        reading = replace(self.reading, symbols=self.reading.symbols | set(symbols))
        return replace(self, reading=reading)

    def child(self, key: Scalar, node: Node) -> "Cursor":
        path = f"{self.path}.{key.value}" if self.path else str(key.value)
        return Cursor(node, path, self.reading, key.span).settled()

    def item(self, index: int, node: Node) -> "Cursor":
        return Cursor(node, f"{self.path}[{index}]", self.reading).settled()

    def fault(self, id: str, message: str, span: Span | None = None, **more: Any) -> None:
        """Gather a fault at this value, or at `span`.

        Raises: TooManyFaults.
        """
        path = more.pop("path", self.path)
        self.reading.faults.append(Diagnostic(id, message, path, span or self.span, **more))
        if len(self.reading.faults) >= MAX_FAULTS:
            raise TooManyFaults

    def is_misplaced(self, name: str) -> bool:
        """Tell whether a key that belongs here, or deeper, stands in another section."""
        path = f"{self.path}.{name}" if self.path else name
        return any(f"{found}.".startswith(f"{path}.") for found in self.reading.misplaced)

    def warn(self, id: str, message: str, span: Span | None = None, **more: Any) -> None:
        """Gather a warning at this value, or at `span`."""
        path = more.pop("path", self.path)
        warning = Diagnostic(id, message, path, span or self.span, severity="warning", **more)
        if len(self.reading.warnings) < MAX_FAULTS:
            self.reading.warnings.append(warning)

    def refuse(self, id: str, message: str, span: Span | None = None, **more: Any) -> Unreadable:
        """Gather a fault and return the exception to raise."""
        self.fault(id, message, span, **more)
        return Unreadable()

    def entries(self, what: str) -> list[tuple[str, "Cursor", Scalar]]:
        if not isinstance(self.node, Entries):
            message = f"{what} must be a map, found {describe(self.node)}"
            raise self.refuse("wrong-type", message, help=_SHOWN.get(_last(self)))
        return [(name, self.child(key, node), key) for name, key, node in self.node]

    def items(self, what: str) -> list["Cursor"]:
        if not isinstance(self.node, Items):
            message = f"{what} must be a list, found {describe(self.node)}"
            raise self.refuse("wrong-type", message, help=_SHOWN.get(_last(self)))
        return [self.item(index, node) for index, node in enumerate(self.node.items)]

    def settled(self) -> "Cursor":
        """Put the values of `vars` into a scalar; what needs data or graph stays a formula.

        Raises: Unreadable after a formula torn by a comma, whose rest became keys of the same map.
        """
        node = self.given
        if not isinstance(node, Scalar) or not isinstance(node.value, str) or node.settled or node.refused:
            return self
        if not has_formula(node.value):
            return self
        try:
            return replace(
                self, given=settled(node, node.value, self.reading.variables, self.reading.symbols)
            )
        except UnknownName as error:
            known = [*self.reading.variables, *self.reading.symbols, *KNOWN_VALUES]
            help = did_you_mean(error.name, known)
            if error.name == "i":
                help = "`$i` counts the turns of a `repeat`, and there is none around this"
            self.fault(
                "unknown-value",
                str(error),
                _place_of_value(node.span, error.name),
                help=help or "define it above under `vars:`, or write `$$` for a literal dollar",
            )
        except NeverClosed as error:
            help = "quote a value with a comma or bracket when it stands inside `{}` or `[]`"
            raise self.refuse("bad-formula", str(error), help=help) from None
        except FormulaError as error:
            self.fault("bad-formula", f"`{node.value}` cannot be computed: {error}")
        return replace(self, given=replace(node, refused=True))


def _place_of_value(span: Span, name: str) -> Span:
    """Return where `$name`, or `name` inside `$(…)`, stands in a text."""
    found = re.search(rf"\${name}\b|(?<=\$\()[^$]*?\b{name}\b", span.text)
    if found is None:
        return span
    length = len(name) + found[0].startswith("$")
    return span.part(found.end() - length, length)


def read(cursor: Cursor, hint: Any) -> Any:
    """Return the value that `hint`, an annotation of `spec.types`, describes.

    Raises: Unreadable, when a fault was gathered and there is no value.
    """
    special = cursor.reading.readers.get(hint)
    if special is not None:
        return special(cursor, hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        special = cursor.reading.readers.get(type(arguments[1]))
        if special is not None:
            return special(cursor, hint)
        return _within(cursor, read(cursor, arguments[0]), arguments[1])
    if origin in (Union, types.UnionType):
        return _read_union(cursor, arguments)
    if origin is Literal:
        return _read_choice(cursor, arguments)
    if origin is tuple:
        return _read_list(cursor, arguments[0])
    if origin is not None and issubclass(origin, Mapping):
        return _read_map(cursor, arguments[1])
    if dataclasses.is_dataclass(hint):
        return read_record(cursor, hint)  # type: ignore[arg-type]
    return _read_scalar(cursor, hint)


def read_each(children: Iterable[S], read_child: Callable[[S], T]) -> list[T]:
    """Read all of them, so that all their faults are gathered.

    Raises: Unreadable when any of them could not be read.
    """
    values = []
    complete = True
    for child in children:
        try:
            values.append(read_child(child))
        except Unreadable:
            complete = False
    if not complete:
        raise Unreadable
    return values


def read_record(
    cursor: Cursor, cls: type[Any], skip: frozenset[str] = frozenset(), also_required: tuple[str, ...] = ()
) -> Any:
    """Read a map whose keys are the fields of a dataclass; keys to `skip` are read elsewhere."""
    hints = _hints(cls)
    values: dict[str, Any] = {}
    cursor.reading.records[cursor.path] = values
    meant: set[str | None] = set()
    where = f"`{cursor.path}`" if cursor.path else "the spec"
    entries = cursor.entries(where)
    for name, child, key in entries:
        if name in hints:
            with cursor.reading.gather():
                values[name] = read(child, hints[name])
        elif name not in skip:
            complain_of_key(cursor, key, [*hints, *skip], where)
            meant.add(nearest(name, hints))
    given = {name for name, _, _ in entries}
    required = [*_required(cls), *also_required]
    for name in required:
        if name not in given | meant and not cursor.is_misplaced(name):
            cursor.fault("missing-key", f"{where} has no `{name}`", _head(cursor), help=f"add `{name}:`")
    if not set(required) | (given & set(hints)) <= set(values):
        raise Unreadable
    return cls(**values)


def read_field(cursor: Cursor, cls: type[Any], name: str) -> Any:
    """Read the value of one field of a dataclass."""
    return read(cursor, _hints(cls)[name])


def _required(cls: type[Any]) -> list[str]:
    missing = dataclasses.MISSING
    return [f.name for f in dataclasses.fields(cls) if f.default is missing and f.default_factory is missing]


def complain_of_key(cursor: Cursor, key: Scalar, known: list[str], where: str) -> None:
    """Gather an unknown key, with the nearest known one or all of them."""
    name = str(key.value)
    help = (
        (f"did you mean `{name}s`?" if f"{name}s" in known else None)
        or meant_elsewhere(name, cursor.path)
        or did_you_mean(name, known)
        or nearly_elsewhere(name, cursor.path)
        or f"known here: {', '.join(f'`{n}`' for n in known)}"
    )
    path = f"{cursor.path}.{name}" if cursor.path else name
    cursor.fault("unknown-key", f"{where} has no key `{name}`", key.span, path=path, help=help)


def describe(node: Node) -> str:
    """Say what a node is, for `found …`."""
    match node:
        case Items():
            return "a list"
        case Entries():
            return "a map"
        case Scalar(value=None):
            return "nothing"
        case Scalar(value=bool() as value):
            return f"`{str(value).lower()}`"
        case Scalar(value=str() as value) if has_formula(value) and not node.settled:
            return f"`{value}`"
        case Scalar(value=str() as value):
            return f'the text "{value}"'
        case Scalar(value=value):
            return f"`{value!r}`"


_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)\s*%\Z")
_SHOWN = {
    "class_weight": "give each class a weight: `class_weight: {0: 1.0, 1: 2.5}`",
    "stages": "put `- ` in front of each stage, and its name into it: `- {name: head, epochs: 3}`",
}
"""By key: what a map or list looks like that is often given as something else."""
_NOUNS = {bool: "`true` or `false`", int: "a whole number", float: "a number", str: "text"}


def _read_scalar(cursor: Cursor, hint: Any) -> Any:
    node = cursor.node
    help = None
    if isinstance(node, Scalar):
        value = node.value
        waits = isinstance(value, str) and has_formula(value) and not node.settled
        if isinstance(value, hint) and (hint is bool or not isinstance(value, bool)) and not waits:
            return value
        if hint in (float, str) and isinstance(value, (int, float)) and not isinstance(value, bool):
            return hint(value)
        if waits:
            help = "only arguments of objects may use values that come from the data or the graph"
        elif hint is float and isinstance(value, str) and (percent := _PERCENT.match(value)):
            help = f"write `{float(percent[1]) / 100:g}`"
        elif node.quoted and hint in (int, float, bool):
            help = "remove the quotes"
    raise cursor.refuse(
        "wrong-type", f"`{_last(cursor)}` must be {_NOUNS[hint]}, found {describe(node)}", help=help
    )


def _last(cursor: Cursor) -> str:
    return cursor.path.rpartition(".")[2] or "the spec"


def _read_union(cursor: Cursor, arguments: tuple[Any, ...]) -> Any:
    is_null = isinstance(cursor.node, Scalar) and cursor.node.value is None
    options = [a for a in arguments if a is not types.NoneType]
    if is_null and len(options) < len(arguments):
        return None
    if set(options) == {int, float}:
        exact = isinstance(cursor.node, Scalar) and isinstance(cursor.node.value, int)
        return _read_scalar(cursor, int if exact else float)
    return read(cursor, options[0])


def _read_choice(cursor: Cursor, choices: tuple[str, ...]) -> Any:
    value = cursor.node.value if isinstance(cursor.node, Scalar) else None
    if value in choices and isinstance(value, str):
        return value
    help = nearly(value, choices) if isinstance(value, str) else None
    found = f"`{value}`" if isinstance(value, str) else describe(cursor.node)
    raise cursor.refuse(
        "wrong-choice", f"`{_last(cursor)}` must be {one_of(choices)}, found {found}", help=help
    )


def one_of(choices: tuple[str, ...]) -> str:
    listed = ", ".join(f"`{c}`" for c in choices)
    return f"one of {listed}" if len(choices) > 1 else listed


def _read_list(cursor: Cursor, hint: Any) -> tuple[Any, ...]:
    return tuple(read_each(cursor.items(f"`{_last(cursor)}`"), lambda item: read(item, hint)))


def _read_map(cursor: Cursor, hint: Any) -> dict[str, Any]:
    entries = cursor.entries(f"`{_last(cursor)}`")
    values = read_each((child for _, child, _ in entries), lambda child: read(child, hint))
    return dict(zip((name for name, _, _ in entries), values, strict=True))


def _within(cursor: Cursor, value: Any, bounds: Any) -> Any:
    if not isinstance(bounds, Within) or value is None:
        return value
    low = value > bounds.least if bounds.exclusive else value >= bounds.least
    if low and (bounds.most is None or value <= bounds.most):
        return value
    relation = "greater than" if bounds.exclusive else "at least"
    limit = f"{relation} {bounds.least}" + (f" and at most {bounds.most}" if bounds.most is not None else "")
    raise cursor.refuse("out-of-range", f"`{_last(cursor)}` must be {limit}, found `{value}`")


def _head(cursor: Cursor) -> Span:
    """Return the place to name when something is missing: the key, or where the map begins."""
    return cursor.key or cursor.given.span


def _hints(cls: type[Any]) -> dict[str, Any]:
    return {
        name: hint
        for name, hint in get_type_hints(cls, include_extras=True).items()
        if name in {f.name for f in dataclasses.fields(cls) if f.compare}
    }
