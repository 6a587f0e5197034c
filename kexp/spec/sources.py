"""The section `data`: a source, its own options, and the words that every source shares."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from kexp.document import Scalar
from kexp.errors import did_you_mean, nearest
from kexp.spec.arguments import check_argument
from kexp.spec.components import is_custom, read_value
from kexp.spec.elsewhere import meant_elsewhere
from kexp.spec.reader import Cursor, Unreadable, read, read_field
from kexp.spec.types import Data, Split

_SHARED = tuple(field.name for field in fields(Data) if field.name not in ("source", "options"))
"""The keys beside `source` that are the language's, not a source's."""

DATASETS: dict[str, tuple[str, ...]] = {
    "sklearn": ("digits", "iris", "wine", "breast_cancer", "diabetes", "linnerud"),
    "keras": (
        *("mnist", "fashion_mnist", "cifar10", "cifar100", "imdb", "reuters"),
        *("california_housing", "boston_housing"),
    ),
}
"""By source: the data sets it comes with."""

_NEEDS: dict[tuple[str, str], str] = {
    ("images", "file"): "table",
    ("images", "fit"): "image_size",
    ("images", "interpolation"): "image_size",
    ("text", "level"): "window",
    ("text", "predict"): "window",
    ("text", "stride"): "window",
}
"""By source and option: the option without which it changes nothing."""

_IDLE_BESIDE: dict[tuple[str, str], str] = {("images", "target"): "masks", ("text", "class_names"): "window"}
"""By source and option: the option beside which it changes nothing."""

_OF_CUTS = ("stratify", "group", "order", "shuffle", "seed")
"""What of a split says how it is cut, and not how much."""

_CONTRADICTIONS = (
    ("fold", "val", "each fold is the val split of one run"),
    ("order", "group", "rows in the order of time cannot stay with their group"),
    ("order", "stratify", "rows in the order of time cannot keep the shares of classes"),
    ("group", "stratify", "whole groups cannot keep the shares of classes"),
)


def read_data(cursor: Cursor, hint: Any) -> Data:
    """Read `data`: the shared keys by their types, the other keys by the source's signature."""
    entries = {name: (child, key) for name, child, key in cursor.entries("`data`")}
    before = len(cursor.reading.faults)
    source = _read_source(cursor, entries["source"][0] if "source" in entries else None)
    signature = cursor.reading.catalogue.signature("sources", source)
    known = [p.name for p in signature.params] if signature else ["args"]
    shared: dict[str, Any] = {}
    options: dict[str, Any] = {}
    meant: set[str | None] = {"source"}
    complete = True
    for name, (child, key) in entries.items():
        try:
            if name in _SHARED:
                shared[name] = read_field(child, Data, name)
            elif name in known:
                options[name] = read_value(child, name)
                param = signature.param(name) if signature else None
                if param is not None:
                    check_argument(child, options[name], param)
                if name == "dataset":
                    _check_dataset(child, source, options[name])
            elif name != "source":
                _complain_of_option(cursor, key, source, known)
                meant.add(nearest(name, known))
        except Unreadable:
            complete = False
    for param in signature.params if signature else ():
        if param.required and param.name not in entries and param.name not in meant:
            message = f"the data source `{source}` needs `{param.name}`"
            cursor.fault("missing-option", message, cursor.key, help=f"add `{param.name}:`")
    if not complete or len(cursor.reading.faults) > before:
        raise Unreadable
    chosen = {
        name: entries[name][1]
        for name, value in options.items()
        if (param := signature.param(name) if signature else None) is None or value != param.default
    }
    _check_used(cursor, source, chosen)
    if "split" in shared:
        _check_split(entries["split"][0], shared["split"])
        if source == "text":
            _check_windows(entries["split"][0], shared["split"], options)
    return Data(source, options, **shared)


def _check_used(cursor: Cursor, source: str, chosen: Mapping[str, Scalar]) -> None:
    """Gather options that would change nothing because of others; defaults that are written out never do."""
    for name, key in chosen.items():
        needed, other = _NEEDS.get((source, name)), _IDLE_BESIDE.get((source, name))
        if needed is not None and needed not in chosen:
            message, help = f"`{name}` changes nothing without `{needed}`", f"add `{needed}:`, or remove it"
        elif other is not None and other in chosen:
            message, help = f"`{name}` changes nothing beside `{other}`", f"remove `{name}` or `{other}`"
        else:
            continue
        cursor.fault("option-not-used", message, key.span, path=f"{cursor.path}.{name}", help=help)


