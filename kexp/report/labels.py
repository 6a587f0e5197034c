"""Steps and values in few words."""

from collections.abc import Mapping
from typing import Any

from kexp.spec.catalogue import catalogue
from kexp.spec.formula import FormulaError, compute
from kexp.spec.types import Block, Component, Expr, Formula, Graph, Group, Reuse, Step, Use, Value

Values = Mapping[str, Any]
_BARE = ("activation",)
_TIMES = "\u00d7"


def title(what: "Component | Reuse | Graph | Use | Group | Expr") -> str:
    """Return what a step is, in the words of the spec."""
    match what:
        case Component(name=name):
            return name.rpartition(":")[2]
        case Reuse(name=name):
            return f"reuse {name}"
        case Use(block=block):
            return block
        case Graph():
            return "model"
        case Group():
            return "layers"
        case Expr():
            return "expr"


def detail(step: Step, values: Values) -> str:
    """Return the arguments of a step, the first and the activation without their names."""
    match step.what:
        case Component(first=(value,)):
            return text(value, values)
        case Component(options=options):
            return arguments(options or {}, values, _first_of(step.what))
        case Use(arguments=given):
            return arguments(given, values, None)
        case Expr(text=expression):
            return expression.strip()
    return ""


def _first_of(component: Component) -> str | None:
    signature = catalogue().signature(component.namespace, component.name)
    return signature.params[0].name if signature and signature.params else None


def arguments(options: Mapping[str, Value], values: Values, first: str | None) -> str:
    words = []
    for name, value in options.items():
        written = text(value, values)
        words.append(written if name == first or name in _BARE else f"{name} {written}")
    return ", ".join(words)


def text(value: Value, values: Values) -> str:
    """Return a value as the spec writes it, with the values that are known put in."""
    match value:
        case Formula(text=formula):
            return computed(formula, values)
        case Component(options=options, first=first):
            inner = [text(item, values) for item in first or ()]
            inner += [arguments(options or {}, values, _first_of(value))] if options else []
            return f"{title(value)}({', '.join(inner)})" if inner else title(value)
        case Graph(steps=steps):
            return " → ".join(title(step.what) for step in steps)
        case tuple():
            return f"[{', '.join(text(item, values) for item in value)}]"
        case Mapping():
            return f"{{{', '.join(f'{key}: {text(item, values)}' for key, item in value.items())}}}"
        case bool() | None:
            return {True: "true", False: "false", None: "null"}[value]
        case float():
            return f"{value:.6g}"
        case _:
            return str(value)


def computed(template: str, values: Values) -> str:
    """Return a text with its `$` parts put in, or as it is where one is not known yet."""
    if "$" not in template:
        return template
    try:
        return text(_frozen(compute(template, values)), values)
    except FormulaError:
        return template


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


def heading(name: str, block: Block) -> str:
    """Return a block with its parameters; those without a default stand alone."""
    params = [p if p in block.required else f"{p} {text(v, {})}" for p, v in block.params.items()]
    return f"{name}({', '.join(params)})" if params else name


def shape(sizes: "tuple[int | Formula | None, ...] | None") -> str:
    """Return an input's shape without its batch axis."""
    return "" if sizes is None else text(sizes, {})


def turns(step: Step, values: Values) -> list[dict[str, Any]] | None:
    """Return what each turn of a repeat gives its names; None where that is not known before the data is."""
    repeat = step.repeat
    if isinstance(repeat, Formula):
        try:
            repeat = compute(repeat.text, values)
        except FormulaError:
            return None
    if isinstance(repeat, int):
        return [{"i": i} for i in range(repeat)]
    if not isinstance(repeat, Mapping):
        return None
    lists = {name: _list(value, values) for name, value in repeat.items()}
    if any(column is None for column in lists.values()):
        return None
    rows = zip(*(column or () for column in lists.values()), strict=False)
    return [{"i": i, **dict(zip(lists, row, strict=True))} for i, row in enumerate(rows)]


def _list(value: Value, values: Values) -> list[Any] | None:
    if isinstance(value, Formula):
        try:
            value = _frozen(compute(value.text, values))
        except FormulaError:
            return None
    return [known(item, values) for item in value] if isinstance(value, tuple) else None


def known(value: Value, values: Values) -> Any:
    """Return a value that formulas may compute with."""
    return text(value, values) if isinstance(value, (Formula, Component, Graph)) else value


def times(step: Step, values: Values) -> str:
    """Return how often a step is repeated, as in a sign and a 3; nothing for one that is not."""
    if step.repeat is None:
        return ""
    found = turns(step, values)
    if found is not None:
        return f"{_TIMES}{len(found)}"
    return f"{_TIMES}{text(step.repeat, values) if isinstance(step.repeat, Formula) else '…'}"


def collapsed(step: Step, values: Values) -> dict[str, Any]:
    """Return the values of all turns at once, as in `16|32|64`."""
    found = turns(step, values) or []
    names = [name for name in (found[0] if found else {}) if name != "i"]
    return {name: "|".join(str(turn[name]) for turn in found) for name in names}
