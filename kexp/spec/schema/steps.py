"""Steps -> JSON Schema: known by patterns of their keys, with what may stand on the lines below."""

from collections.abc import Iterable

from kexp.spec.schema.arguments import describe, needs_arguments, signatures
from kexp.spec.schema.docs import key_doc
from kexp.spec.schema.keys import WELL_FORMED, key_pattern
from kexp.spec.schema.objects import arguments_ref
from kexp.spec.schema.parts import CUSTOM, FORMULA, TEXT, Schema, formula_or, free_name, ref
from kexp.spec.spellings import SIBLINGS
from kexp.spec.types import Step, Weights

_LAYERS = ("layers", "applications")
_BLOCK = r"[^A-Z\s:,()\[\]$>=-][^\s:,()\[\]$>=]*"
"""What may be a block: its name is the spec's own, and begins with a small letter."""
WORDS: dict[str, Schema] = {
    "reuse": {**TEXT, "description": "Call an earlier layer or nested model again: the same weights."},
    "model": ref(
        "nested", description="A nested model: one step that can be named, frozen, reused, wrapped."
    ),
    "layers": ref("steps", description="Steps that share one `repeat`; they see the names around them."),
    "expr": {
        **TEXT,
        "pattern": r"\S",
        "description": "An expression over named tensors, with any function of `keras.ops`: `abs(a - b)`.",
    },
}
_SURE = rf"->|:|{FORMULA}|^[A-Z]|^({'|'.join(WORDS)})$"
"""A key that can only be a step's; one in small letters may be a block or a misspelt sibling."""


def step_definitions() -> dict[str, Schema]:
    """Return the definitions of a list of steps, and of a step as a map or as a string."""
    return {"steps": formula_or("array", items=ref("step"), minItems=1), "step": _step(), "bare": _bare()}


def _step() -> Schema:
    """Describe a step, which is a string or a map: every keyword binds one of the two only."""
    layers = signatures(*_LAYERS)
    whats = {name: arguments_ref(layer) for name, layer in layers.items()} | WORDS
    offered = {what: schema for what, schema in whats.items() if what in WORDS or layers[what].name == what}
    siblings = _siblings()
    return {
        "description": "A step: `[inputs ->] what [-> names]: arguments`.",
        "type": ["object", "string"],
        "properties": {**offered, **siblings},
        "patternProperties": {
            **{key_pattern(what): schema for what, schema in whats.items()},
            key_pattern(CUSTOM, _BLOCK): ref("custom"),
            FORMULA: ref("custom"),
        },
        "additionalProperties": False,
        "propertyNames": _well_formed(),
        "if": {"propertyNames": {"not": {"pattern": _SURE}}},
        "else": {"propertyNames": _names_beside(siblings)},
        "allOf": [ref("bare")],
    }


def _well_formed() -> Schema:
    message = "inputs and names are names, separated by commas: `a, b -> Add -> sum`"
    return {"pattern": WELL_FORMED, "patternErrorMessage": message}


def _names_beside(siblings: Iterable[str]) -> Schema:
    message = f"beside a step stand {', '.join(siblings)}; inputs and names stand in its key, with arrows"
    return {"pattern": rf"{_SURE}|^({'|'.join(siblings)})$", "patternErrorMessage": message}


def _bare() -> Schema:
    """Describe a step without arguments, and say what its layer is for."""
    layers = signatures(*_LAYERS)
    needing = key_pattern(*(name for name, layer in layers.items() if needs_arguments(layer)), *WORDS)
    bare = [name for name, layer in layers.items() if not needs_arguments(layer)]
    docs = [
        {"if": {"pattern": key_pattern(name)}, "then": {"description": describe(layers[name])}}
        for name in bare
    ]
    whole = {
        "pattern": rf"^(?!{needing[1:]})({key_pattern(*bare, CUSTOM, _BLOCK)}|.*{FORMULA})",
        "patternErrorMessage": "this is no layer that needs no arguments, no block and no `file.py:Name`",
    }
    return {"if": {"type": "string"}, "then": {"allOf": [whole, _well_formed(), *docs]}}


def _siblings() -> dict[str, Schema]:
    """Return the keys beside a step, in the order in which help lists them."""
    described: dict[str, Schema] = {
        "repeat": {
            **formula_or("integer", "object", minimum=1, minProperties=1),
            "propertyNames": free_name("i"),
            "additionalProperties": formula_or("array", minItems=1),
        },
        "call": formula_or("object"),
        "trainable": formula_or("boolean"),
        "trainable_from": TEXT,
        "weights": {
            "type": ["string", "number", "object"],
            "properties": {
                "from": {**TEXT, "description": key_doc(Weights, "source")},
                "layer": {**TEXT, "description": key_doc(Weights, "layer")},
            },
            "required": ["from"],
            "additionalProperties": False,
        },
        "adapt": formula_or("boolean"),
        "outputs_of": formula_or("array", items=TEXT),
    }
    return {name: {**described[name], "description": key_doc(Step, name)} for name in SIBLINGS}