def _check_dataset(cursor: Cursor, source: str, name: object) -> None:
    known = DATASETS.get(source)
    if known and isinstance(name, str) and name not in known:
        help = did_you_mean(name, known) or f"the datasets are {', '.join(f'`{n}`' for n in known)}"
        message = f"the data source `{source}` has no dataset `{name}`"
        cursor.fault("unknown-dataset", message, help=help)


def _check_split(cursor: Cursor, split: Split) -> None:
    """Gather ways of splitting that contradict each other."""
    given = {name: (child, key) for name, child, key in cursor.entries("`data.split`")}
    if split.val is None and split.test is None and split.fold is None:
        default = Split()
        for name in [name for name in _OF_CUTS if getattr(split, name) != getattr(default, name)]:
            message, help = f"`{name}` changes nothing: no split is cut off", "add `val`, `test` or `fold`"
            span, path = given[name][1].span, f"{cursor.path}.{name}"
            cursor.warn("option-not-used", message, span, path=path, help=help)
    for first, second, why in _CONTRADICTIONS:
        if getattr(split, first) and getattr(split, second):
            message = f"`{first}` and `{second}` are both given, and {why}"
            path, help = f"{cursor.path}.{second}", f"leave out `{first}` or `{second}`"
            cursor.fault("conflicting-options", message, given[second][1].span, path=path, help=help)
    shares = [share for share in (split.val, split.test) if share is not None and share < 1]
    if sum(shares) >= 1:
        message = f"`val: {split.val:g}` and `test: {split.test:g}` leave nothing to train on"
        help = "shares of all samples: together they stay below 1"
        cursor.fault("out-of-range", message, given["test"][0].span, path=f"{cursor.path}.test", help=help)
    for name in ("val", "test"):
        amount = getattr(split, name)
        if isinstance(amount, float) and amount >= 1:
            message = f"`{amount!r}` is neither a share below 1 nor a whole number of samples"
            given[name][0].fault("bad-share", message)
    if split.fold is not None and split.fold.index >= split.fold.k:
        message = f"the folds of `k: {split.fold.k}` are 0 to {split.fold.k - 1}, found {split.fold.index}"
        given["fold"][0].fault("out-of-range", message)


def _check_windows(cursor: Cursor, split: Split, options: Mapping[str, object]) -> None:
    """Refuse to spread windows that share text over the splits."""
    window, stride = options.get("window"), options.get("stride")
    if not isinstance(window, int) or not isinstance(stride, int) or stride >= window:
        return
    if split.fold is not None or (split.shuffle and (split.val is not None or split.test is not None)):
        message = (
            f"windows of {window} that begin every {stride} share text, which would be in several splits"
        )
        help = "leave out `stride`" if split.fold else "write `shuffle: false`, or leave out `stride`"
        cursor.fault("windows-overlap", message, help=help)


def _complain_of_option(cursor: Cursor, key: Scalar, source: str, known: list[str]) -> None:
    name = str(key.value)
    cursor.fault(
        "unknown-option",
        f"the data source `{source}` has no option `{name}`",
        key.span,
        path=f"{cursor.path}.{name}",
        help=did_you_mean(name, [*known, *_SHARED])
        or meant_elsewhere(name, cursor.path)
        or f"`{source}` takes {', '.join(f'`{k}`' for k in known)}",
    )


def _read_source(cursor: Cursor, child: Cursor | None) -> str:
    names = cursor.reading.catalogue.names("sources")
    choices = f"one of {', '.join(f'`{name}`' for name in names)}, or `file.py:function`"
    if child is None:
        raise cursor.refuse("missing-key", "`data` has no `source`", cursor.key, help=choices)
    value: str = read(child, str)
    if value not in names and not is_custom(value):
        help = did_you_mean(value, names) or choices
        raise child.refuse("unknown-source", f"there is no data source `{value}`", help=help)
    return value
