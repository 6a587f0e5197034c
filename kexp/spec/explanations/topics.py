"""All that can be asked about, by its name: diagnostics, words, Keras's objects and strings, sources."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache

from kexp.spec.catalogue import NAMESPACES, Param, Signature, catalogue, docs
from kexp.spec.explanations.page import Example, Page, Row, Table
from kexp.spec.explanations.reading import FAULTS, read_chapter
from kexp.spec.explanations.samples import sample
from kexp.spec.explanations.words import words
from kexp.spec.namespaces import singular

_SHORT = {
    "losses": {
        "bce": "BinaryCrossentropy",
        "kld": "KLDivergence",
        "mae": "MeanAbsoluteError",
        "mape": "MeanAbsolutePercentageError",
        "mse": "MeanSquaredError",
        "msle": "MeanSquaredLogarithmicError",
    },
    "initializers": {"normal": "RandomNormal", "one": "Ones", "uniform": "RandomUniform", "zero": "Zeros"},
}
"""Keras's strings that are not the class's name in small letters; those of losses serve metrics too."""

_SETTLED_LATER = {"acc": "accuracy", "ce": "crossentropy"}
"""Strings for one of several metrics, which Keras chooses by the loss; they have words of their own."""

_OBJECTS_OF = {
    "data.source": "sources",
    "train.callbacks": "callbacks",
    "train.loss": "losses",
    "train.metrics": "metrics",
    "train.optimizer": "optimizers",
}
"""By key: the namespace of what it takes."""

_HEADINGS = {"schedules": "learning-rate schedules", "sources": "data sources"}


def find(asked: str) -> list[Page]:
    """Return the page of all that has this name, which may be copied from a message; none if nothing has."""
    written = asked.strip()
    bare = re.sub(r"\A(?:tf\.)?keras\.(?:[a-z_]+\.)+(?=\w+\Z)", "", written)
    name = re.sub(r"\[\d+\]|[`'\"$]|\A\w+\[(?=[\w-]+\]\Z)|(?<=[\w-])\]\Z", "", bare)
    is_operation = "keras.ops." in written and name in catalogue().operations
    found = [] if is_operation else list(_called(name))
    found = found or [_operation(name)] * (name in catalogue().operations)
    if not found:
        alike = sorted(known for known in all_names() if known.casefold() == name.casefold())
        found = list({(page.name, page.kind): page for known in alike for page in _called(known)}.values())
    return found or list(_argument(name))


def groups() -> dict[str, list[str]]:
    """Return all names under headings."""
    listed = {"words of the language": list(words())}
    listed |= {_HEADINGS.get(space, space): _names(space) for space in ("sources", *NAMESPACES)}
    listed["activations"] = catalogue().identifiers("activations")
    for chapter in map(read_chapter, FAULTS):
        listed[next(iter(chapter.values())).kind] = list(chapter)
    return listed


@cache
def all_names() -> frozenset[str]:
    """Return every name that `find` knows."""
    known = catalogue()
    names = [known.operations, [name.rpartition(".")[2] for name in words()], *groups().values()]
    for space in (*NAMESPACES, "activations"):
        names += [known.identifiers(space), known.names(space) if space in NAMESPACES else []]
    return frozenset(name for listed in names for name in listed)


def _called(name: str) -> Iterator[Page]:
    yield from (pages[name] for pages in map(read_chapter, FAULTS) if name in pages)
    yield from _words(_SETTLED_LATER.get(name, name))
    place, _, own = name.rpartition(":")
    for namespace in NAMESPACES:
        if place in ("", f"keras.{namespace}", f"keras.optimizers.{namespace}"):
            yield from _objects(namespace, own)
    if name in catalogue().identifiers("activations"):
        yield _activation(name)


# ---------------------------------------------------------------- words


def _words(name: str) -> Iterator[Page]:
    """Yield the word of this name, else the outermost ones of which it is the last part."""
    alike = [word for word in words() if word.endswith(f".{name}")]
    depth = min((word.count(".") for word in alike), default=0)
    chosen = [name] if name in words() else [word for word in alike if word.count(".") == depth]
    others = tuple(word for word in alike if word not in chosen)
    yield from (replace(words()[word], see=(*others, *_choices(word))) for word in chosen)


def _choices(word: str) -> list[str]:
    return _names(_OBJECTS_OF[word]) if word in _OBJECTS_OF else []


# ---------------------------------------------------------------- objects


def _names(namespace: str) -> list[str]:
    """Return the names of a namespace's objects, aliases left out."""
    known = catalogue()
    found = (known.signature(namespace, name) for name in known.names(namespace))
    return list(dict.fromkeys(signature.name for signature in found if signature is not None))


def _objects(namespace: str, name: str) -> Iterator[Page]:
    known = catalogue()
    signature = known.signature(namespace, name) or known.signature(namespace, _meant(namespace, name))
    if signature is None:
        return
    doc = docs()[namespace, signature.name]
    tables = (
        Table("arguments", tuple(_row(param, doc.arguments) for param in signature.params)),
        Table("call", tuple(_row(param, doc.call) for param in signature.call)),
    )
    yield Page(
        signature.name,
        singular(namespace),
        doc.text,
        (Example("yaml", sample(signature)),),
        tables=tuple(table for table in tables if table.rows),
        also=tuple(_others(signature)),
    )


def _row(param: Param, texts: Mapping[str, str]) -> Row:
    kind = "" if param.type.is_anything else str(param.type)
    return Row(param.name, kind, param.required, param.default, texts.get(param.name, ""))


def _others(signature: Signature) -> Iterator[str]:
    """Yield an object's aliases and the strings that Keras knows it by."""
    known, space = catalogue(), signature.namespace
    aliases = [name for name in known.names(space) if known.signature(space, name) is signature]
    strings = [string for string in known.identifiers(space) if _meant(space, string) == signature.name]
    yield from (name for name in dict.fromkeys((*aliases, *strings)) if name != signature.name)


def _meant(namespace: str, string: str) -> str:
    """Return the class that one of Keras's strings stands for; empty for what is no such string."""
    later = (*_SETTLED_LATER, *_SETTLED_LATER.values())
    if string not in catalogue().identifiers(namespace) or string in later:
        return ""
    short = _SHORT.get("losses" if namespace == "metrics" else namespace, {})
    classes = {name.lower(): name for name in _names(namespace)}
    return short.get(string.lower()) or classes.get(string.replace("_", "").lower(), "")


def _argument(name: str) -> Iterator[Page]:
    """Yield an argument of an object, as `Dense.units` names it."""
    owner, _, argument = name.rpartition(".")
    for page in _called(owner.rpartition(".")[2]):
        for row in (row for table in page.tables for row in table.rows if row.name == argument):
            yield Page(f"{page.name}.{argument}", f"argument of a {page.kind}", row.text, page.examples, row)


# ---------------------------------------------------------------- strings


def _activation(name: str) -> Page:
    lines = (f"- Dense: {{units: 64, activation: {name}}}", f"- Activation: {name}")
    return Page(
        name,
        "activation",
        "One of Keras's activations, by its string name: an argument of many layers, or a step of its own.",
        tuple(Example("yaml", line) for line in lines),
    )


def _operation(name: str) -> Page:
    text = "A function of `keras.ops`, which an `expr` step may call; its arguments are those of Keras."
    return Page(name, "function", text, (Example("yaml", f"- expr: {name}(…)"),))
