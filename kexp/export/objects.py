"""Values and objects of the spec -> the Python that makes them."""

import inspect
import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import keras

from kexp.custom import load_object
from kexp.export.layout import Code, call, code, flat, keyword, mapping, sequence, several
from kexp.export.names import Sight, formula, identifier, text_literal
from kexp.spec.types import Component, Formula, Graph, Value

_HOMES = {
    "layers": "layers",
    "applications": "keras.applications",
    "optimizers": "keras.optimizers",
    "schedules": "keras.optimizers.schedules",
    "losses": "keras.losses",
    "metrics": "keras.metrics",
    "callbacks": "keras.callbacks",
    "initializers": "keras.initializers",
    "regularizers": "keras.regularizers",
    "constraints": "keras.constraints",
}
_SHORT = 3


class Objects:
    """Writes values; remembers which code of the user's must be imported."""

    def __init__(self, folder: Path, taken: set[str]) -> None:
        self.folder, self.taken = folder, taken
        self.imported: dict[str, str] = {}

    def value(self, value: Value, sight: Sight, is_keras: bool = True, name: str = "model") -> Code:
        """Return the Python for a value; Keras takes tuples of whole numbers for lists of them.

        `name` is the argument's, which a graph is called after.
        """
        match value:
            case Component():
                return self.component(value, sight)
            case Formula(text=text):
                return code(formula(text, sight))
            case Graph():
                return sight.nest(value, name)
            case tuple():
                items = tuple(self.value(item, sight, is_keras) for item in value)
                numbers = is_keras and items and all(type(item) is int for item in value)
                return several(items) if numbers else sequence(items)
            case Mapping():
                entries = ((text_literal(k), self.value(v, sight, is_keras)) for k, v in value.items())
                return mapping(tuple(entries))
            case _:
                return code(literal(value))

    def component(self, component: Component, sight: Sight, extra: Mapping[str, Code] | None = None) -> Code:
        """Return the Python that makes an object; `extra` are further keyword arguments."""
        made, home = self._made(component)
        bare = component.options is None and component.first is None and not extra
        if component.is_custom and bare and not inspect.isclass(made):
            return code(home)
        options = component.options or {}
        written = {
            name: self.value(value, sight, not component.is_custom, name) for name, value in options.items()
        }
        leading = () if component.is_custom else _leading(made, component)
        arguments = [self.value(value, sight, False) for value in component.first or ()]
        arguments += [written.pop(name) for name in leading]
        named = (keyword(name, value) for name, value in {**written, **(extra or {})}.items())
        return call(code(home), *arguments, *named)

    def _made(self, component: Component) -> tuple[Any, str]:
        if component.is_custom:
            return load_object(component.name, self.folder), self.imported_as(component.name)
        home = _HOMES[component.namespace]
        module: Any = keras
        for name in home.removeprefix("keras.").split("."):
            module = getattr(module, name)
        return getattr(module, component.name), f"{home}.{component.name}"

    def imported_as(self, reference: str) -> str:
        """Return the name by which the script knows an object of the user's."""
        if reference not in self.imported:
            self.imported[reference] = identifier(reference.rpartition(":")[2], self.taken)
            self.taken.add(self.imported[reference])
        return self.imported[reference]

    def call_of(self, component: Component) -> Callable[..., Any] | None:
        """Return what is called when the object is, as far as that is known before it is made."""
        made, _ = self._made(component)
        if inspect.isclass(made):
            return getattr(made, "call", None)
        return made if component.options is None and component.first is None else None

    def is_layer(self, component: Component) -> bool:
        """Tell whether the object takes the arguments that every layer takes, such as `name`."""
        made, _ = self._made(component)
        if not component.is_custom:
            return component.namespace == "layers"
        takes_any = any(p.kind is p.VAR_KEYWORD for p in inspect.signature(made).parameters.values())
        return inspect.isclass(made) and issubclass(made, keras.Layer) and takes_any


def _leading(made: Any, component: Component) -> list[str]:
    """Return the arguments that people write without names: a layer's required ones, or the only one."""
    given = component.options or {}
    params = [p for p in inspect.signature(made).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    leading: list[str] = []
    for param in params if component.namespace == "layers" else ():
        if param.default is not param.empty or param.name not in given:
            break
        leading.append(param.name)
    alone = next(iter(given)) if len(given) == 1 else None
    is_first = alone not in (None, "axis") and bool(params) and params[0].name == alone
    return [alone] if is_first and alone and not isinstance(given[alone], bool) else leading


def takes_by_position(function: Callable[..., Any] | None) -> bool:
    """Tell whether several tensors are given to `function` one by one, or as one list."""
    if function is None:
        return False
    params = [p for p in inspect.signature(function).parameters.values() if p.name != "self"]
    required = [
        p for p in params if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    return len(required) >= 2 or any(p.kind is p.VAR_POSITIONAL for p in params)


def literal(value: Any) -> str:
    """Return a plain value as people write it."""
    if isinstance(value, str):
        return text_literal(value)
    if isinstance(value, float):
        return _number(value)
    return repr(value)


def _number(value: float) -> str:
    if not math.isfinite(value):
        return f'float("{value}")'
    digits = Decimal(repr(value)).normalize()
    if value and abs(value) < 0.01 and len(digits.as_tuple().digits) <= _SHORT:
        return f"{digits:e}"
    return repr(value)


def as_factory(made: Code) -> Code:
    """Return a function that makes the object anew at every call."""
    text = flat(made)
    head, _, rest = text.partition("(")
    if rest == ")" and all(part.isidentifier() for part in head.split(".")):
        return code(head)
    return ("lambda: ", *made)
