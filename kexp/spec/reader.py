"""Document nodes -> typed values, by the annotations of `spec.types`; faults are gathered, not raised."""

import dataclasses
import re
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from kexp.diagnostics import Diagnostic, Span
from kexp.document import Entries, Items, Node, Scalar
from kexp.errors import did_you_mean
from kexp.spec.catalogue import Catalogue
from kexp.spec.formula import FormulaError, UnknownName, compute, has_formula, names_in
from kexp.spec.types import Graph, Runtime, Split, Training, Within

KNOWN_VALUES = ("num_classes", "num_features", "total_steps", "steps_per_epoch", "seed")
"""Values that the data or the graph gives."""
KNOWN_FUNCTIONS = ("dim",)

Reads = Callable[["Cursor", Any], Any]


class Unreadable(Exception):
    """A value that cannot be read; its fault is already among the gathered ones."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a document: what is known, the faults so far, and readers for special types."""

    catalogue: Catalogue
    variables: Mapping[str, Node]
    readers: Mapping[Any, Reads]
    faults: list[Diagnostic] = field(default_factory=list)

    @contextmanager
    def gather(self) -> Iterator[None]:
        """Go on after a value that cannot be read."""
        try:
            yield
        except Unreadable:
            pass


@dataclass(frozen=True, slots=True)
class Cursor:
    """A node, the path that leads to it, and the key it stands under."""

    node: Node
    path: str
    reading: Reading
    key: Span | None = None

    @property
    def span(self) -> Span:
        """The value's place; the key's where the value is left out."""
        if isinstance(self.node, Scalar) and self.node.value is None and self.key is not None:
            return self.key
        return self.node.span

    def child(self, key: Scalar, node: Node) -> "Cursor":
        path = f"{self.path}.{key.value}" if self.path else str(key.value)
        return Cursor(self.reading_of(node), path, self.reading, key.span)

    def item(self, index: int, node: Node) -> "Cursor":
        return Cursor(self.reading_of(node), f"{self.path}[{index}]", self.reading)

    def fault(self, id: str, message: str, span: Span | None = None, **more: Any) -> None:
        """Gather a fault at this value, or at `span`."""
        path = more.pop("path", self.path)
        self.reading.faults.append(Diagnostic(id, message, path, span or self.span, **more))

    def refuse(self, id: str, message: str, span: Span | None = None, **more: Any) -> Unreadable:
        """Gather a fault and return the exception to raise."""
        self.fault(id, message, span, **more)
        return Unreadable()

    def entries(self, what: str) -> list[tuple[str, "Cursor", Scalar]]:
        if not isinstance(self.node, Entries):
            raise self.refuse("wrong-type", f"{what} is a map, found {describe(self.node)}")
        return [(name, self.child(key, node), key) for name, key, node in self.node]

    def items(self, what: str) -> list["Cursor"]:
        if not isinstance(self.node, Items):
            raise self.refuse("wrong-type", f"{what} is a list, found {describe(self.node)}")
        return [self.item(index, node) for index, node in enumerate(self.node.items)]

    def reading_of(self, node: Node) -> Node:
        """Put the values of `vars` into a scalar; what needs data or graph stays as it is."""
        if not isinstance(node, Scalar) or not isinstance(node.value, str) or node.settled or not has_formula(node.value):
            return node
        here = replace(self, node=node)
        variables = self.reading.variables
        try:
            whole = re.fullmatch(r"\$([A-Za-z_]\w*)", node.value)
            if whole and whole[1] in variables:
                return variables[whole[1]]
            needed = names_in(node.value)
            for name in sorted(needed - set(variables) - set(KNOWN_VALUES) - set(KNOWN_FUNCTIONS)):
                raise UnknownName(name)
            if needed & (set(KNOWN_VALUES) | set(KNOWN_FUNCTIONS)):
                return node
            values = {name: _plain_variable(variables[name]) for name in needed}
            return Scalar(compute(node.value, values), node.span, settled=True)
        except UnknownName as error:
            help = did_you_mean(error.name, [*variables, *KNOWN_VALUES])
            raise here.refuse(
                "unknown-value",
                str(error),
                help=help or "define it under `vars:`, or write `$$` for a literal dollar",
            ) from None
        except FormulaError as error:
            raise here.refuse("bad-formula", str(error)) from None


def _plain_variable(node: Node) -> Any:
    match node:
        case Scalar(value=value):
            return value
        case Items(items=items):
            return [_plain_variable(item) for item in items]
    raise FormulaError("a map cannot be used inside a formula")


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


