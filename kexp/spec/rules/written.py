"""What stands in a document, whether or not it could be read as what it should be."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from kexp.diagnostics import Diagnostic, Related, Span
from kexp.document import Entries, Items, Node, Scalar, path_parts, texts
from kexp.spec.catalogue import catalogue
from kexp.spec.components import looks_like_object
from kexp.spec.formula import FormulaError, has_formula
from kexp.spec.values import settled


@dataclass(frozen=True, slots=True)
class Written:
    """A value under its key, with `vars` put in. `node` None: nothing stands here, or what was refused."""

    node: Node | None
    name: str = ""
    path: str = ""
    key: Span | None = None
    variables: Mapping[str, Node] = field(default_factory=dict, repr=False)

    @property
    def span(self) -> Span | None:
        """The value's place; the key's where the value is left out."""
        return self.node.span if self.node is not None and self.is_given else self.key

    @property
    def text(self) -> str | None:
        value = self.node.value if isinstance(self.node, Scalar) else None
        return value if isinstance(value, str) else None

    @property
    def number(self) -> int | float | None:
        value = self.node.value if isinstance(self.node, Scalar) else None
        return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None

    @property
    def is_null(self) -> bool:
        return isinstance(self.node, Scalar) and self.node.value is None

    @property
    def is_true(self) -> bool:
        return isinstance(self.node, Scalar) and self.node.value is True

    @property
    def is_given(self) -> bool:
        return self.node is not None and not self.is_null

    @property
    def is_object(self) -> bool:
        return looks_like_object(self.node)

    def at(self, path: str) -> "Written":
        """Return what stands at a path from here, such as `split.val` or `stages[0].loss`."""
        found = self
        for part in path_parts(path):
            children = found.items() if part.startswith("[") else found.entries()
            nothing = found._child(None, part, None)
            child = next((child for child in children if part in _names(child)), nothing)
            found = replace(child, path=nothing.path)
        return found

    def entries(self) -> list["Written"]:
        """Return the values of a map."""
        pairs = self.node.entries if isinstance(self.node, Entries) else ()
        return [self._child(value, str(key.value), key.span) for key, value in pairs]

    def items(self) -> list["Written"]:
        """Return the values of a list."""
        items = self.node.items if isinstance(self.node, Items) else ()
        return [self._child(item, f"[{index}]", None) for index, item in enumerate(items)]

    def object(self) -> "Written | None":
        """Return what `Name`, `Name: first` or `Name: {…}` is given, under its name."""
        if self.text and isinstance(self.node, Scalar):
            return self._child(None, self.text, self.node.span)
        return self.entries()[0] if self.is_object else None

    def argument(self, name: str, namespace: str) -> "Written":
        """Return an argument of the object that is given this."""
        if isinstance(self.node, Entries) and not self.is_object:
            return self.at(name)
        signature = catalogue().signature(namespace, self.name)
        is_first = signature is not None and [p.name for p in signature.params[:1]] == [name]
        return self if is_first else self._child(None, name, None)

    def texts(self) -> Iterator[Scalar]:
        """Yield every text in here as it is written, keys too."""
        return texts(self.node)

    def _child(self, node: Node | None, name: str, key: Span | None) -> "Written":
        path = f"{self.path}{'' if name.startswith('[') or not self.path else '.'}{name}"
        return Written(_value(node, self.variables), name, path, key, self.variables)


def warning(
    id: str, message: str, at: Written, help: str, span: Span | None = None, seen: tuple[Related, ...] = ()
) -> Diagnostic:
    """Return a warning at a value, or at a place by it."""
    return Diagnostic(id, message, at.path, span or at.span, help, related=seen, severity="warning")


def seen(message: str, span: Span | None) -> tuple[Related, ...]:
    """Return a second place that explains the first, if there is one."""
    return () if span is None else (Related(message, span),)


def _names(written: Written) -> list[str]:
    """Return what a path may call a value: its key, or the parts of a step's."""
    return [written.name, *(part.strip() for part in written.name.split("->"))]


def _value(node: Node | None, variables: Mapping[str, Node]) -> Node | None:
    """Put the values of `vars` into a scalar; None for one that was refused or cannot be computed."""
    if not isinstance(node, Scalar):
        return node
    if isinstance(node.value, str) and has_formula(node.value) and not (node.settled or node.refused):
        try:
            return _unless_refused(settled(node, node.value, variables))
        except FormulaError:
            return None
    return _unless_refused(node)


def _unless_refused(node: Node) -> Node | None:
    return None if isinstance(node, Scalar) and node.refused else node
