"""Sections that no annotation describes alone -> JSON Schema."""

from collections.abc import Iterable

from kexp.spec.catalogue import Signature
from kexp.spec.schema.annotations import fields, one_or_many
from kexp.spec.schema.arguments import described_options, signatures
from kexp.spec.schema.docs import key_doc
from kexp.spec.schema.parts import CUSTOM, FORMULA, TEXT, Schema, formula_or, one_key, ref
from kexp.spec.types import Data, Pipeline

_NUMBER = r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?"


def section_definitions() -> dict[str, Schema]:
    return {"data": _data(), "model": _model(), "pipeline": _pipeline(), "promise": _promise()}


def _promise() -> Schema:
    return {
        "type": "string",
        "pattern": rf"{FORMULA}|^\s*(>=|<=|>|<)\s*{_NUMBER}\s*$",
        "patternErrorMessage": 'a promise is a relation and a number, such as ">= 0.93"',
    }


def _pipeline() -> Schema:
    """Describe what runs before the model for one input: layers, or a map of columns and layers."""
    layers = one_or_many("layers")
    columns = {"type": ["array", *TEXT["type"]], "items": TEXT, "minItems": 1}
    keys = {
        "from": {**columns, "description": key_doc(Pipeline, "takes")},
        "layers": {**layers, "description": key_doc(Pipeline, "layers")},
    }
    return {
        "if": {"type": "object", "anyOf": [{"required": [key]} for key in keys]},
        "then": {"properties": keys, "additionalProperties": False},
        "else": layers,
    }


def _data() -> Schema:
    """Describe `data`: the source decides which other keys there are."""
    sources = signatures("sources")
    shared = fields(Data)
    custom = {"type": "string", "pattern": f"{FORMULA}|^{CUSTOM}$", "patternErrorMessage": "no data source"}
    shared["source"] = {**shared["source"], "type": "string", "anyOf": [{"enum": [*sources]}, custom]}
    return {
        **formula_or("object"),
        "allOf": [
            {"properties": shared},
            *(_of_source(source, shared) for source in sources.values()),
            _of_own_source(shared),
        ],
    }


def _of_source(source: Signature, shared: dict[str, Schema]) -> Schema:
    return {
        "if": {"properties": {"source": {"const": source.name}}, "required": ["source"]},
        "then": _closed(described_options(source), shared),
    }


def _of_own_source(shared: dict[str, Schema]) -> Schema:
    arguments = {"description": "What the function is called with."}
    return {
        "if": {"properties": {"source": {"pattern": f"^{CUSTOM}$"}}, "required": ["source"]},
        "then": _closed({"args": arguments}, shared),
    }


def _closed(own: dict[str, Schema], shared: Iterable[str]) -> Schema:
    """Allow a source's own keys, and those described above."""
    return {"properties": {**own, **{key: {} for key in shared}}, "additionalProperties": False}


def _model() -> Schema:
    """Describe `model`: a graph, or a class of the user's own, whose only key is its name."""
    return {
        **formula_or("object"),
        "if": one_key(CUSTOM),
        "then": {"additionalProperties": ref("custom")},
        "else": ref("graph"),
    }
