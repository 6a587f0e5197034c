"""What several pieces of graph have in common, with parameters for what differs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kexp.graph.given_names import common_end, common_start
from kexp.graph.links import Body, Link
from kexp.spec.types import Component, Formula, Use, Value

_LARGEST_FACTOR = 16
_LEAST_RELATED = 4
"""Smaller numbers, such as strides, are proportional by accident."""
_SIZES = frozenset({"filters", "units", "channels", "key_dim", "input_dim", "output_dim", "projection_dim"})
"""Arguments that say how wide a layer is."""
_OWN_WORDS = frozenset(
    {"conv", "conv2d", "conv1d", "dwconv", "dwconv2", "bn", "relu", "dense", "layer", "add", "activation"}
)
"""Parts of layers' names that say nothing more than their class."""


@dataclass(frozen=True, slots=True)
class Template:
    """The links of a block, its parameters with what they are by default, and the arguments of each use."""

    links: tuple[Link, ...]
    params: Mapping[str, Value]
    arguments: tuple[Mapping[str, Value], ...]


def template_of(pieces: Sequence[Sequence[Link]], blocks: Mapping[str, Body]) -> Template:
    """Return what makes all pieces; they have the same layers and the same wiring."""
    columns = _Columns()
    for _ in range(2):  # the columns are known, and can be named, only after the first time
        links = [_common(links, columns, blocks) for links in zip(*pieces, strict=True)]
        columns.choose_names()
    starts = [common_start([link.name for link in piece]) for piece in pieces]
    ends = (common_end([link.name for link in alike], starts) for alike in zip(*pieces, strict=True))
    named = tuple(replace(link, name=end, names=()) for link, end in zip(links, ends, strict=True))
    given = {name: column.values for name, column in columns.by_name.items()}
    params = _params(columns.by_name)
    arguments = tuple(
        {n: given[n][use] for n in params if params[n] is None or _text(given[n][use]) != _text(params[n])}
        for use in range(len(pieces))
    )
    return Template(named, params, arguments)


def _params(columns: "Mapping[str, _Column]") -> dict[str, Value]:
    """Return what each parameter is by default, those that are given at every use before the others.

    Sizes always are, and one parameter at least: `residual: 64` says more than `residual`.
    """
    usual = {n: None if c.argument in _SIZES else _usual(c.values) for n, c in columns.items()}
    if usual and all(value is not None for value in usual.values()):
        usual[next(iter(usual))] = None
    return dict(sorted(usual.items(), key=lambda item: item[1] is not None))


def _usual(values: Sequence[Value]) -> Value:
    """Return the value of most uses; None where there is none, or where it is no plain value."""
    text, count = Counter(map(_text, values)).most_common(1)[0]
    value = next(v for v in values if _text(v) == text)
    plain = isinstance(value, (bool, int, float, str)) and not isinstance(value, Formula)
    return value if plain and 2 * count > len(values) else None


def _text(value: Value) -> str:
    return repr(value)


def _common(links: tuple[Link, ...], columns: "_Columns", blocks: Mapping[str, Body]) -> Link:
    first = links[0]
    hint = _hint([link.name for link in links])
    match first.what:
        case Component(options=options):
            filled = [_filled(link) for link in links]
            keys = [key for key in first.full if any(key in each for each, _ in filled)]
            keys += [key for key in filled[0][0] if key not in keys]
            merged = {
                key: columns.put([each.get(key, full.get(key)) for each, full in filled], key, hint)
                for key in keys
            }
            what: Any = replace(first.what, options=merged if merged or options is not None else None)
            return replace(first, what=what, full={**first.full, **merged})
        case Use(block=block):
            params = blocks[block].params
            given = [{**params, **link.what.arguments} for link in links if isinstance(link.what, Use)]
            merged = {key: columns.put([each[key] for each in given], key, hint) for key in params}
            kept = {k: v for k, v in merged.items() if params[k] is None or _text(v) != _text(params[k])}
            return replace(first, what=Use(block, kept))
    return first


