"""The whole language as one JSON Schema, draft-07."""

from typing import Any

from kexp.spec.catalogue import catalogue
from kexp.spec.schema.annotations import fields
from kexp.spec.schema.arguments import required_arguments, signatures
from kexp.spec.schema.graphs import graph_definitions
from kexp.spec.schema.objects import object_definitions
from kexp.spec.schema.parts import NAME, Schema, free_name
from kexp.spec.schema.sections import section_definitions
from kexp.spec.schema.values import type_definitions
from kexp.spec.types import LANGUAGE_VERSION, Experiment

DESCRIPTION = "A kexp experiment"


def json_schema() -> Schema:
    """Return the schema of a spec; a file that extends another may leave out what that one says."""
    schema: Schema = _without_backticks(
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "description": f"{DESCRIPTION}, with the names of Keras {catalogue().keras_version}.",
            "type": "object",
            "properties": _keys(),
            "additionalProperties": False,
            "if": {"required": ["extends"]},
            "else": _complete(),
            "definitions": _definitions(),
        }
    )
    return schema


def _definitions() -> dict[str, Schema]:
    return section_definitions() | graph_definitions() | object_definitions() | type_definitions()


def _without_backticks(schema: Any, key: str = "") -> Any:
    """Editors show a description's Markdown as it is written."""
    match schema:
        case str() if key == "description":
            return schema.replace("`", "")
        case dict():
            return {name: _without_backticks(inner, name) for name, inner in schema.items()}
        case list():
            return [_without_backticks(item) for item in schema]
    return schema


def _keys() -> dict[str, Any]:
    keys = fields(Experiment)
    keys["kexp"] = {**keys["kexp"], "type": "integer", "const": LANGUAGE_VERSION}
    keys["extends"] = {
        "type": ["string", "array"],
        "items": {"type": "string"},
        "description": "A base spec, or a list of them from weak to strong: maps merge, lists replace.",
    }
    keys["vars"] = {
        "type": "object",
        "propertyNames": free_name(form=f"{NAME}$"),
        "description": "Values for `$name`; `kexp train --set vars.lr=3e-4` changes one.",
    }
    return keys


def _complete() -> Schema:
    """Describe what a spec without a base must say."""
    options = [
        {"if": {"properties": {"source": {"const": name}}}, "then": required_arguments(source)}
        for name, source in signatures("sources").items()
    ]
    hidden = {"doNotSuggest": True}  # the keys are offered with their descriptions already
    names = {"propertyNames": {"not": {"pattern": ":"}}}
    is_graph = {"required": ["model"], "properties": {"model": {"required": ["layers"]}}}
    train = {"properties": {"train": {"allOf": [_in_every_phase("optimizer"), _in_every_phase("loss")]}}}
    return {
        "required": ["data", "model", "train"],
        "properties": {
            "data": {"required": ["source"], "allOf": options, **hidden},
            "model": {"if": names, "then": {"required": ["layers"]}, **hidden},
            "blocks": {"additionalProperties": {"required": ["layers"]}, **hidden},
        },
        "allOf": [{"if": is_graph, "then": train}],
    }


def _in_every_phase(key: str) -> Schema:
    """Describe a training that has a key, or whose stages all have it."""
    needed = {"required": [key]}
    return {"anyOf": [needed, {"required": ["stages"], "properties": {"stages": {"items": needed}}}]}