def read_record(cursor: Cursor, cls: type[Any], skip: frozenset[str] = frozenset()) -> Any:
    """Read a map whose keys are the fields of a dataclass."""
    hints = {name: hint for name, hint in _hints(cls).items() if name not in skip}
    fields = {f.name: f for f in dataclasses.fields(cls)}
    values: dict[str, Any] = {}
    complete = True
    where = f"`{cursor.path}`" if cursor.path else "the spec"
    for name, child, key in cursor.entries(where):
        if name in skip:
            continue
        if name not in hints:
            complain_of_key(cursor, key, list(hints), where)
            continue
        with cursor.reading.gather():
            values[name] = read(child, hints[name])
    for name in hints:
        given = isinstance(cursor.node, Entries) and cursor.node.key(name) is not None
        required = fields[name].default is dataclasses.MISSING and fields[name].default_factory is dataclasses.MISSING
        if required and not given:
            cursor.fault("missing-key", f"{where} has no `{name}`", _head(cursor), help=f"add `{name}:`")
        complete = complete and (name in values or not required)
    if not complete:
        raise Unreadable
    return cls(**values)


_SECTION_OF = {
    f.name: section
    for section, cls in (("train", Training), ("runtime", Runtime), ("model", Graph), ("data.split", Split))
    for f in dataclasses.fields(cls)
    if f.name not in ("path", "seed", "steps")
} | {"layers": "model", "split": "data"}


def complain_of_key(cursor: Cursor, key: Scalar, known: list[str], where: str) -> None:
    """Gather an unknown key, with the nearest known one or all of them."""
    name = str(key.value)
    elsewhere = _SECTION_OF.get(name) or _SECTION_OF.get(f"{name}s")
    if elsewhere is not None and elsewhere != cursor.path:
        help: str | None = f"did you mean `{elsewhere}.{name if name in _SECTION_OF else name + 's'}`?"
    else:
        help = did_you_mean(name, known) or f"known here: {', '.join(f'`{n}`' for n in known)}"
    path = f"{cursor.path}.{key.value}" if cursor.path else str(key.value)
    cursor.fault("unknown-key", f"{where} has no key `{key.value}`", key.span, path=path, help=help)


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
        case Scalar(value=str() as value):
            return f'the text "{value}"'
        case Scalar(value=value):
            return f"`{value!r}`"


_NOUNS = {bool: "`true` or `false`", int: "a whole number", float: "a number", str: "text"}


def _read_scalar(cursor: Cursor, hint: Any) -> Any:
    node = cursor.node
    if isinstance(node, Scalar):
        value = node.value
        if hint is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if isinstance(value, hint) and not (isinstance(value, bool) and hint is not bool):
            return value
        if hint is str and isinstance(value, (int, float)) and not isinstance(value, bool):
            return str(value)
    help = None
    if isinstance(node, Scalar) and node.quoted and isinstance(node.value, str) and hint in (int, float, bool):
        help = "remove the quotes"
    elif isinstance(node, Scalar) and isinstance(node.value, str) and has_formula(node.value):
        help = "only model, optimizer and loss arguments may use values that the data gives"
    raise cursor.refuse("wrong-type", f"`{_last(cursor)}` is {_NOUNS[hint]}, found {describe(node)}", help=help)


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


def _read_choice(cursor: Cursor, choices: tuple[Any, ...]) -> Any:
    value = cursor.node.value if isinstance(cursor.node, Scalar) else None
    if value in choices and isinstance(value, str):
        return value
    listed = ", ".join(f"`{c}`" for c in choices)
    one_of = f"one of {listed}" if len(choices) > 1 else listed
    help = did_you_mean(value, choices) if isinstance(value, str) else None
    raise cursor.refuse("wrong-choice", f"`{_last(cursor)}` is {one_of}, found {describe(cursor.node)}", help=help)


def _read_list(cursor: Cursor, hint: Any) -> tuple[Any, ...]:
    values = []
    for item in cursor.items(f"`{_last(cursor)}`"):
        with cursor.reading.gather():
            values.append(read(item, hint))
    return tuple(values)


def _read_map(cursor: Cursor, hint: Any) -> dict[str, Any]:
    values = {}
    for name, child, _ in cursor.entries(f"`{_last(cursor)}`"):
        with cursor.reading.gather():
            values[name] = read(child, hint)
    return values


def _within(cursor: Cursor, value: Any, bounds: Any) -> Any:
    if not isinstance(bounds, Within) or value is None:
        return value
    low = value > bounds.least if bounds.exclusive else value >= bounds.least
    if low and (bounds.most is None or value <= bounds.most):
        return value
    relation = "greater than" if bounds.exclusive else "at least"
    limit = f"{relation} {bounds.least:g}" + (f" and at most {bounds.most:g}" if bounds.most is not None else "")
    raise cursor.refuse("out-of-range", f"`{_last(cursor)}` is {limit}, found `{value}`")


def _head(cursor: Cursor) -> Span:
    """Return the place to name when something is missing: the key, or the first line of the text."""
    return cursor.key or Span(cursor.node.span.source, 1, 1, 1, len(cursor.node.span.source.line(1)) + 1)


def _hints(cls: type[Any]) -> dict[str, Any]:
    return {
        name: hint
        for name, hint in get_type_hints(cls, include_extras=True).items()
        if name in {f.name for f in dataclasses.fields(cls) if f.compare}
    }