def _filled(link: Link) -> tuple[Mapping[str, Value], Mapping[str, Value]]:
    assert isinstance(link.what, Component)
    return link.what.options or {}, link.full


def _hint(names: Sequence[str]) -> str:
    """Return what the layers' own names say of their part: `block2a_expand_conv` says `expand`."""
    tails = [[t for t in name.split("_") if t.isalpha() and t not in _OWN_WORDS] for name in names]
    common = tails[0]
    for tail in tails[1:]:
        common = [token for token in common if token in tail]
    return "".join(common[-1:])


def _has_formula(value: Value) -> bool:
    """Tell whether a value means something only where it stands."""
    match value:
        case Formula():
            return True
        case tuple():
            return any(map(_has_formula, value))
        case Component(options=options):
            return any(map(_has_formula, (options or {}).values()))
    return False


@dataclass(slots=True)
class _Column:
    """The values of one parameter, use by use."""

    values: tuple[Value, ...]
    argument: str
    hint: str
    name: str = ""


@dataclass(slots=True)
class _Columns:
    columns: list[_Column] = field(default_factory=list)

    @property
    def by_name(self) -> dict[str, _Column]:
        return {column.name: column for column in self.columns}

    def put(self, values: Sequence[Value], argument: str, hint: str) -> Value:
        """Return what stands in the block for these values."""
        first = values[0]
        if not _has_formula(first) and all(_text(value) == _text(first) for value in values):
            return first
        lists = [value for value in values if isinstance(value, tuple)]
        if len(lists) == len(values) and len({len(items) for items in lists}) == 1:
            places = list(zip(*lists, strict=True))
            if sum(len(set(map(_text, items))) > 1 for items in places) == 1:
                inner = "channels" if argument == "target_shape" else argument
                return tuple(self.put(items, inner, hint) for items in places)
        made = [value for value in values if isinstance(value, Component)]
        if len(made) == len(values) and len({(c.name, c.first, *(c.options or {})) for c in made}) == 1:
            rows = [component.options or {} for component in made]
            return replace(made[0], options={k: self.put([r[k] for r in rows], k, hint) for k in rows[0]})
        return self._column(tuple(values), argument, hint)

    def _column(self, values: tuple[Value, ...], argument: str, hint: str) -> Value:
        for column in self.columns:
            if tuple(map(_text, column.values)) == tuple(map(_text, values)):
                return Formula(f"${column.name}")
        for column in self.columns:
            factor = _factor(column.values, values)
            if factor is not None:
                return Formula(f"$({column.name} * {factor})")
            factor = _factor(values, column.values)
            if factor is not None:
                return Formula(f"$({column.name} // {factor})")
        self.columns.append(_Column(values, argument, hint))
        return None

    def choose_names(self) -> None:
        """Call a parameter after its argument; of several, after the layer's part too."""
        counts = Counter(column.argument for column in self.columns)
        taken: set[str] = set()
        for column in self.columns:
            name = column.argument
            if counts[name] > 1 and column.hint:
                name = f"{column.hint}_{name}"
            while name in taken:
                name = _another(name)
            taken.add(name)
            column.name = name


def _another(name: str) -> str:
    """Return a further name; its end, which says what kind of object it stands for, stays."""
    stem, _, ending = name.rpartition("_")
    if ending in ("initializer", "regularizer", "constraint", "layer", "cell"):
        return f"other_{name}"
    return f"{stem}_{int(ending) + 1}" if ending.isdigit() else f"{name}_2"


def _factor(base: tuple[Value, ...], values: tuple[Value, ...]) -> int | None:
    """Return the whole number that takes one column to the other."""
    pairs = list(zip(base, values, strict=True))
    if not all(type(a) is int and type(b) is int and a >= _LEAST_RELATED for a, b in pairs):
        return None
    factors = {b / a for a, b in pairs}  # type: ignore[operator]
    factor = factors.pop()
    whole = not factors and factor.is_integer() and 2 <= factor <= _LARGEST_FACTOR
    return int(factor) if whole else None
