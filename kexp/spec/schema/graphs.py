"""Graphs and blocks -> JSON Schema."""

from kexp.spec.argument_types import DTYPES
from kexp.spec.arrows import RESERVED
from kexp.spec.schema.docs import key_doc
from kexp.spec.schema.parts import JSON_TYPES, NAME, TEXT, Schema, closed_map, formula_or, free_name, ref
from kexp.spec.schema.steps import WORDS, step_definitions
from kexp.spec.types import Block, Graph, Port


def graph_definitions() -> dict[str, Schema]:
    """Return the definitions of what stands in a graph."""
    return {
        "graph": _graph(),
        "nested": {"allOf": [ref("graph")], "required": ["layers"]},
        **step_definitions(),
        "input": _input(),
        "blocks": formula_or("object", propertyNames=_block_name(), additionalProperties=ref("block")),
        "block": _block(),
        "custom": {"type": [*JSON_TYPES], "additionalProperties": ref("value")},
        "value": {
            "if": {"type": "object", "required": ["model"], "maxProperties": 1},
            "then": {"properties": {"model": ref("nested")}},
        },
    }


def _graph() -> Schema:
    return closed_map(_graph_keys())


def _block_name() -> Schema:
    message = "a block's name begins with a small letter, and is no word of the language"
    pattern = rf"^(?!({'|'.join((*WORDS, *RESERVED))})$)(?![A-Z_]){NAME}$"
    return {"pattern": pattern, "patternErrorMessage": message}


def _block() -> Schema:
    params = {**formula_or("object", propertyNames=free_name("i")), "description": key_doc(Block, "params")}
    return closed_map({"params": params, **_graph_keys()})


def _graph_keys() -> dict[str, Schema]:
    inputs = {
        **formula_or("object", "array", items=TEXT),
        "propertyNames": {"pattern": rf"^(?!(prev|input|null)$){NAME}$"},
        "additionalProperties": ref("input"),
        "description": key_doc(Graph, "inputs"),
    }
    outputs = {
        "type": ["array", "object", "string", "number"],
        "items": TEXT,
        "additionalProperties": TEXT,
        "description": key_doc(Graph, "outputs"),
    }
    return {
        "inputs": inputs,
        "layers": ref("steps", description=key_doc(Graph, "steps")),
        "outputs": outputs,
    }


def _input() -> Schema:
    """Describe one input: its shape, or a map of shape, dtype and column."""
    size = {**formula_or("integer", "null"), "minimum": 1}
    dtype = {"anyOf": [{"enum": [*DTYPES]}, TEXT], "default": "float32"}
    return {
        "description": "The shape of one sample, or `{shape: […], dtype: …, from: …}`.",
        **formula_or("array", "object", "null"),
        "items": size,
        "properties": {
            "shape": {**formula_or("array", items=size), "description": key_doc(Port, "shape")},
            "dtype": {**dtype, "description": key_doc(Port, "dtype")},
            "from": {**TEXT, "description": key_doc(Port, "column")},
        },
        "additionalProperties": False,
    }
